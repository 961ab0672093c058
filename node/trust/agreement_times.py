"""Computes when each version of an agreement is in force, from all its versions ("Governance").

Pure. Rules:

- a version that is IN_FORCE begins at its `from`; it ends at its `until`, or when a higher version begins;
- a version with another status stops the agreement: it begins at its `from`, or when this node first had it if that is
  later. So a party that dates a stop back makes no disclosure unlawful that was lawful when it was made;
- a stop ends the versions below it, and a version of the same number. Several stops of one number do not exclude each
  other: the first one that begins counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from node.trust.document_versions import AgreementVersion
from schemas.types import AgreementStatus

_NEVER = 2**63 - 1  # later than any time of a document


def begins_at(version: AgreementVersion, known_since: Mapping[bytes, int]) -> int:
    """When a version begins to count, in ms; `known_since` is the time when this node first had a document, by hash."""
    begin = version.document.from_
    if version.body.status is AgreementStatus.IN_FORCE:
        return begin
    return max(begin, known_since.get(version.hash, begin))


def dated(versions: Iterable[AgreementVersion], known_since: Mapping[bytes, int]) -> list[AgreementVersion]:
    """The versions of one agreement, all with effect, with the times when they are in force; ascending."""
    in_order = sorted(versions, key=lambda version: (version.document.version, version.stops, version.hash))
    result: list[AgreementVersion] = []
    superseded_from = _NEVER
    for _, same in groupby(reversed(in_order), key=lambda version: version.document.version):
        begins = [(version, begins_at(version, known_since)) for version in same]
        stopped_from = min([superseded_from, *(begin for version, begin in begins if version.stops)])
        for version, begin in begins:
            in_force = version.body.status is AgreementStatus.IN_FORCE
            until = min(version.document.until, stopped_from) if in_force else begin
            result.append(replace(version, in_force_from=begin, in_force_until=until))
        superseded_from = min(superseded_from, *(begin for _, begin in begins))
    result.reverse()
    return result
