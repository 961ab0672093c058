"""The published test vectors can be generated again without a difference, and both implementations agree with them."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.primitives import expand, frame
from node.sealing import hpke, merkle
from node.sealing.private_keys import PrivateKey, PrivateKeys
from node.stages import StreamId
from node.trust.governance import load_governance
from schemas.avro import codec
from schemas.json_form import json_values
from schemas.types import IntelligenceReport, KeyUse
from tests.independent import avro, primitives
from tests.independent.documents import key_id, read_document
from tests.independent.knowledge import load
from tests.support.twins import Twins
from tests.vectors import make
from tests.vectors.scene import SEALED_AT

Values = dict[str, Any]


@cache
def vectors() -> Values:
    return make.stored()


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def items(case: Values) -> list[str | bytes]:
    """The items of a frame."""
    return [item["text"] if "text" in item else raw(item["hex"]) for item in case["items"]]


def test_the_file_follows_from_its_wraps_and_fixed_bytes() -> None:
    """`python -m tests.vectors.make` changes nothing."""
    assert make.build(make.wraps_of(vectors())) == vectors()


def test_the_file_says_that_it_is_synthetic() -> None:
    assert "SYNTHETIC" in vectors()["about"]


def test_the_file_has_every_value_that_the_walk_through_names() -> None:
    """The walk-through of docs/wire-format.md shows the first four bytes of each value."""
    text = (
        (Path(__file__).parents[2] / "docs" / "wire-format.md")
        .read_text(encoding="utf-8")
        .partition("## Test vectors")[2]
    )
    named = re.findall(r"`([0-9a-f]{8})…`", text)

    assert len(named) >= 12
    assert [value for value in named if value not in json.dumps(vectors())] == []


def test_both_make_the_same_frames_and_expansions() -> None:
    for case in vectors()["frame"]:
        assert frame(*items(case)) == primitives.frame(*items(case)) == raw(case["frame"])
    for case in vectors()["expand"]:
        key = raw(case["key"])

        assert expand(key, *items(case)) == primitives.expand(key, *items(case)) == raw(case["out"])


def test_padded_lengths_and_fingerprints_are_those_of_the_second_implementation() -> None:
    assert [primitives.padded(length) for length, _ in vectors()["padded_length"]] == [
        padded for _, padded in vectors()["padded_length"]
    ]
    assert {name: avro.fingerprint(name).hex() for name in vectors()["fingerprints"]} == vectors()["fingerprints"]


def test_key_ids_follow_from_public_keys() -> None:
    for key in vectors()["keys"]:
        listed = {"use": key["use"], "suite": key["suite"], "public": raw(key["public"])}

        assert key_id(key["holder"], listed) == raw(key["key_id"])


def test_both_make_the_same_document_hashes_and_community() -> None:
    files = vectors()["documents"]["files"]

    assert [read_document(raw(file["signed_document"])).hash.hex() for file in files] == [
        file["hash"] for file in files
    ]
    assert vectors()["documents"]["community"] == files[0]["hash"]
    assert load_governance([raw(file["signed_document"]) for file in files]).problems == ()


def test_both_make_the_same_roots_and_accept_the_paths() -> None:
    for tree in vectors()["merkle"]:
        entries = [raw(entry) for entry in tree["entries"]]
        leaves = [primitives.digest(b"\0" + entry) for entry in entries]
        assert primitives.tree(leaves) == raw(tree["root"])
        for index, (leaf, path) in enumerate(zip(leaves, map(raw, tree["paths"]), strict=True)):
            steps = [path[at : at + 32] for at in range(0, len(path), 32)]

            assert primitives.climb(leaf, index, tree["size"], steps) == raw(tree["root"])
            assert merkle.path_is_valid(leaf=leaf, index=index, size=tree["size"], path=path, root=raw(tree["root"]))


def test_wraps_open_in_both_under_the_info_that_follows_from_the_grant() -> None:
    grant, community = vectors()["grant"], raw(vectors()["documents"]["community"])
    private = {raw(key["key_id"]): raw(key["private"]) for key in vectors()["keys"]}
    name = raw(grant["audience_key_id"])
    assert primitives.expand(raw(grant["audience_key"]), "enlace/1 audience key id", community, "BZ") == name
    for wrap in grant["wraps"]:
        info = primitives.frame("enlace/1 grant", community, "BZ", name, wrap["recipient"], raw(wrap["key_id"]))
        key = private[raw(wrap["key_id"])]

        assert info == raw(wrap["info"])
        assert primitives.hpke_open(key, raw(wrap["wrap"]), info) == raw(grant["audience_key"])
        assert hpke.unwrap(hpke.load_private(key), raw(wrap["wrap"]), info) == raw(grant["audience_key"])


@pytest.mark.parametrize("number", range(3))
def test_each_value_of_a_message_follows_from_those_before(number: int) -> None:
    """The second implementation derives each value step by step, as docs/wire-format.md describes."""
    message, community = vectors()["messages"][number], raw(vectors()["documents"]["community"])
    header, content = raw(message["header"]), raw(message["content"])
    message_key = primitives.expand(
        raw(vectors()["grant"]["audience_key"]), "enlace/1 message key", community, "BZ", "intel.caribbean", header
    )
    plain = primitives.frame(raw(message["labels"]), raw(message["payload"])).ljust(message["padded_length"], b"\0")
    sealed = AESGCM(raw(message["content_key"])).encrypt(raw(message["nonce"]), plain, None)

    assert avro.decode("Labels", raw(message["labels"]))["salt"] == raw(message["salt"])
    assert avro.decode("Header", header)["sealing"]["labels_hash"] == primitives.digest(raw(message["labels"]))
    assert message_key == raw(message["message_key"])
    assert primitives.expand(message_key, "enlace/1 content key") == raw(message["content_key"])
    assert primitives.expand(message_key, "enlace/1 commitment") == raw(message["commitment"])
    assert primitives.padded(message["framed_length"]) == message["padded_length"] == len(plain)
    assert content == raw(message["commitment"]) + raw(message["nonce"]) + sealed
    assert primitives.digest(b"\0" + primitives.digest(header) + primitives.digest(content)) == raw(message["leaf"])
    assert json_values.from_json(IntelligenceReport, message["report"]) == codec.decode(
        IntelligenceReport, raw(message["payload"])
    )


def twins(reader: str) -> Twins:
    """Both implementations as a node of the vectors, made from the file alone."""
    documents = [raw(file["signed_document"]) for file in vectors()["documents"]["files"]]
    held = [key for key in vectors()["keys"] if key["holder"] == reader]
    keys = PrivateKeys(
        reader, tuple(PrivateKey(node=reader, use=KeyUse(key["use"]), private=raw(key["private"])) for key in held)
    )
    community = raw(vectors()["documents"]["community"])
    made = Twins.of(reader, documents, load_governance(documents, community), keys)
    assert made.second.chain.knowledge.keys == load(documents, community).keys
    return made


@pytest.mark.parametrize("reader", ["BZ", "GT"])
def test_the_records_verify_and_open_in_both(reader: str) -> None:
    made = twins(reader)
    answers = [
        made.read(raw(record["value"]), StreamId(stream=record["stream"], originator=record["originator"]), SEALED_AT)
        for record in vectors()["records"]
    ]

    assert [answer.word for answer in answers] == ["counted", "stored", "stored", "stored"]
    assert [answer.payload.hex() for answer in answers[1:]] == [message["payload"] for message in vectors()["messages"]]


def test_a_changed_byte_is_refused_by_both_with_the_code_that_the_file_names() -> None:
    for case in vectors()["refused"]:
        record = vectors()["records"][case["record"]]
        value = bytearray(raw(record["value"]))
        value[case["at"]] ^= case["xor"]
        answer = twins("GT").read(
            bytes(value), StreamId(stream=record["stream"], originator=record["originator"]), SEALED_AT
        )

        assert answer.word == case["code"]
