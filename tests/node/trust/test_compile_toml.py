"""From the TOML that people write to an unsigned document."""

from pathlib import Path

import pytest

from node.commands.init import init
from node.errors import UsageError
from node.primitives import ZERO_HASH
from schemas.types import Agreement, AgreementStatus, DocumentKind, KeyUse, Node, Root
from tests.support.community import (
    T0,
    TRUSTEES,
    Community,
)
from tests.support.trust import AGREEMENT_TOML, compiled, root_text


def error_of(text: str, kind: DocumentKind = DocumentKind.AGREEMENT, community: Community | None = None) -> UsageError:
    with pytest.raises(UsageError) as error:
        compiled(text, community or Community(["BZ", "GT"]), kind)
    return error.value


def test_an_agreement_becomes_sorted_sets() -> None:
    """People write lists in any order; the document has one encoding."""
    body = compiled(AGREEMENT_TOML, Community(["BZ", "GT"])).body

    assert isinstance(body, Agreement)
    assert (body.parties, body.status) == (("BZ", "GT"), AgreementStatus.IN_FORCE)
    assert body.clauses[0].subjects == ("CONTRABAND", "ENVIRONMENTAL_CRIME")  # shorter strings come first
    assert body.clauses[0].special_categories is False


def test_a_document_follows_the_installed_documents() -> None:
    """Community, root and predecessor come from them, so people write no hashes."""
    community = Community(["BZ", "GT"])
    document = compiled(AGREEMENT_TOML, community).document

    assert (document.community, document.root) == (community.community, community.community)
    assert (document.previous, document.from_) == (ZERO_HASH, T0)
    first = community.agreement("BZ-GT", ["BZ", "GT"])
    assert compiled(AGREEMENT_TOML.replace("version = 1", "version = 2"), community).document.previous == first


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ('id = "BZ-GT"', "", "value_invalid", "id"),
        ('handling = ["H0", "H1"]', "", "value_invalid", "clause[0].handling"),
        ("retention_days_max", "retention_days", "unknown_key", "clause[0].retention_days"),
        ('to = ["GT"]', 'to = ["MX"]', "party_unknown", "clauses.1.to"),
        ('types = ["*"]', 'types = ["*", "REPORT"]', "value_invalid", "clause[0].types"),
        ("version = 1", "version = 2", "document_version", "version"),
        ("2027-01-01", "2025-01-01", "value_invalid", "not_before"),
        ('"GT", "BZ"', '"GT", "bz"', "value_invalid", "parties[1]"),
    ],
)
def test_an_error_names_the_part_of_the_agreement(old: str, new: str, code: str, path: str | None) -> None:
    """The path names the key of the TOML, or the field of the document."""
    error = error_of(AGREEMENT_TOML.replace(old, new))

    assert (error.code, error.path) == (code, path)


def test_two_clauses_with_one_id_are_refused() -> None:
    """A grant names a clause by its id."""
    twice = AGREEMENT_TOML + AGREEMENT_TOML[AGREEMENT_TOML.index("[[clause]]") :]
    error = error_of(twice)

    assert (error.code, error.path) == ("value_invalid", "clause[1].id")


def test_a_first_root_is_compiled_without_documents() -> None:
    """This holds for the first ROOT, whose hash is the community."""
    parsed = compiled(root_text(), None, DocumentKind.ROOT)

    assert isinstance(parsed.body, Root)
    assert [trustee.id for trustee in parsed.body.trustees] == list(TRUSTEES)
    assert (parsed.document.community, parsed.document.root, parsed.document.previous) == (ZERO_HASH,) * 3


def test_every_other_document_needs_installed_documents() -> None:
    """Without documents there is nothing that it could follow."""
    with pytest.raises(UsageError) as error:
        compiled(AGREEMENT_TOML, None)
    assert error.value.code == "root_missing"
    with pytest.raises(UsageError):
        compiled(root_text(version=2), None, DocumentKind.ROOT)


def test_a_node_gets_the_streams_of_the_topology(tmp_path: Path) -> None:
    """The keys come from the join request of the node."""
    request = init(tmp_path / "es", "ES", "sqlite:///log.db").join_request.read_text()
    body = compiled(request, Community(), DocumentKind.NODE).body

    assert isinstance(body, Node)
    assert set(body.streams) == {"intel.europe", "intel.transatlantic", "keys", "receipts", "checkpoints", "proposals"}
    assert sorted(key.use for key in body.keys) == sorted(KeyUse)


def test_a_node_outside_the_topology_names_its_streams(tmp_path: Path) -> None:
    """Otherwise the streams of a node that no region lists are not known."""
    request = init(tmp_path / "eu", "EUROPOL", "sqlite:///log.db").join_request.read_text()

    assert error_of(request, DocumentKind.NODE).path == "streams"
    named = 'streams = ["keys"]\n' + request
    body = compiled(named, Community(), DocumentKind.NODE).body
    assert isinstance(body, Node)
    assert body.streams == ("keys",)


@pytest.mark.parametrize(
    ("right", "wrong", "path", "suggested"),
    [
        ('"CONTRABAND"', '"CONTRABANDO"', "clause[0].subjects", "CONTRABAND"),
        ('handling = ["H0", "H1"]', 'handling = ["H0", "h1"]', "clause[0].handling", "H1"),
        ('regions = ["caribbean"]', 'regions = ["carribean"]', "clause[0].regions", "caribbean"),
        ('types = ["*"]', 'types = ["REPORTS"]', "clause[0].types", "REPORT"),
        ('categories = ["*"]', 'categories = ["SUSPECTS"]', "clause[0].categories", "SUSPECT"),
        ('purposes = ["*"]', 'purposes = ["OPERATIONAL_ANALYSES"]', "clause[0].purposes", "OPERATIONAL_ANALYSIS"),
    ],
)
def test_a_code_that_no_list_has_is_refused_with_the_nearest_code(
    right: str, wrong: str, path: str, suggested: str
) -> None:
    """It would match nothing, and no recipient would get what the parties agreed on."""
    assert right in AGREEMENT_TOML
    with pytest.raises(UsageError) as error:
        compiled(AGREEMENT_TOML.replace(right, wrong), Community(["BZ", "GT"]), known_codes_only=True)

    assert (error.value.code, error.value.path) == ("code_unknown", path)
    assert f"did you mean {suggested}?" in error.value.message


def test_a_code_of_a_later_list_is_allowed_by_name() -> None:
    """Agreements may be signed before every node has the list."""
    text = AGREEMENT_TOML.replace('subjects = ["ENVIRONMENTAL_CRIME"', 'subjects = ["MOON_CRIME"')
    named = text.replace("version = 1", 'version = 1\nlater_codes = ["MOON_CRIME"]')
    body = compiled(named, Community(["BZ", "GT"]), known_codes_only=True).body

    assert isinstance(body, Agreement)
    assert "MOON_CRIME" in body.clauses[0].subjects
    with pytest.raises(UsageError):
        compiled(text, Community(["BZ", "GT"]), known_codes_only=True)


def test_a_version_that_stops_an_agreement_may_repeat_an_unknown_code() -> None:
    """It changes nothing except the status, and must not be blocked by what it ends."""
    text = AGREEMENT_TOML.replace("CONTRABAND", "CONTRABANDO")

    stopped = text.replace("version = 1", 'version = 1\nstatus = "SUSPENDED"')
    assert compiled(stopped, Community(["BZ", "GT"]), known_codes_only=True)
