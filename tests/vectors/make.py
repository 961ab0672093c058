"""Makes tests/vectors/v1.json: `python -m tests.vectors.make`.

Everything in it is derived from fixed bytes, except the two wraps, because HPKE takes its own randomness. The wraps of
an existing file are kept as long as they open, and all later values are derived from them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from node.limits import SUITE
from node.primitives import (
    digest,
    expand,
    frame,
    padded_length,
)
from node.reports.labels import labels_of
from node.sealing import hpke, merkle, seal
from node.sealing.public_keys import key_id
from node.sharing.audience import audience_key_id
from node.stages import StreamHead
from schemas import types
from schemas.avro import codec
from schemas.avro.codec import sorted_set
from schemas.json_form import json_values
from schemas.types import ClauseReference, GrantEntry, KeyGrant, KeyUse, MessageType
from tests.independent import avro
from tests.vectors import scene
from tests.vectors.scene import SEALED_AT, STREAM, fixed

FILE = Path(__file__).with_name("v1.json")
ABOUT = (
    "Test vectors of the Enlace wire format, version 1; docs/wire-format.md walks through them. SYNTHETIC: every key,"
    " name and text was made up for this file, the private keys are printed in it and protect nothing. Bytes are hex."
    " Everything follows from fixed bytes but the wraps, which were made once with random ones."
)
COMMUNITY = scene.community().governance.community
ORIGINATOR = "BZ"
AUDIENCE_KEY = fixed("audience key")
PLACE = (COMMUNITY, ORIGINATOR)


def build(stored_wraps: dict[str, str]) -> dict[str, Any]:
    """The content of the file. `stored_wraps` are the wraps of an existing file, by recipient."""
    grant, grant_records, head = _grant(stored_wraps)
    messages, records = _messages(head)
    return {
        "about": ABOUT,
        "version": 1,
        "frame": _frames(),
        "expand": _expansions(),
        "padded_length": [[n, padded_length(n)] for n in (1, 1024, 1025, 1088, 1089, 2000, 65_537, 258_047, 258_048)],
        "fingerprints": {name: codec.fingerprint(cls).hex() for name, cls in _wire_types()},
        "keys": _keys(),
        "documents": _documents(),
        "merkle": [_tree(size) for size in (1, 2, 3, 5, 6, 8)],
        "grant": grant,
        "messages": messages,
        "records": [
            {"originator": ORIGINATOR, "stream": stream, "value": value.hex()}
            for stream, value in [("keys", grant_records[0]), *((STREAM, value) for value in records)]
        ],
        "refused": list(_refused(grant_records[0], records)),
    }


def _wire_types() -> Iterator[tuple[str, type[types.Record]]]:
    for path in sorted(avro.FOLDER.glob("*.avsc")):
        if avro.TYPES[path.stem]["type"] == "record":
            yield path.stem, getattr(types, path.stem)


def _frames() -> list[dict[str, Any]]:
    cases: list[list[str | bytes]] = [[], [""], ["a"], ["enlace/1 batch", b"\x00\xff"], ["", b"", "BZ"]]
    return [{"items": _items(case), "frame": frame(*case).hex()} for case in cases]


def _items(items: list[str | bytes]) -> list[dict[str, str]]:
    return [{"text": item} if isinstance(item, str) else {"hex": item.hex()} for item in items]


def _expansions() -> list[dict[str, Any]]:
    cases: list[list[str | bytes]] = [["enlace/1 content key"], ["enlace/1 audience key id", bytes(32), "BZ"]]
    key = fixed("expand")
    return [{"key": key.hex(), "items": _items(case), "out": expand(key, *case).hex()} for case in cases]


def _keys() -> list[dict[str, Any]]:
    held = [("TR1", KeyUse.AGREE), *((node, use) for node in ("BZ", "GT") for use in KeyUse)]
    found = [scene.key(holder, use) for holder, use in held]
    return [
        {
            "holder": key.node,
            "use": key.use.value,
            "suite": SUITE,
            "private": key.private.hex(),
            "public": key.public.hex(),
            "key_id": key_id(key.node, key.use, SUITE, key.public).hex(),
        }
        for key in found
    ]


def _documents() -> dict[str, Any]:
    made = []
    for data in scene.community().documents:
        outer = codec.decode(types.SignedDocument, data)
        head = codec.decode(types.Document, outer.document)
        made.append(
            {
                "kind": head.kind.value,
                "id": head.id,
                "signed_document": data.hex(),
                "hash": digest(outer.document).hex(),
            }
        )
    return {"community": COMMUNITY.hex(), "files": made}


def _tree(size: int) -> dict[str, Any]:
    entries = [digest(f"header {i}".encode()) + digest(f"content {i}".encode()) for i in range(size)]
    root, paths = merkle.tree([merkle.leaf_hash(entry[:32], entry[32:]) for entry in entries])
    return {
        "size": size,
        "entries": [entry.hex() for entry in entries],
        "root": root.hex(),
        "paths": [path.hex() for path in paths],
    }


def _signer() -> seal.Signer:
    key = scene.keys(ORIGINATOR).newest(KeyUse.SEAL)
    return seal.Signer(originator=ORIGINATOR, community=COMMUNITY, key_id=key.key_id, sign=key.sign)


def _grant(stored_wraps: dict[str, str]) -> tuple[dict[str, Any], tuple[bytes, ...], StreamHead]:
    name = audience_key_id(AUDIENCE_KEY, *PLACE)
    clauses = (ClauseReference(agreement=scene.community().agreement, clause="2"),)
    entries, shown = [], []
    for recipient in ("BZ", "GT"):
        key = scene.keys(recipient).newest(KeyUse.ENCRYPT)
        info = frame("enlace/1 grant", *PLACE, name, recipient, key.key_id)
        wrap = _wrap(stored_wraps.get(recipient), key.private, key.public, info)
        entries.append(
            GrantEntry(recipient=recipient, key_id=key.key_id, clauses=clauses[recipient == "BZ" :], wrap=wrap)
        )
        shown.append({"recipient": recipient, "key_id": key.key_id.hex(), "info": info.hex(), "wrap": wrap.hex()})
    body = codec.encode(KeyGrant(audience_key_id=name, use_until=SEALED_AT + 3_600_000, entries=sorted_set(entries)))
    leaf = seal.open_type_leaf(MessageType.KEY_GRANT, body, message_id=fixed("grant id", 16))
    made = seal.seal_batch([leaf], stream="keys", head=StreamHead(), sealed_at=SEALED_AT - 1000, signer=_signer())
    grant = {
        "audience_key": AUDIENCE_KEY.hex(),
        "audience_key_id": name.hex(),
        "wraps": shown,
        "body": body.hex(),
        "header": leaf.header.hex(),
        "batch": codec.decode(types.SealedMessage, made.values[0]).batch.hex(),
    }
    return grant, made.values, made.head


def _wrap(stored: str | None, private: bytes, public: bytes, info: bytes) -> bytes:
    if stored is not None:
        try:
            if hpke.unwrap(hpke.load_private(private), bytes.fromhex(stored), info) == AUDIENCE_KEY:
                return bytes.fromhex(stored)
        except hpke.WrapFailed:
            pass
    return hpke.wrap(public, AUDIENCE_KEY, info)


def _messages(grant_head: StreamHead) -> tuple[list[dict[str, Any]], tuple[bytes, ...]]:
    """Three messages in one batch, with each intermediate value, and the records."""
    leaves, shown = [], []
    for number in range(len(scene.REPORTS)):
        report = scene.report(number)
        payload = codec.encode(report)
        salt, nonce = fixed(f"salt {number}"), fixed(f"nonce {number}", 12)
        leaf = seal.seal_report(
            payload,
            labels_of(report, salt),
            region=report.region,
            message_id=fixed(f"message id {number}", 16),
            audience_key=AUDIENCE_KEY,
            audience_key_id=audience_key_id(AUDIENCE_KEY, *PLACE),
            grant=grant_head.next_sequence - 1,
            signer=_signer(),
            random=lambda _, nonce=nonce: nonce,  # type: ignore[misc]
        )
        leaves.append(leaf)
        labels = codec.encode(labels_of(report, salt))
        message_key = expand(AUDIENCE_KEY, "enlace/1 message key", *PLACE, STREAM, leaf.header)
        shown.append(
            {
                "report": json_values.to_json(report),
                "payload": payload.hex(),
                "salt": salt.hex(),
                "labels": labels.hex(),
                "labels_hash": digest(labels).hex(),
                "header": leaf.header.hex(),
                "message_key": message_key.hex(),
                "content_key": expand(message_key, "enlace/1 content key").hex(),
                "commitment": expand(message_key, "enlace/1 commitment").hex(),
                "nonce": nonce.hex(),
                "framed_length": len(frame(labels, payload)),
                "padded_length": padded_length(len(frame(labels, payload))),
                "content": leaf.content.hex(),
                "content_hash": digest(leaf.content).hex(),
                "leaf": merkle.leaf_hash(digest(leaf.header), digest(leaf.content)).hex(),
            }
        )
    batch = seal.seal_batch(leaves, stream=STREAM, head=StreamHead(), sealed_at=SEALED_AT, signer=_signer())
    for message, value in zip(shown, batch.values, strict=True):
        sealed = codec.decode(types.SealedMessage, value)
        message |= {"batch": sealed.batch.hex(), "signature": sealed.signature.hex(), "path": sealed.path.hex()}
    return shown, batch.values


def _refused(grant: bytes, records: tuple[bytes, ...]) -> Iterator[dict[str, Any]]:
    """Records with one changed byte: index in `records`, offset, and the code of the step that rejects it."""
    value = records[1]
    sealed = codec.decode(types.SealedMessage, value)
    changed_parts = {
        "signature_invalid": sealed.signature,
        "path_invalid": sealed.path,
        "content_mismatch": sealed.content,
        "community_mismatch": COMMUNITY,
        "key_unknown": scene.keys(ORIGINATOR).newest(KeyUse.SEAL).key_id,
    }
    for code, part in changed_parts.items():
        yield {"record": 2, "at": value.index(part), "xor": 1, "code": code}
    yield {"record": 2, "at": 0, "xor": 1, "code": "framing_invalid"}
    wrap = codec.decode(KeyGrant, codec.decode(types.SealedMessage, grant).content).entries[0].wrap
    yield {"record": 0, "at": grant.index(wrap), "xor": 1, "code": "content_mismatch"}


def stored() -> dict[str, Any]:
    """The content of the existing file."""
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


def wraps_of(vectors: dict[str, Any]) -> dict[str, str]:
    """The wraps of a file, by recipient."""
    return {wrap["recipient"]: wrap["wrap"] for wrap in vectors["grant"]["wraps"]}


def main() -> None:
    """Write the file."""
    made = build(wraps_of(stored()) if FILE.exists() else {})
    FILE.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
