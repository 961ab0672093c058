"""Attacks of a member of the community, with its own keys."""

from unittest.mock import patch

from msgspec import structs

from broker.log import Fetched
from broker.streams import KEYS
from node.commands.pending import drop_pending
from node.trust import signed_document
from node.trust.signed_document import parse
from schemas.avro import codec
from schemas.types import AgreementStatus, DocumentKind, Header, Key, KeyUse
from tests.campaign.attack import By, Phases, attack
from tests.campaign.forging import INTEL, expensive, messages, report_by
from tests.campaign.setting import AGREED, HONEST, HOSTILE, MEMBERS, SHARED_WITH_HOSTILE, STREAMS
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import ROWS, World
from tests.support.community import agreement_body, clause, document, keys_of, listed, node_body, signed
from tests.support.records import AudienceKey, Author, parts


def granted(made: World) -> tuple[Author, AudienceKey]:
    """The hostile member, and a key that it has granted to every node."""
    author = made.hostile
    key, grant = made.audience(author, *HONEST)
    made.hostile_writes(KEYS, grant)
    return author, key


@attack(2, By.MEMBER)
async def gaps_and_late_records(made: World) -> Phases:
    """Every second record is missing; most of them come later, in any order."""
    author, key = granted(made)
    values = messages(author, key, 24)
    made.hostile_writes(INTEL, *values[::2])
    yield (Trace(Where.FINDING, ("chain_gap", "head_truncated")),)
    late = values[1::2]
    made.dice.shuffle(late)
    made.hostile_writes(INTEL, *late[2:])
    yield (Trace(Where.FINDING, ("out_of_order",)),)


@attack(7, By.MEMBER)
async def reports_that_cost_much(made: World) -> Phases:
    """Small records whose rules would cost seconds; a reader stops at the first finding."""
    author, key = granted(made)
    made.hostile_writes(INTEL, *(author.message(key, report) for report in expensive(author)))
    yield (Trace(Where.QUARANTINE, ("payload_invalid", "payload_malformed", "labels_mismatch")),)


@attack(8, By.MEMBER)
async def messages_without_their_grant(made: World) -> Phases:
    """More than may wait: the streams of the member pause. The grant comes, or operators drop what waits."""
    author = made.hostile
    key, grant = made.audience(author, *HONEST)
    made.hostile_writes(INTEL, *messages(author, key, ROWS + 6))
    yield (Trace(Where.FINDING, ("originator_paused",)),)
    yield ()
    if made.dice.random() < 0.5:
        made.hostile_writes(KEYS, grant)
        return
    for node in made.nodes.values():
        if node.node is not None:
            await drop_pending(node.node.store, None, originator=HOSTILE)


@attack(8, By.MEMBER)
async def signed_records_that_are_refused(made: World) -> Phases:
    """More than a node keeps."""
    author, key = granted(made)
    refused = [author.message(key, report_by(author, number), payload=b"") for number in range(ROWS + 6)]
    made.hostile_writes(INTEL, *refused)
    yield (
        Trace(Where.FINDING, ("records_deferred",)),
        Trace(Where.QUARANTINE, ("payload_malformed",)),
    )


@attack(8, By.MEMBER)
async def two_records_with_one_sequence(made: World) -> Phases:
    """The member signs two histories of its stream."""
    author, key = granted(made)
    fork = author.fork()
    made.hostile_writes(INTEL, author.message(key, report_by(author, 1)), fork.message(key, report_by(fork, 2)))
    yield (Trace(Where.QUARANTINE, ("equivocation",)),)


@attack(12, By.MEMBER)
async def ids_of_other_messages(made: World) -> Phases:
    """The id of an honest message, and the own id twice."""
    victim = made.victim()
    while not (values := made.broker.values(made.honest_topic(victim))):
        yield ()
    author, key = granted(made)
    used = codec.decode(Header, parts(values[0]).header).message_id
    made.hostile_writes(
        INTEL, *(author.message(key, report_by(author, number), message_id=used) for number in range(2))
    )
    yield (Trace(Where.QUARANTINE, ("message_id_reused",)),)


@attack(10, By.MEMBER)
async def stops_an_agreement_for_the_past(made: World) -> Phases:
    """By its own signature alone, dated back, and twice. One node reads later what was sealed before."""
    late = made.victim()

    def hide(node: str, answer: Fetched) -> Fetched | None:
        own = made.honest_topic(late).rpartition(".")[2]
        return None if node == late.code and not answer.topic.endswith(f".{own}") else answer

    with made.broker.lying(answering=hide):
        yield ()
        while not await made.drained(list(made.nodes.values())):
            yield ()
        _stop(made)
    yield (Trace(Where.LOG, ("documents_taken_up",)),)


def _stop(made: World) -> None:
    governance = made.community.governance
    [agreed] = [agreed for agreed in AGREED if agreed.name == SHARED_WITH_HOSTILE]
    for status in (AgreementStatus.ENDED, AgreementStatus.SUSPENDED):
        body = agreement_body(MEMBERS, clause(MEMBERS, MEMBERS, subjects=(agreed.subject,)), status=status)
        stop = document(DocumentKind.AGREEMENT, SHARED_WITH_HOSTILE, body, governance, version=2, from_=0)
        made.install(parse(signed(stop, governance, HOSTILE)))
    made.stopped[SHARED_WITH_HOSTILE] = made.now


@attack(9, By.MEMBER)
async def a_document_with_very_many_keys(made: World) -> Phases:
    """It has no effect, and nobody who addresses the member stops."""
    key = next(key for key in listed(keys_of(HOSTILE)) if key.use is KeyUse.ENCRYPT)
    many: tuple[Key, ...] = tuple(
        structs.replace(key, public=key.public[:1150] + number.to_bytes(2, "big") + key.public[1152:])
        for number in range(151)
    )
    with patch.object(signed_document, "VALID_KEYS_OF_A_USE_MAX", 1000):
        governance = made.community.governance
        body = node_body([*listed(keys_of(HOSTILE)), *many], STREAMS)
        draft = document(DocumentKind.NODE, HOSTILE, body, governance, version=2, from_=made.now)
        parsed = parse(signed(draft, governance, "TR1", "TR2", HOSTILE))
    made.install(parsed)
    yield (Trace(Where.LOG, ("document_without_effect",)),)
