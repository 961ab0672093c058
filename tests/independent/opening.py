"""Steps 13 to 17 of the second implementation: from a verified record to labels, payload and clause."""

import hmac
from dataclasses import dataclass, replace
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.independent.avro import Malformed, Unknown, decode
from tests.independent.documents import Values
from tests.independent.knowledge import Knowledge, item_order
from tests.independent.primitives import digest, expand, frame, hpke_open, padded
from tests.independent.verify import DAY, Chain, Record, Refused, parse


@dataclass(frozen=True, slots=True)
class Opened:
    """The result for a reader."""

    labels: Values
    payload: Values
    clause: tuple[bytes, str] | None
    """None for a message of the reader itself."""


def unwrap(
    grant: Record, sealed_at: int | None, chain: Chain, me: str, private: dict[bytes, bytes]
) -> tuple[bytes, Values]:
    """Step 13: audience key and entry of a grant, for a message sealed at `sealed_at`; None for the grant alone."""
    body = grant.body or {}
    originator, community = grant.stream[0], grant.batch["community"]
    key_name = body["audience_key_id"]
    mine = [entry for entry in body["entries"] if entry["recipient"] == me]
    if not mine:
        raise Refused(13, "not_addressed")
    held = [entry for entry in mine if entry["key_id"] in private]
    if not held:
        raise Refused(13, "waiting")
    entry = held[-1]
    lawful(grant, entry, sealed_at, chain.knowledge)
    info = frame("enlace/1 grant", community, originator, key_name, me, entry["key_id"])
    opened = hpke_open(private[entry["key_id"]], entry["wrap"], info)
    if opened is None or expand(opened, "enlace/1 audience key id", community, originator) != key_name:
        raise Refused(13, "audience_key_mismatch")
    return opened, entry


def lawful(grant: Record, entry: Values, sealed_at: int | None, knowledge: Knowledge) -> None:
    """Check that an entry is valid for a message sealed at `sealed_at`, or without a time for any message."""
    granted, use_until = grant.batch["sealed_at"], (grant.body or {})["use_until"]
    holder, key = knowledge.keys.get(entry["key_id"], (None, {"use": "ENCRYPT"}))
    if holder not in {entry["recipient"], None} or key["use"] != "ENCRYPT":
        raise Refused(13, "grant_unlawful")
    used = granted if sealed_at is None else sealed_at
    if not granted <= used <= use_until <= granted + DAY:
        raise Refused(13, "grant_unlawful")
    if sealed_at is None:
        return
    agreements = [(knowledge.agreement(c["agreement"]), c["clause"]) for c in entry["clauses"]]
    if holder is None or any(agreement is None for agreement, _ in agreements):
        raise Refused(13, "waiting")
    for agreement, name in agreements:
        clause = agreement and clause_of(agreement.body, name)
        if not agreement or not clause or not knowledge.in_force(agreement, sealed_at):
            raise Refused(13, "grant_unlawful")
        if grant.stream[0] not in clause["from"] or entry["recipient"] not in clause["to"]:
            raise Refused(13, "grant_unlawful")


def clause_of(agreement: Values, name: str) -> Values | None:
    """The clause with this id; None without one."""
    return next((clause for clause in agreement["clauses"] if clause["id"] == name), None)


def message_keys(audience_key: bytes, record: Record) -> tuple[bytes, bytes]:
    """Content key and commitment of a message."""
    batch = record.batch
    context = (batch["community"], batch["originator"], batch["stream"])
    message_key = expand(audience_key, "enlace/1 message key", *context, record.header_raw)
    return expand(message_key, "enlace/1 content key"), expand(message_key, "enlace/1 commitment")


def unseal(audience_key: bytes, record: Record) -> tuple[bytes, bytes]:
    """Steps 14 and 15: labels and payload as bytes."""
    content_key, commitment = message_keys(audience_key, record)
    if not hmac.compare_digest(commitment, record.content[:32]):
        raise Refused(14, "commitment_mismatch")
    try:
        plain = AESGCM(content_key).decrypt(record.content[32:44], record.content[44:], None)
    except InvalidTag as error:
        raise Refused(15, "decryption_failed") from error
    parts, at = [], 0
    for _ in range(2):
        size = int.from_bytes(plain[at : at + 4], "big")
        parts.append(plain[at + 4 : at + 4 + size])
        at += 4 + size
    if at > len(plain) or any(plain[at:]) or padded(at) != len(plain):
        raise Refused(15, "decryption_failed")
    return parts[0], parts[1]


def expected_labels(payload: Values, salt: bytes) -> Values:
    """The labels that a report must have."""
    persons = [e["person"] for e in payload["entities"] if e["person"] is not None]
    sets = {name: payload[name] for name in ("references", "subjects", "handling")}
    sets["subject_categories"] = [person["category"] for person in persons]
    return {
        "salt": salt,
        **{name: payload[name] for name in ("kind", "created_at", "retain_until", "urgency", "purpose")},
        **{name: item_order("Labels", name, items) for name, items in sets.items()},
        "special_category": any(person["special_category"] for person in persons),
    }


def compare(record: Record, labels_raw: bytes, payload_raw: bytes) -> tuple[Values, Values]:
    """Step 16: labels and payload, which must agree with each other and with the header."""
    if digest(labels_raw) != record.header["sealing"]["labels_hash"]:
        raise Refused(16, "labels_mismatch")
    labels = parse("Labels", labels_raw, 16, "payload_malformed")
    recall = record.header["type"] == "RECALL"
    try:
        payload = decode("Recall" if recall else "IntelligenceReport", payload_raw)
    except Unknown as error:
        raise Refused(16, "payload_schema_unknown") from error
    except Malformed as error:
        raise Refused(16, "payload_malformed") from error
    if not recall and payload["kind"] == "RECALL":
        raise Refused(16, "payload_malformed")
    if recall != (labels["kind"] == "RECALL") or labels["created_at"] > record.batch["sealed_at"]:
        raise Refused(16, "labels_mismatch")
    if record.header["expires_at"] != (labels["retain_until"] + 1) * DAY:
        raise Refused(16, "labels_mismatch")
    if not recall:
        region = record.batch["stream"].removeprefix("intel.")
        if payload["region"] != region or expected_labels(payload, labels["salt"]) != labels:
            raise Refused(16, "labels_mismatch")
    return labels, payload


def covers(clause: Values, labels: Values, region: str) -> bool:
    """Whether one clause admits these labels."""

    def within(allowed: list[str], needed: list[Any]) -> bool:
        return allowed == ["*"] or set(needed) <= set(allowed)

    days = labels["retain_until"] - labels["created_at"] // DAY
    return (
        within(clause["regions"], [region])
        and within(clause["types"], [labels["kind"]])
        and within(clause["subjects"], labels["subjects"])
        and within(clause["categories"], labels["subject_categories"])
        and within(clause["handling"], labels["handling"])
        and within(clause["purposes"], [labels["purpose"]])
        and days <= clause["retention_days_max"]
        and (clause["special_categories"] or not labels["special_category"])
    )


def open_message(record: Record, chain: Chain, me: str, private: dict[bytes, bytes], now: int) -> Opened:
    """Steps 13 to 17 for a reader with these private ENCRYPT keys, by key id."""
    # 13
    originator, region = record.stream[0], record.batch["stream"].removeprefix("intel.")
    sealing = record.header["sealing"]
    grant = named_grant(chain, originator, sealing["audience_key_id"], sealing["grant"])
    audience_key, entry = unwrap(grant, record.batch["sealed_at"], chain, me, private)
    # 14 and 15
    labels_raw, payload_raw = unseal(audience_key, record)
    # 16
    labels, payload = compare(record, labels_raw, payload_raw)
    # 17
    clause = None if me == originator else admitting(entry, chain.knowledge, labels, region)
    if record.header["expires_at"] <= now:
        raise Refused(17, "expired")
    return Opened(labels, payload, clause)


def named_grant(chain: Chain, originator: str, key_name: bytes, sequence: int) -> Record:
    """The grant at this sequence: the first grant of its key that this reader has seen, or a part that follows it."""
    own = {at: grant for (author, at), grant in chain.grants.items() if author == originator}
    of_key = {at: grant for at, grant in own.items() if (grant.body or {})["audience_key_id"] == key_name}
    if not of_key and sequence not in own:
        raise Refused(13, "waiting")
    first = next(iter(of_key.values()), None)
    batch = first.batch if first else {"first_sequence": 0, "size": 0}
    if not first or not first.sequence <= sequence < batch["first_sequence"] + batch["size"]:
        raise Refused(13, "grant_unlawful")
    parts = [of_key.get(at) for at in range(first.sequence, sequence + 1)]
    if sequence in own and sequence not in of_key:
        raise Refused(13, "grant_unlawful")
    bodies = [part.body or {} for part in parts if part]
    if any(body["use_until"] != bodies[0]["use_until"] for body in bodies):
        raise Refused(13, "grant_unlawful")
    if len(bodies) != len(parts):
        raise Refused(13, "waiting")
    return replace(first, body={**bodies[0], "entries": [entry for body in bodies for entry in body["entries"]]})


def admitting(entry: Values, knowledge: Knowledge, labels: Values, region: str) -> tuple[bytes, str]:
    """The first clause of an entry that covers the labels. A RECALL needs only a clause that is in force."""
    for reference in entry["clauses"]:
        agreement = knowledge.agreement(reference["agreement"])
        clause = agreement and clause_of(agreement.body, reference["clause"])
        if clause and (labels["kind"] == "RECALL" or covers(clause, labels, region)):
            return reference["agreement"], reference["clause"]
    raise Refused(17, "clause_not_satisfied")
