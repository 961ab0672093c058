"""Step 13: which grant counts, for whom, for how long and by which clause; and the result of a wrong wrap."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from msgspec import structs

from node.errors import Rejected
from node.limits import DAY_MS
from node.runtime.current_judge import unwrapper
from node.sealing.private_keys import PrivateKeys
from node.sharing.grants import AudienceKeys, own_entry
from node.stages import Grant, NotAddressed, Waiting
from node.verification.judge import Judge
from schemas.avro import codec
from schemas.types import AgreementStatus, ClauseReference, DocumentKind, GrantEntry, KeyGrant, KeyUse
from tests.support.community import (
    document,
    keys_of,
    listed,
    node_body,
    signed,
)
from tests.support.readers import (
    World,
    code_of,
    decide,
    governance,
    granted,
    judge,
    verified,
    world,
)
from tests.support.records import (
    NOW,
    AudienceKey,
    Author,
    entry_changed,
    grant_body,
    place,
    report_of,
    wrap_for,
)

H = bytes(range(32))
REPORT = report_of(now=NOW - DAY_MS)


def outcome(
    grant: KeyGrant,
    key: AudienceKey,
    *,
    by: str = "GT",
    sealed_at: int = NOW,
    granted_at: int = NOW,
    of: World | None = None,
) -> str:
    """The decision of a reader about a message sealed under `key`, with its `grant`."""
    author = (of or world()).author()
    reader = judge(by, known=(of or world()).community.governance)
    record = author.grant(grant, sealed_at=granted_at)
    value = author.batch([author.sealed_leaf(key, REPORT)], sealed_at=sealed_at)[0]
    return code_of(decide(reader, value, record, now=sealed_at))


@pytest.mark.parametrize("by", ["BZ", "GT", "MX"])
def test_each_node_of_the_audience_opens_the_message(by: str) -> None:
    key, grant = granted(world().author())

    assert outcome(grant, key, by=by) == "stored"


def test_a_node_without_an_entry_is_not_addressed() -> None:
    key, grant = granted(world().author())
    without = structs.replace(grant, entries=grant.entries[:2])

    assert outcome(without, key, by="MX") == "not_addressed"


def test_a_message_waits_for_its_grant() -> None:
    author = world().author()
    key, _ = granted(author)

    assert code_of(decide(judge(), author.message(key), None)) == "waiting grant"


def test_a_message_waits_for_the_private_key() -> None:
    key, grant = granted(world().author())
    replaced = PrivateKeys.generate("GT")
    author = world().author()
    record, value = author.grant(grant), author.message(key)

    assert code_of(decide(judge(keys=replaced), value, record)) == "waiting private_key"


# What makes an entry unlawful.


@dataclass(frozen=True)
class Case:
    """A change of the grant, and the expected outcome."""

    expected: str
    change: Callable[[KeyGrant], KeyGrant] = lambda grant: grant
    granted_at: int = NOW


def clauses(*named: ClauseReference) -> Callable[[KeyGrant], KeyGrant]:
    return lambda grant: entry_changed(grant, "GT", clauses=codec.sorted_set(named))


def use_until(time: int) -> Callable[[KeyGrant], KeyGrant]:
    return lambda grant: structs.replace(grant, use_until=time)


def named(clause_id: str = "1", agreement: bytes | None = None) -> ClauseReference:
    return world().named(clause_id, agreement)


UNKNOWN = ClauseReference(agreement=H, clause="1")
LAW = {
    "lawful": Case("stored"),
    "two clauses, both lawful": Case("stored", clauses(named("1"), named("drugs"))),
    "a clause that the agreement does not have": Case("grant_unlawful", clauses(named("2"))),
    "a clause in the other direction": Case("grant_unlawful", clauses(named("back"))),
    "a clause from another originator": Case("grant_unlawful", clauses(named("from-mx", world().three))),
    "a clause to another recipient": Case("grant_unlawful", clauses(named("to-mx", world().three))),
    "a clause of an agreement with another": Case("grant_unlawful", clauses(named("1", world().bz_mx))),
    "one lawful clause and one that is not": Case("grant_unlawful", clauses(named("1"), named("back"))),
    "an agreement that is not known here": Case("waiting agreement", clauses(UNKNOWN)),
    "one known agreement and one that is not": Case("waiting agreement", clauses(named("1"), UNKNOWN)),
    "an unknown agreement and a clause in the other direction": Case(
        "waiting agreement", clauses(named("back"), UNKNOWN)
    ),
    "used at its end": Case("stored", use_until(NOW)),
    "used after its end": Case("grant_unlawful", use_until(NOW - 1), granted_at=NOW - 1),
    "for 24 hours": Case("stored", use_until(NOW + DAY_MS)),
    "for more than 24 hours": Case("grant_unlawful", use_until(NOW + DAY_MS + 1)),
    "used before it was granted": Case("grant_unlawful", granted_at=NOW + 1),
    "used when it was granted": Case("stored", use_until(NOW + DAY_MS)),
    "too long, and an agreement that is not known": Case(
        "grant_unlawful", lambda grant: clauses(UNKNOWN)(use_until(NOW + DAY_MS + 1)(grant))
    ),
    "for a key of another use": Case(
        "grant_unlawful",
        lambda grant: entry_changed(grant, "GT", key_id=keys_of("GT").newest(KeyUse.SEAL).key_id),
    ),
}


@pytest.mark.parametrize("case", LAW.values(), ids=LAW)
def test_an_entry_is_lawful_as_the_wire_format_defines(case: Case) -> None:
    """The times and the key of the grant come first, then agreements that are not known here, then known ones."""
    key, grant = granted(world().author())

    assert outcome(case.change(grant), key, granted_at=case.granted_at) == case.expected


HOUR = 3_600_000
IN_FORCE = {
    "before its beginning": (NOW - 1, "grant_unlawful"),
    "at its beginning": (NOW, "stored"),
    "before its end": (NOW + HOUR - 1, "stored"),
    "at its end": (NOW + HOUR, "grant_unlawful"),
}


@pytest.mark.parametrize(("sealed_at", "expected"), IN_FORCE.values(), ids=IN_FORCE)
def test_each_clause_named_is_in_force_when_the_message_is_sealed(sealed_at: int, expected: str) -> None:
    made = World.new()
    short = made.community.agreement("SHORT", ("BZ", "GT"), from_=NOW, until=NOW + HOUR)
    key, grant = granted(made.author(), named("1", short), use_until=NOW + HOUR)

    assert outcome(grant, key, sealed_at=sealed_at, granted_at=NOW - 1, of=made) == expected


@pytest.mark.parametrize(("sealed_at", "expected"), [(NOW - 1, "stored"), (NOW, "grant_unlawful")])
def test_a_suspended_agreement_allows_nothing_after_its_suspension(sealed_at: int, expected: str) -> None:
    made = World.new()
    made.community.agreement(
        "BZ-MX", ("BZ", "MX"), version=2, from_=NOW, status=AgreementStatus.SUSPENDED, signers=("MX",)
    )
    key, grant = granted(made.author(), use_until=NOW)

    assert outcome(grant, key, by="MX", sealed_at=sealed_at, granted_at=NOW - 1, of=made) == expected


def test_an_agreement_that_lacks_a_signature_is_not_known() -> None:
    made = World.new()
    unsigned = made.community.agreement("NEW", ("BZ", "GT"), signers=("BZ",))
    key, grant = granted(made.author(), named("1", unsigned))

    assert outcome(grant, key, of=made) == "waiting agreement"


def test_the_encrypt_key_may_have_expired() -> None:
    """It was valid when the grant was made. Its end must not make waiting messages unreadable."""
    made = World.new()
    keys = [structs.replace(key, until=NOW - 1) if key.use is KeyUse.ENCRYPT else key for key in listed(keys_of("GT"))]
    known = made.community.governance
    draft = document(DocumentKind.NODE, "GT", node_body(keys), known, version=2)
    made.community.documents.append(signed(draft, known, "TR1", "TR2"))
    key, grant = granted(made.author())

    assert outcome(grant, key, of=made) == "stored"


def thief() -> Judge:
    """GT with the private keys of MX."""
    return judge(keys=keys_of("MX"))


def for_key(grant: KeyGrant, key_id: bytes) -> KeyGrant:
    """The grant with GT's entry under another key."""
    return entry_changed(grant, "GT", key_id=key_id)


def test_an_entry_under_the_key_of_another_recipient_is_unlawful() -> None:
    """Even if the reader has the private key: no document lists it for the recipient."""
    author = world().author()
    key, grant = granted(author)
    wrong = for_key(grant, keys_of("MX").newest(KeyUse.ENCRYPT).key_id)
    record = author.grant(wrong)

    assert code_of(decide(thief(), author.message(key, REPORT), record)) == "grant_unlawful"


def test_a_message_waits_if_no_document_here_lists_the_key_of_its_entry() -> None:
    """The reader has made a new key, and the document that lists the key has not arrived."""
    author, new = world().author(), PrivateKeys.generate("GT")
    key, grant = granted(author)
    record = author.grant(for_key(grant, new.newest(KeyUse.ENCRYPT).key_id))
    reader = judge(keys=new)

    assert code_of(decide(reader, author.message(key, REPORT), record)) == "waiting agreement"


# A grant is checked when it arrives.


def tried(grant: KeyGrant, *, by: str = "GT", sealed_at: int = NOW, of: World | None = None) -> str:
    """The decision of a reader about the grant."""
    reader = judge(by, known=(of or world()).community.governance)
    value = (of or world()).author().grant(grant, sealed_at=sealed_at)
    return code_of(reader.decide(verified(reader, value, place("keys")), grant=None, now=sealed_at))


@pytest.mark.parametrize("by", ["BZ", "GT", "MX"])
def test_a_lawful_grant_is_counted(by: str) -> None:
    assert tried(granted(world().author())[1], by=by) == "counted KEY_GRANT"


def test_a_grant_for_others_is_counted() -> None:
    _, grant = granted(world().author())

    assert tried(structs.replace(grant, entries=grant.entries[:2]), by="MX") == "counted KEY_GRANT"


def test_a_grant_may_come_before_its_agreement() -> None:
    """Whether a clause is in force is checked for each message, so a grant may be made in advance."""
    made = World.new()
    later = made.community.agreement("LATER", ("BZ", "GT"), from_=NOW + HOUR)
    key, grant = granted(made.author(), named("1", later))

    assert tried(grant, of=made) == "counted KEY_GRANT"
    assert outcome(grant, key, sealed_at=NOW + HOUR, of=made) == "stored"


TRIED = {
    "used for more than 24 hours": use_until(NOW + DAY_MS + 1),
    "of no use": use_until(NOW - 1),
    "for a key of another use": LAW["for a key of another use"].change,
}


@pytest.mark.parametrize("change", TRIED.values(), ids=TRIED)
def test_a_grant_that_is_lawful_for_no_message_is_refused_when_it_arrives(
    change: Callable[[KeyGrant], KeyGrant],
) -> None:
    assert tried(change(granted(world().author())[1])) == "grant_unlawful"


# Wraps.


def rewrapped(change: Callable[[Author, AudienceKey, KeyGrant], GrantEntry | bytes]) -> tuple[AudienceKey, KeyGrant]:
    """A grant whose entry for GT, or the wrap of that entry, is replaced."""
    author = world().author()
    key, grant = granted(author)
    made = change(author, key, grant)
    entry = made if isinstance(made, GrantEntry) else structs.replace(grant.entries[1], wrap=made)
    return key, structs.replace(grant, entries=codec.sorted_set([grant.entries[0], entry, grant.entries[2]]))


WRAPS: dict[str, Callable[[Author, AudienceKey, KeyGrant], GrantEntry | bytes]] = {
    "another key": lambda author, key, _: wrap_for(author, H, key.key_id, "GT", (named(),)),
    "zeros": lambda _, __, ___: bytes(1168),
    "an X25519 share of low order": lambda _, __, grant: grant.entries[1].wrap[:1088] + bytes(32) + bytes(48),
    "the wrap of another recipient": lambda _, __, grant: grant.entries[2].wrap,
    "a wrap for another originator": lambda _, key, __: wrap_for(
        world().author("MX"), key.key, key.key_id, "GT", (named(),)
    ),
    "a wrap for another community": lambda _, key, __: wrap_for(
        Author(code="BZ", community=H), key.key, key.key_id, "GT", (named(),)
    ),
    "a wrap under another id": lambda author, key, _: wrap_for(author, key.key, H, "GT", (named(),)),
    "a bit flipped": lambda _, __, grant: grant.entries[1].wrap[:-1] + bytes([grant.entries[1].wrap[-1] ^ 1]),
}


@pytest.mark.parametrize("change", WRAPS.values(), ids=WRAPS)
def test_a_wrap_of_another_key_is_an_audience_key_mismatch(
    change: Callable[[Author, AudienceKey, KeyGrant], GrantEntry | bytes],
) -> None:
    """This holds for the grant and for each message. A recipient with a right wrap opens them."""
    key, grant = rewrapped(change)

    assert tried(grant) == "audience_key_mismatch"
    assert outcome(grant, key) == "audience_key_mismatch"
    assert outcome(grant, key, by="MX") == "stored"


def test_two_recipients_cannot_have_different_keys_under_one_id() -> None:
    """The key of the other recipient has an id that the grant does not name."""
    author = world().author()
    first, grant = granted(author)
    second = AudienceKey.new(author)
    other = structs.replace(
        grant, audience_key_id=second.key_id, entries=(wrap_for(author, first.key, second.key_id, "GT", (named(),)),)
    )

    assert tried(rewrapped(WRAPS["another key"])[1]) == "audience_key_mismatch"
    assert tried(other) == "audience_key_mismatch"


# The grant must be the one that the header names.


def test_a_grant_at_another_sequence_than_the_header_names_is_unlawful() -> None:
    author = world().author()
    key, grant = granted(author)
    record = author.grant(grant)
    value = author.message(key, sealing={"grant": 2})

    assert code_of(decide(judge(), value, record)) == "grant_unlawful"


def test_a_grant_of_another_key_is_unlawful() -> None:
    author = world().author()
    _, grant = granted(author)
    other = AudienceKey.new(author)

    assert code_of(decide(judge(), author.message(other), author.grant(grant))) == "grant_unlawful"


def test_a_grant_of_the_same_key_by_another_node_opens_nothing() -> None:
    """The id of a key binds its originator, so a grant by MX cannot give the key of BZ."""
    author, mx = world().author(), world().author("MX")
    key, _ = granted(author)
    theirs = structs.replace(
        grant_body(mx, key, governance(), {}), entries=(wrap_for(mx, key.key, key.key_id, "GT", (named(),)),)
    )
    record = mx.grant(theirs)

    assert code_of(decide(judge(), author.message(key), record, granted_by="MX")) == "grant_unlawful"


def entry(recipient: str, key_id: bytes) -> GrantEntry:
    return GrantEntry(recipient=recipient, key_id=key_id, clauses=(), wrap=bytes(1168))


OWN = {
    "one of two": ([b"a", b"b"], [b"a"], b"a"),
    "the last of two": ([b"a", b"b"], [b"a", b"b"], b"b"),
    "the last that is here": ([b"a", b"b", b"c"], [b"a", b"b"], b"b"),
}


@pytest.mark.parametrize(("entries", "here", "expected"), OWN.values(), ids=OWN)
def test_the_last_own_entry_whose_private_key_is_here_counts(
    entries: list[bytes], here: list[bytes], expected: bytes
) -> None:
    made = tuple(entry("GT", letter * 32) for letter in entries)
    grant = Grant(
        originator="BZ",
        sequence=1,
        sealed_at=NOW,
        body=KeyGrant(audience_key_id=H, use_until=NOW, entries=(entry("BZ", H), *made, entry("MX", H))),
    )

    assert own_entry(grant, "GT", lambda key_id: key_id[:1] in here) == entry("GT", expected * 32)
    assert own_entry(grant, "GT", lambda _: False) == Waiting(reason="private_key")
    assert own_entry(grant, "CO", lambda _: True) == NotAddressed()


# The cache of unwrapped keys.


@dataclass
class Counting:
    """Unwraps with the keys of GT, and counts the calls."""

    calls: int = 0

    def __call__(self, key_id: bytes, wrap: bytes, info: bytes) -> bytes:
        self.calls += 1
        return unwrapper(keys_of("GT"))(key_id, wrap, info)


def own(grant: KeyGrant) -> tuple[Grant, GrantEntry]:
    """The grant as it was read, and its entry for GT."""
    read = Grant(originator="BZ", sequence=1, sealed_at=NOW, body=grant)
    found = own_entry(read, "GT", lambda _: True)
    assert isinstance(found, GrantEntry)
    return read, found


def test_a_key_is_unwrapped_once_and_the_least_recently_used_one_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.sharing.grants.AUDIENCE_KEYS_REMEMBERED_MAX", 2)
    made = [granted(world().author()) for _ in range(3)]
    unwrap = Counting()
    keys = AudienceKeys(unwrap, governance().community)

    counts = []
    for number in (0, 0, 1, 0, 2, 0, 1):
        key, grant = made[number]
        assert keys.key(*own(grant)) == key.key
        counts.append(unwrap.calls)

    assert counts == [1, 1, 2, 2, 3, 3, 4]


def test_a_known_key_does_not_make_another_wrap_under_its_id_valid() -> None:
    """Each wrap is checked by itself, so a wrong one is refused even after a right one."""
    keys = AudienceKeys(Counting(), governance().community)
    key, grant = granted(world().author())
    read, entry_of_gt = own(grant)
    assert keys.key(read, entry_of_gt) == key.key

    with pytest.raises(Rejected) as error:
        keys.key(read, structs.replace(entry_of_gt, wrap=bytes(1168)))
    assert error.value.code == "audience_key_mismatch"
