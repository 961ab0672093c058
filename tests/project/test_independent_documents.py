"""Both implementations give the same effect to documents: stops of agreements, ROOTs that end, keys that are added."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec import structs

from node.limits import DAY_MS
from node.trust.governance import load_governance
from node.trust.signed_document import ParsedDocument
from schemas import types
from schemas.types import AgreementStatus, DocumentKind, KeyReason, KeyUse
from tests.independent.knowledge import load
from tests.support.community import (
    T0,
    TRUSTEES,
    YEAR,
    Community,
    agreement_body,
    document,
    keys_of,
    listed,
    node_body,
    root_body,
    signed,
)
from tests.support.trust import changed_keys, node_version

ROOT, NODE, AGREEMENT = DocumentKind.ROOT, DocumentKind.NODE, DocumentKind.AGREEMENT
TIMES = sorted({T0 + day * DAY_MS + step for day in (0, 10, 20, 30, 365, 730) for step in (-1, 0)})
NEWCOMERS = ("TR4", "TR5", "TR6")


@dataclass
class Case:
    """Documents, and since when stops are known."""

    documents: list[bytes]
    community: bytes
    known: dict[bytes, int] = field(default_factory=dict)


def two() -> Community:
    made = Community(["BZ", "GT"])
    made.agreement("BZ-GT", ["BZ", "GT"], until=T0 + 2 * YEAR)
    return made


def stops(*begins: int, known: Sequence[int] = (), resumed_at: int | None = None) -> Case:
    """The agreement of BZ and GT with one stop for each beginning, and perhaps version 3 after the last stop."""
    made = two()
    base = made.governance
    body = agreement_body(["BZ", "GT"], status=AgreementStatus.ENDED)
    drafts = [document(AGREEMENT, "BZ-GT", body, base, version=2, from_=begin) for begin in begins]
    made.documents += [signed(draft, base, "GT") for draft in drafts]
    if resumed_at is not None:
        again = document(AGREEMENT, "BZ-GT", agreement_body(["BZ", "GT"]), made.governance, version=3, from_=resumed_at)
        made.documents.append(signed(again, made.governance, "BZ", "GT"))
    hashes = [draft.hash for draft in drafts]
    return Case(made.documents, made.community, dict(zip(hashes, known, strict=False)))


def member(
    signers: Sequence[str], begin: int, until: int, second_root: tuple[int, Sequence[str]] | None = None
) -> Case:
    """BZ is admitted under the newest ROOT, or under the first one if that has no effect yet."""
    made = Community()
    if second_root:
        from_, trustees = second_root
        root = document(ROOT, "ROOT", root_body(trustees), made.governance, version=2, from_=from_, until=T0 + 9 * YEAR)
        made.documents.append(signed(root, made.governance, *TRUSTEES, *trustees))
    draft = document(NODE, "BZ", node_body(listed(keys_of("BZ"))), made.governance, from_=begin, until=until)
    made.documents.append(signed(draft, made.governance, *signers))
    return Case(made.documents, made.community)


def added(body: types.Node, *signers: str) -> Case:
    """Version 2 of BZ."""
    made = Community(["BZ", "GT"])
    made.documents.append(signed(node_version(made, body), made.governance, *signers))
    return Case(made.documents, made.community)


def retired() -> Case:
    """An agreement signed by a key that ended before it begins, and one that begins before."""
    made = Community(["BZ", "GT"])
    base = made.governance
    for begin in (T0 + 10 * DAY_MS, T0 + 10 * DAY_MS - 1):
        draft = document(AGREEMENT, f"A{begin}", agreement_body(["BZ", "GT"]), base, from_=begin)
        made.documents.append(signed(draft, base, "BZ", "GT"))
    ended = node_body(changed_keys("BZ", KeyUse.AGREE, until=T0 + 10 * DAY_MS))
    version: ParsedDocument = node_version(made, ended)
    made.documents.append(signed(version, made.governance, *TRUSTEES))
    return Case(made.documents, made.community)


def same_id(*parties: str, version: int = 1) -> Case:
    """BZ-GT of BZ and GT, and another agreement under its id, of these parties."""
    made = Community(["BZ", "GT", "MX"])
    other = Community.of(made.documents, made.community)
    made.agreement("BZ-GT", ("BZ", "GT"))
    for number in range(1, version + 1):
        other.agreement("BZ-GT", parties, version=number, from_=T0 + number * 10 * DAY_MS)
    return Case([*made.documents, *other.documents], made.community)


NEW_KEY = [structs.replace(key, from_=T0) for key in listed(keys_of("GT")) if key.use is KeyUse.ENCRYPT]
LOST = changed_keys("BZ", KeyUse.AGREE, until=T0 + 1, reason=KeyReason.COMPROMISED)
CASES: dict[str, Callable[[], Case]] = {
    "dated back": lambda: stops(0),
    "dated back, known later": lambda: stops(0, known=[T0 + 20 * DAY_MS]),
    "begins later": lambda: stops(T0 + 20 * DAY_MS, known=[T0 + 10 * DAY_MS]),
    "two stops": lambda: stops(T0 + 20 * DAY_MS, T0 + 10 * DAY_MS),
    "resumed": lambda: stops(T0 + 10 * DAY_MS, T0 + 30 * DAY_MS, resumed_at=T0 + 20 * DAY_MS),
    "an expired root": lambda: member((*TRUSTEES, "BZ"), T0 + YEAR, T0 + 2 * YEAR),
    "outlives its root": lambda: member((*TRUSTEES, "BZ"), T0, T0 + 2 * YEAR),
    "an old root": lambda: member((*NEWCOMERS, "BZ"), T0 + YEAR, T0 + 2 * YEAR, (T0 + 10 * DAY_MS, NEWCOMERS)),
    "trustees alone add a key": lambda: added(node_body([*listed(keys_of("BZ")), *NEW_KEY]), *TRUSTEES),
    "the node adds a key": lambda: added(node_body([*listed(keys_of("BZ")), *NEW_KEY]), "TR1", "TR2", "BZ"),
    "lost key, two trustees": lambda: added(node_body([*LOST, *NEW_KEY]), "TR1", "TR2"),
    "lost key, all trustees": lambda: added(node_body([*LOST, *NEW_KEY]), *TRUSTEES),
    "a retired key": retired,
    "a stranger takes the id": lambda: same_id("MX"),
    "a party takes the id alone": lambda: same_id("GT"),
    "a stranger replaces its own version": lambda: same_id("BZ", "MX", version=2),
}


@pytest.mark.parametrize("name", CASES)
def test_both_give_documents_the_same_effect(name: str) -> None:
    """Members and agreements in force at each time, and the keys that are known."""
    case = CASES[name]()
    governance = load_governance(case.documents, case.community, case.known)
    knowledge = load(case.documents, case.community, case.known)
    codes = ("BZ", "GT")
    versions = [version for listed_ in governance.agreements.values() for version in listed_ if not version.missing]
    found = [knowledge.agreement(version.hash) for version in versions]

    assert [[bool(knowledge.at("NODE", code, t)) for code in codes] for t in TIMES] == [
        [governance.node_valid(code, t) for code in codes] for t in TIMES
    ]
    assert all(found)
    assert [[bool(other and knowledge.in_force(other, t)) for other in found] for t in TIMES] == [
        [version.in_force(t) for version in versions] for t in TIMES
    ]
    assert [len(knowledge.versions.get(("NODE", code), [])) for code in codes] == [
        len(governance.nodes.get(code, ())) for code in codes
    ]
