"""Attacks of the hostile member with what it stole, or with trustees on its side."""

from msgspec import structs

from broker.streams import KEYS
from node.sealing.private_keys import PrivateKeys
from node.trust.signed_document import parse
from schemas.avro.codec import encode
from schemas.types import DocumentKind, KeyReason, KeyUse
from tests.campaign.attack import By, Phases, attack
from tests.campaign.forging import report_by, thief_of
from tests.campaign.recovery import adopt
from tests.campaign.setting import HONEST, STREAMS
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import World
from tests.support.community import document, keys_of, listed, node_body, signed, signed_by


@attack(11, By.MEMBER)
async def writes_with_a_stolen_seal_key(made: World) -> Phases:
    """In the stream of its owner, at the next sequence. The owner seals nothing more until its operator decides."""
    owner = made.victim()
    while not await made.drained([owner]):
        yield ()
    owner.takes_reports = made.dice.random() < 0.5
    thief = thief_of(made.broker, made.author(owner.code))
    key, grant = made.audience(thief, *(code for code in HONEST if code != owner.code))
    made.broker.write(made.honest_topic(owner, KEYS), [grant])
    made.broker.write(made.honest_topic(owner), [thief.message(key, report_by(thief, 0))])
    yield (Trace(Where.FINDING, ("own_stream_foreign",), owner.code),)
    yield ()
    owner.takes_reports = True
    await adopt(owner)


@attack(10, By.MEMBER)
async def trustees_add_a_reading_key_in_the_name_of_a_node(made: World) -> Phases:
    """Two trustees sign a NODE version without the node: it has no effect."""
    victim = made.victim()
    governance = made.community.governance
    stranger = listed(PrivateKeys.generate(victim.code, (KeyUse.ENCRYPT,)))
    body = node_body([*listed(keys_of(victim.code)), *stranger], STREAMS)
    draft = document(DocumentKind.NODE, victim.code, body, governance, version=2, from_=made.now)
    made.install(parse(signed(draft, governance, "TR1", "TR2")))
    yield (Trace(Where.LOG, ("document_without_effect",)),)


@attack(10, By.MEMBER)
async def trustees_add_a_seal_key_in_the_name_of_a_node(made: World) -> Phases:
    """It has effect, and the node says so until it is revoked."""
    victim = made.victim()
    governance = made.community.governance
    holder = PrivateKeys.generate(victim.code, (KeyUse.SEAL,))
    own, [foreign] = listed(keys_of(victim.code)), listed(holder)
    draft = document(
        DocumentKind.NODE, victim.code, node_body([*own, foreign], STREAMS), governance, version=2, from_=made.now
    )
    draft = signed_by(draft, holder, governance)
    made.install(parse(signed(draft, governance, "TR1", "TR2")))
    yield (Trace(Where.FINDING, ("own_document_foreign",), victim.code),)
    yield ()
    governance = made.community.governance
    revoked = structs.replace(foreign, until=made.now, reason=KeyReason.COMPROMISED)
    body = node_body([*own, revoked], STREAMS)
    third = document(DocumentKind.NODE, victim.code, body, governance, version=3, from_=made.now)
    made.install(parse(signed(third, governance, "TR1", "TR2")))
    assert not made.community.governance.problems, encode(third.signed)
