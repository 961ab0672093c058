"""schemas/tools/compatibility.py: compatible and incompatible changes; the codec reads payloads of old versions."""

import copy
import dataclasses
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest

from schemas import codes, schema_files, types
from schemas.avro import codec
from schemas.avro.codec import BadMessage, UnknownSchema, decode
from schemas.tools import compatibility
from tests.support.wire_samples import BATCH, EACH, REPORT

Definitions = dict[str, dict[str, Any]]
Change = Callable[[Definitions], object]

NEW_TEXT = {"name": "new", "doc": "New.", "type": ["null", {"type": "string"}], "default": None}
NEW_MANDATORY = {"name": "new", "doc": "New.", "type": {"type": "string"}}


def fields(definitions: Definitions, name: str) -> list[dict[str, Any]]:
    """The fields of a record, to be changed."""
    found: list[dict[str, Any]] = definitions[f"enlace.v1.{name}"]["fields"]
    return found


def field(definitions: Definitions, name: str, field_name: str) -> dict[str, Any]:
    """A field of a record, to be changed."""
    return next(field for field in fields(definitions, name) if field["name"] == field_name)


def type_of(definitions: Definitions, name: str, field_name: str) -> dict[str, Any]:
    """The type of a field (X if it is `[null, X]`), to be changed."""
    inner: dict[str, Any] = schema_files.unwrap(field(definitions, name, field_name)["type"])[0]
    return inner


def drop(definitions: Definitions, name: str, field_name: str) -> None:
    """Remove a field."""
    fields(definitions, name).remove(field(definitions, name, field_name))


REPORT_NAME = "IntelligenceReport"
COMPATIBLE: dict[str, Change] = {
    "nothing": lambda d: d,
    "another doc": lambda d: d["enlace.v1.Batch"].update(doc="Other words."),
    "another doc of a field": lambda d: field(d, "Batch", "size").update(doc="Other words."),
    "another code list": lambda d: type_of(d, "Narrative", "language").update(suggests="languages"),
    "a new type": lambda d: d.update({"enlace.v1.New": d["enlace.v1.Recall"] | {"name": "New"}}),
    "an optional field comes": lambda d: fields(d, REPORT_NAME).append(NEW_TEXT),
    "an optional field comes in a nested record": lambda d: fields(d, "Person").insert(0, NEW_TEXT),
    "an optional field goes": lambda d: drop(d, REPORT_NAME, "handling_text"),
    "an optional record goes": lambda d: drop(d, REPORT_NAME, "place"),
    "a field with a default comes": lambda d: fields(d, "Goods").append(NEW_MANDATORY | {"default": ""}),
    "fields of a payload move": lambda d: fields(d, REPORT_NAME).reverse(),
}
INCOMPATIBLE: dict[str, tuple[Change, str]] = {
    "a type goes": (lambda d: d.pop("enlace.v1.Recall"), "Recall: was released and is missing"),
    "a type has another name": (
        lambda d: d.update({"enlace.v1.Back": d.pop("enlace.v1.Recall")}),
        "Recall: was released and is missing",
    ),
    "a type has another namespace": (
        lambda d: d.update({"enlace.v2.Recall": d.pop("enlace.v1.Recall")}),
        "Recall: was released and is missing",
    ),
    "a record becomes an enum": (lambda d: d["enlace.v1.Recall"].update(type="enum"), "was record and is enum"),
    "a type leaves the payload": (lambda d: d["enlace.v1.Recall"].update(payload=False), "out of the payload"),
    "a mandatory field comes": (
        lambda d: fields(d, REPORT_NAME).append(NEW_MANDATORY),
        "new: is new and has no default",
    ),
    "a mandatory field goes": (lambda d: drop(d, REPORT_NAME, "purpose"), "purpose: is missing and had no default"),
    "a mandatory field has another name": (
        lambda d: field(d, REPORT_NAME, "purpose").update(name="aim"),
        "purpose: is missing and had no default",
    ),
    "a field loses its default": (lambda d: field(d, "Place", "text").pop("default"), "gained or lost its default"),
    "a mandatory field becomes optional": (
        lambda d: field(d, REPORT_NAME, "legal_basis").update(type=["null", {"type": "string"}]),
        "became optional or mandatory",
    ),
    "an optional field becomes mandatory": (
        lambda d: field(d, "Place", "text").update(type={"type": "string", "maxBytes": 65536}),
        "became optional or mandatory",
    ),
    "an int becomes a long": (lambda d: type_of(d, "Entity", "id").update(type="long"), "was int and is long"),
    "a string becomes bytes": (
        lambda d: type_of(d, "Recall", "reason").update(type="bytes"),
        "was string and is bytes",
    ),
    "a field has another record": (
        lambda d: field(d, REPORT_NAME, "narrative").update(type="enlace.v1.Recall"),
        "was enlace.v1.Narrative and is enlace.v1.Recall",
    ),
    "items have another type": (
        lambda d: type_of(d, REPORT_NAME, "subjects").update(items={"type": "int"}),
        "was string and is int",
    ),
    "an enum gains a symbol": (lambda d: d["enlace.v1.LabelKind"]["symbols"].append("NEW"), "gained a symbol"),
    "an enum loses a symbol": (lambda d: d["enlace.v1.LabelKind"]["symbols"].pop(), "lost a symbol"),
    "an enum changes its order": (lambda d: d["enlace.v1.KeyUse"]["symbols"].reverse(), "changed the order"),
    "a fixed type changes its size": (lambda d: d["enlace.v1.Wrap"].update(size=1120), "changed its size"),
    "a bound widens": (lambda d: type_of(d, "Recall", "reason").update(maxBytes=2000), "maxBytes was 1000 and is 2000"),
    "a bound narrows": (lambda d: type_of(d, "KeyGrant", "entries").update(maxItems=60), "maxItems was 150 and is 60"),
    "a bound comes": (lambda d: type_of(d, "Labels", "urgency").update(pattern="[A-Z]+"), "pattern was None"),
    "a record's own bound changes": (lambda d: d["enlace.v1.Batch"].update(maxBytes=2048), "maxBytes was 1024"),
    "an array is no longer a set": (
        lambda d: type_of(d, "Labels", "subjects").pop("set"),
        "set was True and is None",
    ),
    "an optional field comes to a signed part": (
        lambda d: fields(d, "Header").append(NEW_TEXT),
        "Header: is a signed part",
    ),
    "an optional field goes from a signed part": (lambda d: drop(d, "Key", "until"), "Key: is a signed part"),
    "fields of a signed part move": (lambda d: fields(d, "Batch").reverse(), "Batch: is a signed part"),
}


def with_change(change: Change) -> Definitions:
    """The current schemas, changed."""
    definitions = copy.deepcopy(dict(schema_files.current()))
    change(definitions)
    return definitions


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_change_that_both_sides_can_read_is_compatible(name: str) -> None:
    """In both directions: the reverse change is compatible too."""
    changed = with_change(COMPATIBLE[name])

    assert compatibility.check(schema_files.current(), changed) == []
    if name != "a new type":
        assert compatibility.check(changed, schema_files.current()) == []


@pytest.mark.parametrize("name", INCOMPATIBLE)
def test_a_change_that_one_side_cannot_read_is_found(name: str) -> None:
    """The finding names the type and the field."""
    change, expected = INCOMPATIBLE[name]

    findings = compatibility.check(schema_files.current(), with_change(change))

    assert any(expected in finding for finding in findings), findings


def test_the_current_schemas_read_every_released_version() -> None:
    """FULL_TRANSITIVE: each of them and not only the last."""
    assert schema_files.released(), "a released version has a copy of its schemas"
    assert compatibility.check_released() == []


def test_each_type_of_the_wire_is_released() -> None:
    """In a copy that never changes."""
    released = set().union(*schema_files.released().values())

    assert {name for name in schema_files.current() if name.startswith("enlace.v1.")} <= released


def test_the_current_code_lists_keep_every_released_version() -> None:
    """A changed list without a new version, and a new version without a copy in schemas/released, fail here."""
    assert codes.released()
    assert compatibility.check_code_lists() == []


def changed_list(old: codes.CodeList, *, version: str = "2", **texts: str | None) -> codes.CodeList:
    """A list with codes added or given another text, or taken away (None)."""
    new = {code: text for code, text in (old.texts | texts).items() if text is not None}
    return dataclasses.replace(old, version=version, texts=new, codes=frozenset(new), ordered=tuple(new))


URGENCY = codes.load("urgency")
CODE_LISTS: dict[str, tuple[codes.CodeList | None, list[str]]] = {
    "nothing changes": (URGENCY, []),
    "a code comes": (changed_list(URGENCY, LATER="later"), []),
    "another source": (dataclasses.replace(URGENCY, version="2", source="a new law"), []),
    "a code comes without a new version": (
        changed_list(URGENCY, version=URGENCY.version, LATER="later"),
        [f"changed and still is version {URGENCY.version}"],
    ),
    "another source without a new version": (
        dataclasses.replace(URGENCY, source="a new law"),
        [f"changed and still is version {URGENCY.version}"],
    ),
    "a code goes": (changed_list(URGENCY, NORMAL=None), ["lost the code NORMAL"]),
    "a code has another meaning": (changed_list(URGENCY, NORMAL="soon"), ["changed the meaning of NORMAL"]),
    "the list goes": (None, ["was released and is gone"]),
}


@pytest.mark.parametrize(("new", "findings"), CODE_LISTS.values(), ids=CODE_LISTS)
def test_a_code_list_may_grow_and_change_in_no_other_way(new: codes.CodeList | None, findings: list[str]) -> None:
    assert compatibility.check_code_list(URGENCY, new) == findings


def test_a_version_of_a_code_list_that_has_no_released_copy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "released", lambda: [codes.load(name) for name in codes.names() if name != "urgency"])

    assert compatibility.check_code_lists() == [f"urgency: version {URGENCY.version} has no copy in schemas/released"]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Definitions], None]]:
    """A function that makes definitions those of a released version."""

    def make(definitions: Definitions) -> None:
        monkeypatch.setattr(schema_files, "released", lambda: {"0": definitions})
        codec._codec.cache_clear()

    yield make
    codec._codec.cache_clear()


def written_by(definitions: Definitions, raw: dict[str, Any]) -> bytes:
    """A report as a node with these schemas writes it."""
    schema = fastavro.parse_schema(schema_files.bare(f"enlace.v1.{REPORT_NAME}", definitions))
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, raw)
    return codec.prefix_of(schema) + stream.getvalue()


RAW = msgspec.to_builtins(REPORT, builtin_types=(bytes,))


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_payload_of_a_released_version_is_read_as_the_current_type(
    name: str, release: Callable[[Definitions], None]
) -> None:
    """A field that the old version lacks is absent; a field that the current version lacks is dropped."""
    old = with_change(COMPATIBLE[name])
    release(old)

    report = decode(types.IntelligenceReport, written_by(old, RAW | {"new": "dropped"}))

    lost = {"an optional record goes": {"place": None}}.get(name, {})
    assert report == msgspec.structs.replace(REPORT, **lost)


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_node_of_the_released_version_reads_what_is_written_today(name: str) -> None:
    """By the schema resolution of Avro."""
    old = fastavro.parse_schema(schema_files.bare(f"enlace.v1.{REPORT_NAME}", with_change(COMPATIBLE[name])))
    new = fastavro.parse_schema(schema_files.bare(f"enlace.v1.{REPORT_NAME}", schema_files.current()))
    body = BytesIO(codec.encode(REPORT)[codec.PREFIX_BYTES :])

    read = fastavro.schemaless_reader(body, new, old)

    assert isinstance(read, dict)
    assert read["narrative"] == RAW["narrative"]


def test_a_payload_of_an_unreleased_version_is_unknown() -> None:
    """Even if the change is compatible."""
    with pytest.raises(UnknownSchema):
        decode(types.IntelligenceReport, written_by(with_change(COMPATIBLE["an optional field comes"]), RAW))


def test_a_payload_of_a_released_version_must_be_canonical_too(release: Callable[[Definitions], None]) -> None:
    """Trailing bytes and broken limits are refused."""
    old = with_change(COMPATIBLE["an optional field comes"])
    release(old)

    for data in (
        written_by(old, RAW) + b"\0",
        written_by(old, RAW)[:-1],
        written_by(old, RAW | {"purpose": "x" * 65}),
        written_by(old, RAW | {"purpose": "a\0b"}),
    ):
        with pytest.raises(BadMessage):
            decode(types.IntelligenceReport, data)


def test_signed_parts_are_pinned_even_to_released_versions(release: Callable[[Definitions], None]) -> None:
    """A batch with any other schema is malformed, even with a released one."""
    old = with_change(lambda d: fields(d, "Batch").append(NEW_TEXT))
    release(old)
    schema = fastavro.parse_schema(schema_files.bare("enlace.v1.Batch", old))
    stream = BytesIO()
    fastavro.schemaless_writer(stream, schema, msgspec.to_builtins(BATCH, builtin_types=(bytes,)))

    with pytest.raises(UnknownSchema):
        decode(types.Batch, codec.prefix_of(schema) + stream.getvalue())


def test_a_default_filled_in_for_one_message_does_not_reach_the_next(
    monkeypatch: pytest.MonkeyPatch, release: Callable[[Definitions], None]
) -> None:
    """fastavro returns the same list for each message; the codec returns values that cannot change."""
    old = with_change(lambda d: drop(d, REPORT_NAME, "connections"))
    new = with_change(lambda d: field(d, REPORT_NAME, "connections").update(default=[]))
    monkeypatch.setattr(schema_files, "current", lambda: new)
    release(old)
    data = written_by(old, RAW)

    first, second = decode(types.IntelligenceReport, data), decode(types.IntelligenceReport, data)

    assert first == second == msgspec.structs.replace(REPORT, connections=())
    assert isinstance(first.connections, tuple)


def test_samples_exist_for_every_type_that_travels_by_itself() -> None:
    """So that the tests of the codec cover a new type."""
    nested = {name for d in schema_files.current().values() if d["type"] == "record" for name in _used(d)}
    alone = {
        n for n, d in schema_files.current().items() if n.startswith("enlace.v1.") and d["type"] == "record"
    } - nested

    assert {f"enlace.v1.{type(value).__name__}" for value in EACH} == alone


def _used(definition: dict[str, Any]) -> set[str]:
    return {name for field in definition["fields"] for name in _names(field["type"])}


def _names(schema: Any) -> set[str]:
    inner, _ = schema_files.unwrap(schema)
    if isinstance(inner, dict):
        return _names(inner.get("items", inner.get("values", "")))
    return {str(inner)}
