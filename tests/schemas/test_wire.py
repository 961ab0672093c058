"""The schemas have the names, types and order of the wire format's text."""

import re
from typing import Any

import pytest

from schemas import schema_files, types
from schemas.avro.codec import fingerprint

# Copied by hand from the wire format and not from the schemas, as an independent implementation would.
RECORDS = """
SealedMessage: header bytes, content_hash Hash, content bytes, batch bytes, signature Signature, index int, path bytes
Batch: suite int, community Hash, originator string, stream string, first_sequence long, size int, root Hash, previous Hash, sealed_at long, governance long, key_id Hash
Header: message_id MessageId, type MessageType, refers_to array<MessageId>, expires_at long, sealing null|Sealing
Sealing: audience_key_id Hash, grant long, labels_hash Hash
Labels: salt Hash, kind LabelKind, created_at long, retain_until int, references array<Reference>, subjects array<string>, subject_categories array<string>, special_category boolean, handling array<string>, urgency string, purpose string
Reference: originator string, message_id MessageId
Recall: reason string
KeyGrant: audience_key_id Hash, use_until long, entries array<GrantEntry>
GrantEntry: recipient string, key_id Hash, clauses array<ClauseReference>, wrap Wrap
ClauseReference: agreement Hash, clause string
CheckpointBody: checkpoint bytes, key_id Hash, signature bytes
Checkpoint: time long, heads array<Head>
Head: originator string, stream string, next_sequence long, batch Hash
Receipt: originator string, stream string, items array<ReceiptItem>
ReceiptItem: batch Hash, outcomes bytes
SignedDocument: document bytes, signatures array<DocumentSignature>
DocumentSignature: key_id Hash, signature bytes
Document: community Hash, root Hash, kind DocumentKind, id string, version int, previous Hash, from long, until long, body bytes
Key: use KeyUse, suite int, public bytes, from long, until null|long, reason KeyReason
Root: trustees array<Trustee>, threshold int, revoke_threshold int, registry_keys array<Key>, resume array<Head>
Trustee: id string, key Key
Node: keys array<Key>, streams array<string>, resume array<Head>
Agreement: parties array<string>, clauses array<Clause>, status AgreementStatus
Clause: id string, from array<string>, to array<string>, retention_days_max int, regions array<string>, subjects array<string>, types array<string>, categories array<string>, handling array<string>, purposes array<string>, special_categories boolean
"""  # noqa: E501, one record a line
SYMBOLS = {
    "MessageType": "MESSAGE RECALL KEY_GRANT RECEIPT CHECKPOINT PROPOSAL DOCUMENT",
    "LabelKind": "REPORT REQUEST ANSWER REFUSAL CLARIFICATION CORRECTION RECALL",
    "DocumentKind": "ROOT NODE AGREEMENT",
    "KeyUse": "SEAL AGREE CHECKPOINT ENCRYPT",
    "KeyReason": "NONE SUPERSEDED COMPROMISED",
    "AgreementStatus": "IN_FORCE SUSPENDED ENDED",
}
SIZES = {"Hash": 32, "MessageId": 16, "Signature": 64, "Wrap": 1168}

# What every implementation computes from the schemas; a change here is a change of the wire.
FINGERPRINTS = {
    "SealedMessage": "55d70fdc2fe68f29",
    "Batch": "973136e2e794765e",
    "Header": "aa5c1beffaf2e52c",
    "Labels": "dac578d4d891073b",
    "IntelligenceReport": "3b2660e38e96c495",
    "Recall": "38b326b9024ae38e",
    "KeyGrant": "991da42a78fab5e7",
    "CheckpointBody": "41f34aebb6a23443",
    "Checkpoint": "498a3eee25e780fb",
    "Receipt": "821c0a080951a222",
    "SignedDocument": "311b819d100f36fb",
    "Document": "8fdc190d8445e3d1",
    "Root": "99b10b1400833314",
    "Node": "bd179e77478a9a84",
    "Agreement": "d2af52b81a5d7099",
}


def _text(schema: Any) -> str:
    """A bare schema as the table writes it."""
    if isinstance(schema, list):
        return "|".join(map(_text, schema))
    if isinstance(schema, dict):
        return f"array<{_text(schema['items'])}>" if schema["type"] == "array" else schema["type"]
    return str(schema).removeprefix("enlace.v1.")


@pytest.mark.parametrize("line", RECORDS.strip().splitlines(), ids=lambda line: line.split(":")[0])
def test_a_record_has_the_fields_of_the_text(line: str) -> None:
    """Names, types and order."""
    name, fields = line.split(": ")
    definition = schema_files.current()[f"enlace.v1.{name}"]

    assert ", ".join(f"{field['name']} {_text(field['type'])}" for field in definition["fields"]) == fields


def test_enums_and_fixed_types_are_those_of_the_text() -> None:
    """Symbols in order, sizes in bytes, and no other types."""
    wire = {
        name.removeprefix("enlace.v1."): d
        for name, d in schema_files.current().items()
        if name.startswith("enlace.v1.")
    }

    assert {n: " ".join(d["symbols"]) for n, d in wire.items() if d["type"] == "enum"} == SYMBOLS
    assert {n: d["size"] for n, d in wire.items() if d["type"] == "fixed"} == SIZES


def test_no_record_of_the_wire_is_missing_from_the_text() -> None:
    """Except the records of the payload, which are in the contract."""
    named = set(re.findall(r"^(\w+):", RECORDS, re.MULTILINE))
    wire = {
        name for name, d in schema_files.current().items() if d["type"] == "record" and d["namespace"] == "enlace.v1"
    }
    payload = {name for name in wire if schema_files.current()[name]["payload"]}

    assert {f"enlace.v1.{name}" for name in named} == wire - payload | {"enlace.v1.Recall"}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_a_fingerprint_never_changes(name: str) -> None:
    """Readers of old evidence find the schema by it."""
    assert fingerprint(getattr(types, name)).hex() == FINGERPRINTS[name]
