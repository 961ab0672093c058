"""A stop of an agreement by one party counts from its beginning, never before a node had it, and never for the past."""

from pathlib import Path

import pytest

from node.limits import DAY_MS
from node.trust import document_files, stops_known
from node.trust.governance import Governance, load_governance
from node.trust.signed_document import ParsedDocument, parse
from schemas.types import AgreementStatus, DocumentKind, KeyUse
from tests.support.community import T0, YEAR, Community, agreement_body, document, node_body, signed
from tests.support.trust import changed_keys, folder_of, node_version, problem

AGREEMENT = DocumentKind.AGREEMENT
DAYS = [T0 + day * DAY_MS for day in range(100)]


@pytest.fixture
def two() -> Community:
    """BZ and GT with their agreement, in force for a year."""
    community = Community(["BZ", "GT"])
    community.agreement("BZ-GT", ["BZ", "GT"])
    return community


def stop(community: Community, begin: int, status: AgreementStatus = AgreementStatus.ENDED) -> ParsedDocument:
    """Version 2, unsigned, that stops the agreement."""
    body = agreement_body(["BZ", "GT"], status=status)
    return document(AGREEMENT, "BZ-GT", body, community.governance, version=2, from_=begin)


def with_stops(
    community: Community, *stops: tuple[ParsedDocument, str], known: dict[bytes, int] | None = None
) -> Governance:
    """The governance with stops that one party each has signed."""
    documents = [signed(parsed, community.governance, party) for parsed, party in stops]
    return load_governance([*community.documents, *documents], community.community, known or {})


def in_force(governance: Governance, *times: int) -> list[bool]:
    return [bool(governance.clauses_in_force("BZ", "GT", t)) for t in times]


def test_a_stop_that_is_dated_back_counts_from_the_time_when_it_was_first_here(two: Community) -> None:
    """What was disclosed before stays lawful."""
    dated_back = stop(two, 0)
    governance = with_stops(two, (dated_back, "GT"), known={dated_back.hash: DAYS[50]})

    assert in_force(governance, T0, DAYS[50] - 1, DAYS[50], DAYS[99]) == [True, True, False, False]
    [first, _] = governance.agreements["BZ-GT"]
    assert governance.agreement_by_hash(first.hash) == first


def test_a_stop_that_begins_later_counts_from_its_beginning(two: Community) -> None:
    governance = with_stops(two, (later := stop(two, DAYS[60]), "GT"), known={later.hash: DAYS[50]})

    assert in_force(governance, DAYS[60] - 1, DAYS[60]) == [True, False]


def test_two_stops_do_not_cancel_the_agreement_and_the_first_one_counts(two: Community) -> None:
    """Each party may have stopped it by itself, or one party twice."""
    ended, suspended = stop(two, DAYS[20]), stop(two, DAYS[10], AgreementStatus.SUSPENDED)
    governance = with_stops(two, (ended, "BZ"), (suspended, "GT"))

    assert governance.problems == ()
    assert in_force(governance, T0, DAYS[10] - 1, DAYS[10], DAYS[20]) == [True, True, False, False]


def test_a_stop_does_not_exclude_another_version_of_its_number_that_all_parties_signed(two: Community) -> None:
    """Both count: the stop ends the version before and the one beside it."""
    amended = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), two.governance, version=2, from_=DAYS[10])
    two.documents.append(signed(amended, two.governance, "BZ", "GT"))
    body = agreement_body(["BZ", "GT"], status=AgreementStatus.ENDED)
    first_only = Community.of(two.documents[:-1], two.community)
    stopped = document(AGREEMENT, "BZ-GT", body, first_only.governance, version=2, from_=DAYS[30])
    governance = load_governance([*two.documents, signed(stopped, first_only.governance, "GT")], two.community)

    assert governance.problems == ()
    assert in_force(governance, DAYS[9], DAYS[10], DAYS[30] - 1, DAYS[30]) == [True, True, True, False]


@pytest.mark.parametrize("named", [0, 1])
def test_all_parties_resume_after_either_of_two_stops(two: Community, named: int) -> None:
    """The next version follows one of them. A stop of the version before does not stop it."""
    stops = [stop(two, DAYS[10]), stop(two, DAYS[40])]
    two.documents += [signed(parsed, two.governance, party) for parsed, party in zip(stops, ("BZ", "GT"), strict=True)]
    follows = Community.of([*two.documents[:-2], two.documents[named - 2]], two.community)
    body = agreement_body(["BZ", "GT"])
    resumed = document(AGREEMENT, "BZ-GT", body, follows.governance, version=3, from_=DAYS[30])
    two.documents.append(signed(resumed, follows.governance, "BZ", "GT"))
    governance = two.governance

    assert governance.problems == ()
    assert in_force(governance, DAYS[9], DAYS[10], DAYS[30], DAYS[41]) == [True, False, True, True]


def test_two_versions_that_change_the_agreement_still_exclude_each_other(two: Community) -> None:
    """Every party signed both, so nobody can say which one they meant."""
    drafts = [
        document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), two.governance, version=2, from_=begin)
        for begin in (DAYS[10], DAYS[20])
    ]
    both = [signed(draft, two.governance, "BZ", "GT") for draft in drafts]
    governance = load_governance([*two.documents, *both], two.community)

    assert {found.error.code for found in governance.problems} == {"document_conflict"}
    assert in_force(governance, DAYS[5]) == [False]


def test_a_retired_agree_key_does_not_sign_an_agreement_of_a_later_time(two: Community) -> None:
    """It signs what begins before its end. A holder of a retired key decides nothing new."""
    ended = node_body(changed_keys("BZ", KeyUse.AGREE, until=DAYS[10]))
    two.documents.append(signed(node_version(two, ended), two.governance, "TR1"))
    governance = two.governance
    before, after = (
        document(AGREEMENT, "NEW", agreement_body(["BZ", "GT"]), governance, from_=begin)
        for begin in (DAYS[10] - 1, DAYS[10])
    )

    assert governance.problems == ()
    assert governance.examine(parse(signed(before, governance, "BZ", "GT"))).valid
    assert [key.node for key in governance.examine(after).counted] == ["GT"]
    assert in_force(governance, DAYS[50]) == [True]


def test_the_time_of_a_stop_survives_in_its_folder(two: Community, tmp_path: Path) -> None:
    """A second reading and a second installation do not change it."""
    folder = folder_of(two, tmp_path / "documents")
    parsed = parse(signed(stop(two, 0), two.governance, "GT"))
    document_files.install(parsed, folder, now=DAYS[50])
    document_files.install(parsed, folder, now=DAYS[70])
    read = document_files.read_folder(folder, now=DAYS[80])

    assert in_force(read.governance, DAYS[50] - 1, DAYS[50]) == [True, False]
    assert stops_known.read(folder) == {parsed.hash: DAYS[50]}


def test_a_stop_that_was_copied_into_the_folder_counts_from_the_first_reading(two: Community, tmp_path: Path) -> None:
    """A file of a time that cannot be read is written again."""
    parsed = parse(signed(stop(two, 0), two.governance, "GT"))
    two.documents.append(document_files.to_bytes(parsed))
    folder = folder_of(two, tmp_path / "documents")
    (folder / f"{parsed.hash.hex()}.known").write_text("yesterday")

    assert in_force(document_files.read_folder(folder).governance, T0) == [False]
    assert in_force(document_files.read_folder(folder, now=DAYS[3]).governance, T0, DAYS[3]) == [True, False]


def test_a_stop_that_was_noted_under_a_clock_that_was_ahead_counts_from_now(two: Community, tmp_path: Path) -> None:
    """Otherwise the agreement would stay in force until that time."""
    folder = folder_of(two, tmp_path / "documents")
    document_files.install(parse(signed(stop(two, 0), two.governance, "GT")), folder, now=DAYS[80])
    read = document_files.read_folder(folder, now=DAYS[50])

    assert in_force(read.governance, DAYS[50] - 1, DAYS[50]) == [True, False]


def test_a_document_with_a_thousand_parties_is_loaded_quickly() -> None:
    """Anybody can put such a file into a folder: nothing may grow with the square of the parties."""
    community = Community(["BZ"])
    names = [f"A{number:04d}" for number in range(900)]
    draft = document(AGREEMENT, "BOMB", agreement_body(names), community.governance, until=T0 + YEAR)
    governance = load_governance([*community.documents, document_files.to_bytes(draft)], community.community)

    assert [version.id for version in governance.agreements_between("A0001", "A0899")] == ["BOMB"]
    assert problem(governance).error.code == "signatures_missing"
