"""Which documents are versions of one agreement: those that follow first versions with one id and the same parties.

Pure. An id has no owner: any member can sign an agreement under the id of another one. So documents under one id are
versions of one agreement, a *line*, only if the same parties signed for its beginning. Rules ("Governance"):

- first versions with the same id and the same parties belong to one line;
- a later version belongs to the line of the version that it names as `previous`.
"""

from collections.abc import Iterable, Mapping, Sequence

from node.trust.agreement_times import dated
from node.trust.document_versions import AgreementVersion
from node.trust.signed_document import ParsedDocument
from schemas.types import Agreement

Line = tuple[str, ...]
"""The parties of the first version of an agreement, in order. With the id, they name it."""

VersionsByLine = Mapping[Line, Sequence[AgreementVersion]]
VersionsById = Mapping[str, VersionsByLine]


def lines_of(documents: Iterable[ParsedDocument]) -> dict[bytes, Line]:
    """Hash -> line of each AGREEMENT of one id. A version that does not follow a first one of them is absent."""
    found: dict[bytes, Line] = {}
    for parsed in sorted(documents, key=lambda parsed: parsed.document.version):
        if parsed.document.version == 1 and isinstance(parsed.body, Agreement):
            found[parsed.hash] = parsed.body.parties
        elif (line := found.get(parsed.document.previous)) is not None:
            found[parsed.hash] = line
    return found


def line_of(version: int, parties: Line, previous: bytes | None, known: VersionsByLine) -> Line:
    """The line of a version with these `parties` among the `known` ones of its id.

    A later version that follows none of them, or that is not compiled yet (`previous` None), counts to the line with
    which it shares most parties: then an error or a draft names the version that comes next there.
    """
    if version == 1 or not known:
        return parties
    follows = (line for line, versions in known.items() if any(kept.hash == previous for kept in versions))
    return next(follows, None) or min(known, key=lambda line: (-len({*line} & {*parties}), line))


def labelled(
    signed: VersionsById, unsigned: VersionsById, known_since: Mapping[bytes, int]
) -> dict[str, tuple[AgreementVersion, ...]]:
    """The versions of each line, ascending, with the time when each is in force.

    The key is the id of the agreement. If several lines have the id, the parties of the line follow.
    """
    found = {}
    for identity in sorted({*signed, *unsigned}):
        of_signed, of_unsigned = signed.get(identity, {}), unsigned.get(identity, {})
        lines = sorted({*of_signed, *of_unsigned})
        for line in lines:
            versions = [*of_unsigned.get(line, ()), *dated(of_signed.get(line, ()), known_since)]
            versions.sort(key=lambda version: (version.document.version, version.stops, version.hash))
            label = identity if len(lines) == 1 else f"{identity} of {', '.join(line)}"
            found[label] = tuple(versions)
    return found
