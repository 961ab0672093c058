"""The test data of the Avro specification: canonical forms, fingerprints, single-object encoding."""

import json
import re
from io import BytesIO

import fastavro
import pytest

from schemas.avro.codec import PREFIX_BYTES, prefix_of
from tests.support.data import DATA

AVRO = DATA / "avro-spec" / "test" / "data"
CASES_MIN = 20

pytestmark = pytest.mark.skipif(not AVRO.is_dir(), reason=f"no avro-spec at {DATA}: set ENLACE_DATA")


def test_fingerprints_are_those_of_the_specification() -> None:
    """Each schema of the table, its canonical form and its CRC-64-AVRO."""
    text = (AVRO / "schema-tests.txt").read_text(encoding="utf-8")
    cases = 0
    for block in re.split(r"\n// \d+\n", text)[1:]:
        match = re.match(r"<<INPUT (.*?)\n<<canonical (.*?)\n<<fingerprint (-?\d+)", _one_line(block), re.DOTALL)
        if match is None:
            continue
        schema = fastavro.parse_schema(json.loads(match[1]))

        assert fastavro.schema.to_parsing_canonical_form(schema) == match[2]
        assert prefix_of(schema) == b"\xc3\x01" + int(match[3]).to_bytes(8, "little", signed=True)
        cases += 1
    assert cases >= CASES_MIN


def _one_line(block: str) -> str:
    """A case whose input is on the line of `<<INPUT` and not on lines of its own."""
    return re.sub(r"<<INPUT\n(.*?)\nINPUT\n", lambda match: f"<<INPUT {match[1]}\n", block.strip(), flags=re.DOTALL)


def test_the_message_of_the_specification_has_the_form_that_we_write() -> None:
    """Marker, little-endian fingerprint, body."""
    folder = AVRO / "messageV1"
    schema = fastavro.parse_schema(json.loads((folder / "test_schema.avsc").read_text(encoding="utf-8")))
    message = (folder / "test_message.bin").read_bytes()

    assert message.startswith(prefix_of(schema))
    body = BytesIO(message[PREFIX_BYTES:])
    assert fastavro.schemaless_reader(body, schema, None) == {
        "id": 42,
        "name": "Bill",
        "tags": ["dog_lover", "cat_hater"],
    }
    assert not body.read()


def test_the_fingerprint_of_null_is_the_documented_one() -> None:
    """The example of the wire format."""
    assert prefix_of(fastavro.parse_schema("null"))[2:].hex(" ").upper() == "8A 8F 25 CC E7 24 DD 63"
