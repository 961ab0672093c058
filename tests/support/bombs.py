"""The records that cost a reader most: lawful and unlawful reports, and bodies of open types, up to the longest size.

`python -m tests.support.bombs` verifies and decides about each in this process, and prints a line of JSON for each:
its name, bytes, CPU seconds, peak of the memory of Python in bytes, and how it was decided.
"""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache

from msgspec import structs

from node.limits import PLAINTEXT_SIZE_BYTES_MAX
from node.sealing.seal import open_type_leaf
from node.stages import Decision, Verified
from node.system_random import random_bytes
from node.verification.judge import Judge, grant_of
from schemas.avro import codec
from schemas.avro.varint import varint
from schemas.types import Connection, Entity, Identifier, IntelligenceReport, MessageType, Person, Receipt, ReceiptItem
from tests.support.readers import code_of, granted, judge, verified, world
from tests.support.records import AudienceKey, Author, place, report_of

ITEMS = 1000  # the limit of an array
ROOM = PLAINTEXT_SIZE_BYTES_MAX - 2_000  # for a payload, beside labels
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def text_of(number: int, letters: str = DIGITS, length: int = 4) -> str:
    """A text of `length` letters that is different for each number."""
    made = ""
    for _ in range(length):
        number, rest = divmod(number, len(letters))
        made += letters[rest]
    return made


def entity(number: int, **fields: object) -> Entity:
    """A vessel without anything else."""
    values: dict[str, object] = {
        "id": number,
        "kind": "VESSEL",
        "statement": "FACT",
        "label": None,
        "identifiers": (),
        "person": None,
        "goods": None,
    }
    return Entity(**values | fields)  # type: ignore[arg-type]


def changed(**fields: object) -> IntelligenceReport:
    """A report with only these fields of another size."""
    return structs.replace(report_of(), **{"entities": (), "connections": (), **fields})


def with_identifiers(make: Callable[[int], Identifier]) -> IntelligenceReport:
    """As many identifiers as fit, at most a thousand in each entity."""
    room = ROOM - len(codec.unsafe_encode(changed()))
    entities: list[Entity] = []
    while room > 0:
        first = len(entities) * ITEMS
        identifiers = [make(number) for number in range(first, first + ITEMS)]
        one = codec.unsafe_encode(changed(entities=(entity(1, identifiers=tuple(identifiers)),)))
        size = (len(one) - len(codec.unsafe_encode(changed(entities=(entity(1),))))) / ITEMS
        fitting = min(ITEMS, int((room - 20) / size))
        if fitting < 1:
            break
        entities.append(entity(len(entities) + 1, identifiers=tuple(identifiers[:fitting])))
        room -= int(fitting * size) + 25
    return changed(entities=tuple(entities))


def named(number: int, letters: str, length: int = 3) -> Identifier:
    return Identifier(scheme="NAME", value=text_of(number, letters, length), country=None)


def connected(first: int, role: str = "x") -> tuple[Connection, ...]:
    """A thousand connections between entities from `first` on."""
    return tuple(Connection(from_=first + n, to=first + n, role=role, statement="FACT") for n in range(ITEMS))


THOUSAND = tuple(entity(number + 1) for number in range(ITEMS))
PERSON = Person(
    family_name=None,
    given_names=None,
    birth_date="1990-02-31",
    category="SUSPECT",
    under_18=False,
    special_category=False,
)

REPORTS: dict[str, Callable[[], IntelligenceReport]] = {
    "short": report_of,
    "identifiers": lambda: with_identifiers(
        lambda n: Identifier(scheme="NAME", value=text_of(n % ITEMS, length=2), country=None)
    ),
    "identifiers of a country": lambda: with_identifiers(
        lambda n: Identifier(scheme="SERIAL", value=text_of(n), country="BZ")
    ),
    "names in Cyrillic": lambda: with_identifiers(lambda n: named(n, "БВГДЖИКЛМНПРСТУФХЦЧШ", 4)),
    "names in Chinese": lambda: with_identifiers(lambda n: named(n, "".join(map(chr, range(0x4E00, 0x4E80))))),
    "names that are not normalised": lambda: changed(
        entities=tuple(entity(number + 1, identifiers=(named(number, "\u1e9b\u0323", 40),)) for number in range(ITEMS))
    ),
    "connections to nowhere": lambda: changed(entities=THOUSAND, connections=connected(10**6)),
    "connections": lambda: changed(entities=THOUSAND, connections=connected(1, "OWNER_OF")[:ITEMS]),
    "unknown codes": lambda: changed(
        entities=tuple(entity(number + 1, kind="?", statement="?") for number in range(ITEMS)),
        subjects=tuple(f"NEW_{number}" for number in range(ITEMS)),
        handling=tuple(f"N{number}" for number in range(ITEMS)),
    ),
    "unknown codes and a malformed end": lambda: changed(
        entities=tuple(entity(number + 1, kind="?", statement="?") for number in range(ITEMS)),
        connections=connected(10**6),
    ),
    "one code a thousand times": lambda: changed(subjects=("DRUG_TRAFFICKING",) * ITEMS),
    "birth dates that are none": lambda: changed(
        entities=tuple(entity(number + 1, kind="PERSON", person=PERSON) for number in range(ITEMS))
    ),
    "a long text": lambda: changed(narrative=structs.replace(report_of().narrative, text="\u00e9" * 99_000)),
    "blanks": lambda: changed(narrative=structs.replace(report_of().narrative, text="\u3000" * 66_000)),
    "a language of many parts": lambda: changed(
        narrative=structs.replace(report_of().narrative, language="en" + "-a2345678" * 6 + "-")
    ),
    "numbers as identifiers": lambda: with_identifiers(
        lambda n: Identifier(scheme="SERIAL", value="1" * 250 + text_of(n), country=None)
    ),
}


def payloads() -> Iterator[tuple[str, bytes]]:
    """Payloads that are not those of a report: counts without items, in the current schema and in released ones."""
    whole = codec.encode(report_of())
    for name, prefix in [("current", whole[: codec.PREFIX_BYTES]), *_released()]:
        for count in (2**20, 2**40, 2**62, -(2**40)):
            yield f"{name} schema, {count} items", prefix + whole[codec.PREFIX_BYTES :][:60] + varint(count) * 9_000
    yield "zeros", bytes(ROOM)
    yield "highest bytes", whole[: codec.PREFIX_BYTES] + b"\xff" * (ROOM - codec.PREFIX_BYTES)


def _released() -> list[tuple[str, bytes]]:
    return [(f"released {number}", prefix) for number, prefix in enumerate(codec._codec(IntelligenceReport).released)]


@cache
def author() -> tuple[Author, AudienceKey, bytes]:
    """BZ, its key, and the record of its grant."""
    bz = world().author()
    key, body = granted(bz)
    return bz, key, bz.grant(body)


def messages() -> Iterator[tuple[str, bytes]]:
    """Name and record of each message."""
    bz, key, _ = author()
    for name, make in REPORTS.items():
        yield name, bz.message(key, make())
    for name, payload in payloads():
        yield name, bz.message(key, payload=payload)


def open_records() -> Iterator[tuple[str, str, bytes]]:
    """Name, stream and record of open types."""
    items = codec.sorted_set(ReceiptItem(batch=random_bytes(32), outcomes=b"\x01" * 1024) for _ in range(235))
    receipt = codec.unsafe_encode(Receipt(originator="GT", stream="intel.caribbean", items=items))
    for name, content in (("receipts of many leaves", receipt), ("a receipt of zeros", receipt[:10] + bytes(200_000))):
        leaf = open_type_leaf(MessageType.RECEIPT, content, message_id=random_bytes(16))
        yield name, "receipts", world().author().batch([leaf], stream="receipts")[0]


def main() -> None:
    """Measure each record."""
    bz, _, grant_record = author()
    grant = grant_of(verified(judge(), grant_record, place("keys")))
    for name, value in messages():
        _measure(name, value, "intel.caribbean", lambda by, record: code_of(by.decide(record, grant=grant, now=bz.now)))
    for name, stream, value in open_records():
        _measure(name, value, stream, lambda _by, _record: "verified")


def _measure(name: str, value: bytes, stream: str, open_record: Callable[[Judge, Verified], str]) -> None:
    def decide() -> str:
        by = judge()
        record = by.authenticate(value, place(stream))
        return code_of(record) if isinstance(record, Decision) else open_record(by, record)

    decide()  # what is made once is not counted
    begun = time.process_time()
    decided = decide()
    seconds = time.process_time() - begun
    tracemalloc.start()
    decide()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    line = {"name": name, "bytes": len(value), "cpu_seconds": seconds, "peak_bytes": peak, "decided": decided}
    print(json.dumps(line))  # noqa: T201


if __name__ == "__main__":
    main()
