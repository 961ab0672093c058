"""Calls every function of node/store and node/undecided: in an exchange, on forged records, and directly."""

from functools import partial
from pathlib import Path
from typing import Any, Final

from node.access_chain import append, chain_pages, head_rows, repeated_polls
from node.access_chain.repeated_polls import Poll
from node.access_chain.signed_head import SignedHead
from node.credentials import token_rows
from node.credentials.token_rows import TokenRow
from node.database import dialects
from node.database.engine import Transaction
from node.exchange.retry import retry_quarantined
from node.outgoing import (
    accepted_reports,
    kept_answers,
    oldest_unsettled,
    own_copies,
    report_owners,
    report_states,
    standing_faults,
    waiting_reports,
)
from node.outgoing.kept_answers import KeptAnswer
from node.outgoing.own_copies import NewCopy
from node.outgoing.standing_faults import StandingFault
from node.reports.questions import Question
from node.retention import erase_drafts, erase_messages, erase_refused, old_grants, old_notes, old_outcomes
from node.sending.publish import Acceptance
from node.sending.seal_receipts import QUIET_MS
from node.sharing.grant_parts import GrantParts
from node.stages import Grant, StreamId
from node.store import (
    access_log,
    chains,
    counters,
    granted_parts,
    identifier_matches,
    ingest_lock,
    message_filters,
    message_search,
    messages,
    newest_sealing,
    noted_knowledge,
    outbox,
    own_batches,
    own_grants,
    own_reports,
    read_positions,
    receipts_received,
    receipts_to_seal,
    received_grants,
    set_aside,
    stored_leaves,
    stream_findings,
    waiting_grants,
    withheld_notes,
)
from node.store.access_log import Consultation, EntryFilter, Operation
from node.store.message_search import Query
from node.store.messages import Rows
from node.store.set_aside import Obstacle
from node.store.withheld_notes import WithheldMessage
from node.undecided import (
    deferred_positions,
    pending_lists,
    pending_records,
    pending_retry,
    quarantine,
    quarantine_erasure,
    quarantine_purge,
    quarantine_retry,
    usage,
)
from node.undecided.quarantine_filter import Filter
from node.webhooks import deliveries, old_deliveries, webhooks
from node.webhooks.deliveries import Attempt, DeliveryState
from node.webhooks.webhooks import Webhook
from schemas.types import GrantEntry, KeyGrant
from tests.support.bed import bed
from tests.support.community import Community, clause
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.records import INTEL, AudienceKey, changed, parts

TEXTS = (
    "A go-fast boat was seen off the cays.",
    "ÁGUILA Négra, 12.5 t; straße, Οδός, 密輸 船",
    "go fast Boat fast go x" + "y" * 3000,
    "Łódź İstanbul ﬁne naïve e\u0301tude O'Neil a_b 50%",
    "密輸船を押収 서울에서 shi\u00adpment TEST18233B",
)
QUESTIONS = (
    *("boat", "BOAT cays", "go-fast", "fast-go", "Aguila negra", "águila", "12.5", "12,5", "12 5", "strasse", "straße"),
    *(
        "οδός",
        "密輸",
        "istanbul",
        "lodz",
        "łódź",
        "fine",
        "etude",
        "étude",
        "o'neil",
        "oneil",
        "a_b",
        "a",
        "50%",
        "-",
        "",
    ),
    *(
        '"boat"',
        "boat OR cays",
        "boat*",
        "NEAR(boat cays)",
        "x" + "y" * 3000,
        "- boat",
        "' ''",
        "\\",
        "%",
        "nothing here",
        "輸船",
        "서울",
        "TEST-18 233/B",
        "shipment",
    ),
)


async def use_every_function(folder: Path) -> None:
    """An exchange with gaps, receipts, rejections and retries, in `folder`."""
    await _exchange_reports(folder)
    (folder / "forged").mkdir()
    await _read_forgeries(folder / "forged")


async def _exchange_reports(folder: Path) -> None:
    community = Community(("BZ", "GT", "MX"))
    community.agreement("ALL", ("BZ", "GT", "MX"), clause(["BZ"], ["GT", "MX"]))
    async with exchange(folder, "BZ", "GT", community=community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        for number, text in enumerate(TEXTS):
            answer = await bz.publish(
                narrative={"text": text, "language": "en"},
                subjects=["DRUG_TRAFFICKING", "MONEY_LAUNDERING"][: 1 + number % 2],
            )
            await bz.publish(narrative={"text": text, "language": "en"})
            await _look(bz, answer)
        await gt.read()
        await _look(gt, answer)
        for _ in range(2):
            await _send_receipts(made)
        for question in QUESTIONS:
            await gt.store.read(partial(message_search.search, query=Query(texts=(question,))))
        await bz.publish(subjects=["MONEY_LAUNDERING"], handling=["H1"])
        await gt.read()
        await gt.store.read(withheld_notes.notes)


async def _send_receipts(made: Exchange) -> None:
    made.clock.now += QUIET_MS
    for node in made.nodes.values():
        await node.receipt_sealer.step()
        await node.relay.step()
        await node.relay.record_acknowledgements()
        await node.read()


def _find_identifiers(db: Transaction) -> None:
    for actor in (None, "ana", "an_", "nobody"):
        wanted = EntryFilter(since=1, until=2**50, actor=actor, subject="s", operation=Operation.ERASURE)
        access_log.entries(db, wanted=EntryFilter(since=1, actor=actor), after=0, limit=3)
        access_log.entries(db, wanted=wanted, after=0, limit=3)
        access_log.newest(db, wanted=EntryFilter(since=1, actor=actor), limit=3)
        access_log.newest(db, wanted=wanted, before=9, limit=3)
    for value, country in (("SEA TEST", None), ("SEA TEST", "BZ"), ("Sea Test", None)):
        question = Question(scheme="NAME", value=value, country=country)
        message_search.search(db, Query(identifiers=(question,)))
        message_search.search(db, Query(identifiers=(question, question), texts=("boat", "go-fast"), subjects=("S",)))
        for now, limit in ((0, 1), (0, 100), (1 << 60, 1)):
            identifier_matches.find(db, question, now=now, limit=limit)


_QUERIES: Final = (
    Query(originators=("BZ",), since=1, limit=2),
    Query(subjects=("MONEY_LAUNDERING",), after=1),
    Query(texts=("boat",), originators=("GT",)),
    Query(texts=("boat", "águila"), originators=("BZ", "GT"), limit=3),
    Query(subjects=("MONEY_LAUNDERING", "DRUG_TRAFFICKING"), since=1),
    Query(texts=("boat",), unexpired_at=1),
    Query(originators=("BZ",), unexpired_at=1),
    Query(unexpired_at=1),
)


async def _look(node: TestNode, accepted: Acceptance) -> None:
    """Ask every question that concerns one message."""
    report_id, message_id = accepted.report_id, accepted.message_id or b""
    intel = StreamId(stream=INTEL, originator="BZ")

    def work(db: Transaction) -> None:
        for query in _QUERIES:
            message_search.search(db, query)
            message_search.page(db, query, bytes_max=1)
            message_filters.id_ranges(db, after=query.after, since=query.since)
        _find_identifiers(db)
        message_search.by_id(db, report_id=report_id, message_id=message_id)
        message_search.originators(db, [message_id, bytes(16)])
        own = own_reports.by_id(db, report_id=report_id, message_id=message_id)
        for report in own:
            own_copies.sealed_value(db, node.code, report)
        report_states.by_id(db, node.code, report_id=report_id, message_id=message_id)
        own_reports.own_message_ids(db, [message_id, bytes(16)])
        for table_function in (
            messages.count,
            outbox.counts,
            counters.counts,
            read_positions.readings,
            read_positions.next_positions,
            receipts_to_seal.count_due,
            receipts_to_seal.on_their_way,
            receipts_to_seal.is_due,
            stream_findings.standing,
            quarantine.entries,
            noted_knowledge.digest,
        ):
            table_function(db)
        ingest_lock.versions(db, ["BZ", "GT", "XX"])
        chains.id_used_at(db, intel, message_id)
        batch = own_batches.at(db, intel, 1)
        if batch is not None:
            own_batches.by_hash(db, intel, [batch.hash, bytes(32)])
            receipts_received.of_batch(db, batch.hash)
        receipts_to_seal.due(db, 10)
        outbox.unacknowledged(db, INTEL, 10)
        _ask_of_undecided(db, message_id, node.clock())

    await node.store.read(work)


def _ask_of_undecided(db: Transaction, message_id: bytes, now: int) -> None:
    withheld_notes.by_message_id(db, message_id)
    withheld_notes.page(db, after=withheld_notes.FIRST, limit=2)
    withheld_notes.page(db, after=withheld_notes.FIRST, limit=3, clause=("BZ-GT", None))
    withheld_notes.by_clause(db)
    withheld_notes.page(db, after=(1, "BZ", INTEL, 1), limit=2)
    quarantine.entries(db, Filter(after=(1, "a")), 2)
    pending_lists.by_message_id(db, message_id)
    pending_lists.waiting_since(db, now + 1)
    pending_lists.waits_for_arrived_grant(db)
    pending_lists.kept(db)
    for outcome in ("waiting", "held"):
        pending_lists.oldest(db, outcome)
    oldest_unsettled.oldest_unsettled(db)
    assert dialects.store_size(db) > 0
    counters.tallied(db)
    usage.everything(db)
    deferred_positions.count(db)
    deferred_positions.ranges(db)


async def _read_forgeries(folder: Path) -> None:
    """Gaps, repetitions, a reused id, broken bytes, a message before its grant; then retries of what was kept."""
    async with bed(folder) as scene:
        values = [scene.bz.message(scene.key) for _ in range(6)]
        await scene.read(values[0], values[2], values[5], values[2], b"junk", values[1] + b"x")
        await scene.read(*values[3:5])
        await scene.read(values[1])
        late = AudienceKey.new(scene.bz, grant=7)
        waiting = scene.bz.message(late)
        await scene.read(waiting, changed(values[0], header=parts(values[1]).header))
        message_id = await scene.gt.store.read(_first_id)
        await _look(scene.gt, Acceptance(outcome="", report_id="", message_id=message_id))
        await scene.gt.subscriber.retry_all()
        ids = await scene.gt.store.read(quarantine_retry.ids)
        await retry_quarantined(scene.gt.store, lambda: scene.gt.judge, ids, clock=scene.gt.clock)
        await scene.gt.store.write(_write_directly)
        await scene.gt.store.write(_write_parts)
        await scene.gt.store.write(_keep_answers)
        await scene.gt.store.write(_call_webhooks)
        await scene.gt.store.write(_age)
        await scene.gt.store.write(_use_tokens)
        await scene.gt.store.write(_erase)


def _first_id(db: Transaction) -> bytes:
    return message_search.search(db, Query(limit=1))[0].message_id


def _write_directly(db: Transaction) -> None:
    """The functions that an exchange calls rarely."""
    intel = StreamId(stream=INTEL, originator="BZ")
    asked = [
        Consultation(query="NAME:X", subjects=["a", "b"], purpose="P", reason="r"),
        Consultation(query="", subjects=()),
    ]
    access_log.add_consultations(db, asked, actor="test", command="search", now=1)
    _write_access(db)
    stream_findings.stands_at(db, "head_truncated", intel, 3)
    for each_position in (True, False):
        stream_findings.note(db, "log_replaced", intel, sequence=None, position=5, now=1, each_position=each_position)
    stream_findings.first_of(db, "log_replaced", intel)
    stream_findings.all_about(db, "BZ", ["log_replaced", "chain_gap"])
    pending_records.make_due(db, intel, 1)
    noted_knowledge.put(db, b"1" * 32)
    noted_knowledge.put(db, b"2" * 32)
    noted_knowledge.digest(db)
    read_positions.move(db, "intel.caribbean.bz", 3)
    read_positions.raise_highest(db, intel, 99)
    read_positions.highest(db, "intel.caribbean.bz")
    chains.gaps(db, intel, 99)
    chains.highest(db, intel)
    chains.has_place(db, intel, 2)
    chains.hashes_present(db, intel, [bytes(32)])
    chains.last_signed(db, intel)
    id_ = messages.next_id(db)
    facts = (b"i" * 16, "BZ", INTEL, 77, "report", 1, 2, 3, None, None, b"payload", b"record")
    texts = [(id_, "a word")]
    messages.put(
        db, Rows(messages=[(id_, *facts)], subjects=[("S", id_)], identifiers=[("A", "v", id_, "BZ")], texts=texts)
    )
    messages.note(db, [(id_, *facts)])
    waiting_grants.outcome_stored(db, "BZ", 1)
    receipts_to_seal.park(db)
    receipts_to_seal.due_times(db)
    counters.differences(db)
    counters.value(db, counters.STORED)
    pending_retry.each(db, limit=1)
    pending_retry.named_behind(db, [("BZ", 1, 9)])
    pending_retry.first_waiting_for(db, [("BZ", 2)])
    stream_findings.stands(db, "out_of_order", intel)
    ingest_lock.advance(db, {"BZ": 0})
    _write_what_waits(db, intel)


def _write_access(db: Transaction) -> None:
    """Entries and polls of the access log."""
    poll = Poll(actor="token x (1)", command="search", query="q", purpose="P", reason=None)
    append.append(db, [(1, "ERASURE", "test", "s", "d", None, None, None, None)])
    for now in (1, 2, 3):
        repeated_polls.count_empty(db, poll, now)
    repeated_polls.end_of(db, poll, 4)
    for now, subjects in ((1, ()), (2, ()), (4, ("a",)), (5, ()), (9, ())):
        polled = Consultation(query="q", subjects=subjects, purpose="P", reason="r")
        access_log.add_consultations(db, [polled], actor="token x (1)", command="search", now=now, poll=True)
    repeated_polls.has_due(db, until=9)
    repeated_polls.write_due(db, until=9, now=10)
    chain_pages.page(db, after=0)
    head_rows.newest(db, "GT")
    point = head_rows.end(db)
    if point is None:
        raise AssertionError("entries were added")
    values: dict[str, Any] = {"entry": point.entry, "hash": point.hash, "at": 1, "key_id": b"k" * 32, "signature": b"s"}
    head_rows.put(db, SignedHead(node="GT", **values))
    head_rows.newest(db, "GT")
    head_rows.page(db, "GT", after=0, last=9)
    head_rows.hashes(db, [1, 2, 3, 1000])


def _write_what_waits(db: Transaction, intel: StreamId) -> None:
    outbox.put_outgoing(db, INTEL, 1, [b"a", b"b"])
    outbox.has_row(db, INTEL, 1, 5)
    outbox.oldest_acknowledged(db)
    outbox.is_empty(db, INTEL)
    outbox.on_their_way(db)
    outbox.unacknowledge(db, INTEL, 2)
    outbox.not_sent(db, INTEL, [(1, b"a"), (2, b"x")])
    stored_leaves.present(db, intel, [1, 2, 77])
    usage.of(db, ["BZ", "GT"])
    usage.add(db, [("BZ", "waiting", usage.Usage(2, 20)), ("BZ", "waiting", -usage.Usage(1, 5))])
    deferred_positions.note(db, "keys.bz", [5, 9, 5_000, 4], 1)
    deferred_positions.topics(db, ["keys.bz", "keys.gt"])
    deferred_positions.forget(db, "keys.bz", 5, 7)
    deferred_positions.ranges(db, after=("keys.bz", 4))
    stream_findings.add(db, "records_deferred", intel, sequence=None, position=4, now=1)
    stream_findings.close(db, "records_deferred", intel, 2)
    quarantine_retry.of_codes(db, ["framing_invalid", "message_id_reused"])
    quarantine_purge.groups(db, Filter(originator="BZ"))
    quarantine_purge.purge(db, Filter(code="framing_invalid"), before=2**50)
    pending_records.present(db, [1, 2, 3])
    pending_records.drop(db, [1, 2, 3])
    quarantine_retry.drop(db, ["x"])
    newest_sealing.newest_sealings(db, without="GT")
    newest_sealing.of_topics(db, ["intel.caribbean.bz", "keys.bz"])
    withheld_notes.add(
        db,
        [
            WithheldMessage(
                place=intel,
                sequence=78,
                message_id=b"w" * 16,
                code="expired",
                agreement=None,
                clause=None,
                reason="",
                position=5,
                expires_at=9,
            )
        ],
        1,
    )
    withheld_notes.has_unexpired(db, 8)
    withheld_notes.take_back_expired(db, lambda _: True, 8)


def _write_outgoing(db: Transaction) -> None:
    """Own reports that are accepted, copied, missed by a recipient and withdrawn; faults that stand."""
    kept: dict[str, Any] = {"content_hash": b"h" * 32, "payload": b"p", "created_at": 1, "labels": b"l", "terms": b"t"}
    drafts = [
        own_reports.NewDraft(
            report_id=f"r{number}", region="caribbean", message_id=bytes([number]) * 16, answered="GT", **kept
        )
        for number in (1, 2)
    ]
    own_reports.add(db, drafts)
    own_reports.unsealed(db, 5, ["europe", "x"])
    names = own_copies.report_ids(db, [("r1", b"x" * 16), ("x", bytes([2]) * 16)])
    first, second = own_copies.copies(db, sorted(names))
    own_copies.all_report_ids(db, after=0, limit=10)
    own_copies.content(db, "BZ", first)
    copy = NewCopy(of=first, message_id=b"c" * 16, payload=b"p", labels=b"l", terms=b"t", only_for="MX")
    own_copies.add(db, [copy])
    own_reports.mark_sealed(db, {first.id: own_reports.SealedDraft(901, (), ("GT",))})
    waiting_reports.waiting_reports(db)
    accepted_reports.newest(db, before=None, limit=3)
    accepted_reports.newest(db, before=2**50, limit=3, integrator="case-system")
    own_copies.settle(db, [first])
    own_copies.withdraw(db, [first, second])
    noted = [StandingFault(code="stream_blocked", subject=subject, since=1, message="m") for subject in ("a", "b")]
    standing_faults.put(db, noted)
    standing_faults.put(db, noted[:1])
    standing_faults.end(db, "stream_blocked", ["b"])
    standing_faults.standing(db)
    pending_lists.overdue(db, 2**50)
    own_grants.put(db, {b"a" * 32: own_grants.OwnGrant(sequence=1, sealed_at=1, body=b"b")})
    own_grants.check(db, {})
    own_grants.check(db, {b"a" * 32: 1})
    own_grants.forget_all(db)


def _keep_answers(db: Transaction) -> None:
    """Who handed reports in, and the answers that are kept by key."""
    report_owners.note(db, [("r1", "token a"), ("r2", "token a"), ("r1", "token a"), ("r1", "token b")])
    report_owners.owned(db, ["r1", "r2", "r3"], "token b")
    answers = [
        KeptAnswer(integrator="token a", key=key, body_digest=b"d" * 32, outcome="accepted", answer=b"{}", kept_at=1)
        for key in ("k1", "k2")
    ]
    kept_answers.keep(db, answers)
    kept_answers.keep(db, answers[:1])
    kept_answers.find(db, "token a", ["k1", "k3"], now=2)
    kept_answers.drop_old(db, 1)


def _erase(db: Transaction) -> None:
    """Erase everything, as all of it has expired by then."""
    far = 1 << 45
    own_reports.unsealed(db, 3, now=far)
    for kind in (erase_messages, erase_drafts, erase_refused):
        kind.is_due(db, far)
        kind.erase(db, node="GT", now=far, limit=2)
        kind.erase(db, node="GT", now=far, limit=100)
    quarantine_erasure.erase(db, [], far)
    page = erase_refused.held_page(db, after=0, limit=10)
    erase_refused.drop_held(db, [id_ for id_, _ in page], node="GT", now=far)


def _write_parts(db: Transaction) -> None:
    """A draft that is set aside, and a grant in parts, of which the last one is kept first."""
    _write_outgoing(db)
    set_aside.put(db, {7: Obstacle(code="draft_damaged", reason="r")}, 1)
    set_aside.drafts(db)
    set_aside.take_back(db, [7])
    entry = GrantEntry(recipient="BZ", key_id=bytes(32), clauses=(), wrap=bytes(1168))
    body = KeyGrant(audience_key_id=b"k" * 32, use_until=9, entries=(entry,))
    grants = [Grant(originator="BZ", sequence=sequence, sealed_at=1, body=body) for sequence in (1001, 1002, 1003)]
    received_grants.put(db, [], grants[2:])
    granted_parts.first_of_their_keys(db, "BZ", [1003])
    received_grants.put(db, [GrantParts(parts=grants[:2], begin=1001, end=1004)], [])
    granted_parts.beginning_unknown(db, "BZ", [1003])
    granted_parts.named(db, grants[0], 1003)
    granted_parts.put(db, grants[1:])
    granted_parts.put_first(db, grants[:1])
    granted_parts.is_placed(db, "BZ", 1)
    granted_parts.columns_of(grants[0])


def _call_webhooks(db: Transaction) -> None:
    """A webhook whose deliveries are tried, given up, sent again and forgotten."""
    kept: dict[str, Any] = {"url": "https://example.org/", "secret": b"s", "purpose": "P", "reason": "r"}
    for id_ in ("a", "b"):
        made = Webhook(
            id=id_, subjects=("S",), originators=(), content=True, created_at=1, created_by="test", position=0, **kept
        )
        webhooks.add(db, made)
    messages.last_id(db)
    message_search.ids_of(db, Query(subjects=("S",), unexpired_at=1))
    webhooks.hold_all(db)
    webhooks.count(db)
    webhooks.page(db, after="a", limit=5)
    webhooks.by_id(db, "x")
    webhooks.move(db, "a", 7)
    deliveries.add(db, "a", [1, 2, 3, 4], 1)
    deliveries.next_due(db, "a")
    first, second, *_ = deliveries.due(db, "a", now=1, limit=3)
    for delivery, state in ((first, DeliveryState.DEAD), (second, DeliveryState.DELIVERED)):
        deliveries.begin(db, delivery.id, again_at=9, now=2)
        deliveries.settle(db, Attempt(id=delivery.id, state=state, next_at=None, status=500, error="e"), 3)
    deliveries.counts(db, "a")
    deliveries.dead_by_webhook(db)
    deliveries.page(db, "a", DeliveryState.DEAD, after=0, limit=5)
    deliveries.send_again(db, [first.id, second.id], 4)
    old_deliveries.drop_old(db, DeliveryState.DELIVERED, 2)
    old_deliveries.keep_newest(db, "a", DeliveryState.PENDING, 1)
    old_deliveries.drop_old(db, DeliveryState.DELIVERED, 2**50)
    webhooks.remove(db, "a")


def _use_tokens(db: Transaction) -> None:
    """Tokens of integrators; one of them is revoked twice."""
    for number in range(3):
        row = TokenRow(
            id=f"{number:012x}",
            name="case",
            digest=bytes([number]) * 32,
            scopes="publish read",
            rate=1000,
            created_at=number,
            created_by="ana (uid 1)",
            expires_at=2**50,
        )
        token_rows.add(db, row)
    token_rows.note_use(db, {f"{number:012x}": 5 + number for number in range(2)})
    for now in (6, 7):
        token_rows.revoke(db, f"{1:012x}", by="ana (uid 1)", now=now)
    token_rows.by_ids(db, [f"{1:012x}", "0" * 11 + "f"])
    token_rows.every(db)
    token_rows.count(db)


def _age(db: Transaction) -> None:
    """What leaves a store after a time."""
    found = old_grants.find(db, "BZ", before=2**50, after=0)
    old_grants.drop(db, "BZ", found.settled)
    old_grants.has_own(db, 2**50)
    old_grants.drop_own(db, 2**50)
    outcomes = old_outcomes.find(db, "BZ", before=2**50, after=("", b""), is_full=True)
    old_outcomes.drop(db, "BZ", outcomes.settled)
    ids, _ = old_notes.old_findings(db, before=2**50, after=0)
    old_notes.drop_findings(db, ids, 3)
    old_notes.close_full(db, 4)
    old_notes.has_notes(db, 2**50)
    old_notes.drop_notes(db, 2**50)
    old_notes.has_purged(db, 2**50)
    old_notes.drop_purged(db, 2**50)
