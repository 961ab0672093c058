"""Tests docs/contract.md on the command line: publish and import, reports, agreements and configuration."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.inspect import StructType, VarTupleType, type_info

from node.runtime import config
from node.toml_reader import key_paths
from schemas import codes, schema_files
from schemas.types import AgreementFile, NodeConfig, TopologyFile
from tests.contract.test_contract import REPORT_FILE_ROW, ROWS_TO_IMPORT
from tests.support import samples
from tests.support.boats import MAPPING
from tests.support.contract import (
    check_shape,
    cli,
    code,
    ok,
    shape_of,
    step,
    tables,
)
from tests.support.processes import agreement, lab

[FIELDS, LISTS] = tables("contract.md", "## Report")
MANDATORY = [code(row["field"]) for row in FIELDS if row[""] == "mandatory"]
[AGREEMENT_KEYS] = tables("contract.md", "## Agreement")
[SETTINGS] = tables("contract.md", "## Configuration")
[TOPOLOGY_KEYS] = tables("contract.md", "## Topology")
CONNECTED = samples.report(retain_until="2035-12-31", region="caribbean")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BZ, which may send to GT; no daemon runs."""
    return lab(tmp_path_factory.mktemp("intake"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def publish(home: Path, *reports: Any, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Publish reports as NDJSON on stdin; returns the answers."""
    lines = [given if isinstance(given, bytes) else json.dumps(given).encode() for given in reports]
    return cli("publish", "-", *options, home=home, data=b"\n".join(lines)).objects


def report_with(words: str, **changes: Any) -> dict[str, Any]:
    """The sample with this text, so that it differs from other reports."""
    return samples.report(retain_until="2035-12-31", narrative={"text": words, "language": "en"}) | changes


def without(path: str) -> tuple[dict[str, Any], str]:
    """The sample without the first field at a path such as `entities[].kind`, and the exact path of that field."""
    made: dict[str, Any] = copy.deepcopy(CONNECTED)
    value: Any = made
    found: list[str] = []
    *parents, last = path.split(".")
    for name in parents:
        key, is_list = name.removesuffix("[]"), name.endswith("[]")
        index = (
            next(i for i, item in enumerate(value[key]) if reaches(item, path.split(f"{name}.", 1)[1]))
            if is_list
            else 0
        )
        value = value[key][index] if is_list else value[key]
        found.append(f"{key}[{index}]" if is_list else key)
    del value[last]
    return made, ".".join([*found, last])


def reaches(value: Any, path: str) -> bool:
    """Whether there is a value at a path."""
    for name in path.split("."):
        key = name.removesuffix("[]")
        if key not in value or (name.endswith("[]") and not value[key]):
            return False
        value = value[key][0] if name.endswith("[]") else value[key]
    return True


def report_fields(name: str = "enlace.v1.IntelligenceReport", prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Each path of the payload's schema that a report may have, and whether it is optional."""
    for field in schema_files.current()[name]["fields"]:
        if field.get("intake") == "filled" and field["name"] != "report_id":
            continue
        inner, optional = schema_files.unwrap(field["type"])
        kind, attributes = schema_files.shape(inner, schema_files.current())
        path = f"{prefix}{field['name']}"
        yield path, optional or "default" in field
        item, suffix = (attributes["items"], "[]") if kind == "array" else (inner, "")
        kind, attributes = schema_files.shape(item, schema_files.current())
        if kind == "record":
            yield from report_fields(f"{attributes['namespace']}.{attributes['name']}", f"{path}{suffix}.")


def test_the_table_of_the_report_lists_each_field_of_the_schema() -> None:
    optional = dict(report_fields())
    listed = {code(row["field"]): row[""] != "mandatory" for row in FIELDS}

    assert listed.keys() == optional.keys() | {"refers_to", "region", "report_id"}
    assert {path for path, may_miss in listed.items() if not may_miss} == {
        path for path, may_miss in optional.items() if not may_miss
    } - {"region", "report_id"}


@pytest.mark.parametrize("path", MANDATORY)
def test_a_report_without_a_mandatory_field_is_refused_with_the_field_s_path(home: Path, path: str) -> None:
    reduced, where = without(path)
    [answer] = publish(home, reduced)

    assert answer["outcome"] == "refused"
    assert [(error["path"], error["code"]) for error in answer["errors"]] == [(where, "missing")]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"entities.0.person": None}, "entities[0].person"),
        ({"handling": ["H3"]}, "handling_text"),
        ({"subjects": []}, "subjects"),
        ({"handling": []}, "handling"),
    ],
    ids=["a person's record", "the words of H3", "a subject", "a handling code"],
)
def test_what_a_report_needs_under_a_condition_is_refused_with_its_path(
    home: Path, changes: dict[str, Any], path: str
) -> None:
    made = copy.deepcopy(CONNECTED)
    for name, value in changes.items():
        if value is None:
            del made["entities"][0]["person"]
        else:
            made[name] = value
    [answer] = publish(home, made)

    assert [(error["path"], error["code"]) for error in answer["errors"]] == [(path, "missing")]


CODED = {
    "subjects": ("subjects.0", "subjects[0]"),
    "urgency": ("urgency", "urgency"),
    "purposes": ("purpose", "purpose"),
    "handling": ("handling.0", "handling[0]"),
    "languages": ("narrative.language", "narrative.language"),
    "source_evaluation_4x4": ("evaluation.source", "evaluation.source"),
    "information_evaluation_4x4": ("evaluation.information", "evaluation.information"),
    "grids": ("evaluation.grid", "evaluation.grid"),
    "entity_kinds": ("entities.1.kind", "entities[1].kind"),
    "statements": ("connections.0.statement", "connections[0].statement"),
    "categories": ("entities.0.person.category", "entities[0].person.category"),
    "schemes": ("entities.0.identifiers.0.scheme", "entities[0].identifiers[0].scheme"),
    "countries": ("entities.0.identifiers.0.country", "entities[0].identifiers[0].country"),
}


@pytest.mark.parametrize("name", CODED)
def test_an_unknown_code_is_refused_with_its_path_and_the_allowed_values(home: Path, name: str) -> None:
    place, path = CODED[name]
    made = samples.changed(place, "xx" if name == "languages" else "XX9") | {"retain_until": "2035-12-31"}
    [answer] = publish(home, made)
    [error] = [found for found in answer["errors"] if found["path"] == path]

    assert answer["outcome"] == "refused"
    assert error["code"] == "unknown_code"
    assert error["allowed"] == list(codes.load(name).ordered)


@pytest.mark.parametrize("row", LISTS, ids=lambda row: code(row["list"]))
def test_the_lists_of_codes_are_those_that_intake_uses(row: dict[str, str]) -> None:
    assert row["codes"].split(" ") == list(codes.load(code(row["list"])).ordered)


UNKNOWN_KEYS = (
    ("colour", "colour"),
    ("kind", "kind"),
    ("references", "references"),
    ("narrative.title", "narrative.title"),
    ("entities.0.colour", "entities[0].colour"),
    ("entities.0.person.shoe_size", "entities[0].person.shoe_size"),
    ("connections.0.weight", "connections[0].weight"),
)


@pytest.mark.parametrize(("place", "path"), UNKNOWN_KEYS)
def test_an_unknown_key_is_refused_with_its_path(home: Path, place: str, path: str) -> None:
    [answer] = publish(home, samples.changed(place, "x") | {"retain_until": "2035-12-31"})

    assert answer["outcome"] == "refused"
    assert [(error["path"], error["code"]) for error in answer["errors"]] == [(path, "unknown_key")]


def test_the_error_about_an_unknown_key_lists_the_allowed_keys(home: Path) -> None:
    [answer] = publish(home, report_with("x", refer_to=[]))
    [error] = answer["errors"]
    top = [code(row["field"]) for row in FIELDS if not re.search(r"[.\[]", code(row["field"]))]

    assert sorted(error["allowed"]) == sorted(top)
    assert "refers_to" in error["message"]


def test_each_line_has_an_answer_in_its_order_and_a_bad_line_does_not_stop_the_others(home: Path) -> None:
    answers = publish(home, report_with("one"), b"{no json", b"", b"[1]", b"\xff\xfe", report_with("two"))

    assert [(answer["line"], answer["outcome"]) for answer in answers] == [
        (1, "accepted"),
        (2, "refused"),
        (4, "refused"),
        (5, "refused"),
        (6, "accepted"),
    ]
    assert [answer["errors"][0]["code"] for answer in answers[1:4]] == ["not_json", "not_an_object", "not_json"]


def test_a_file_may_hold_one_object_over_several_lines(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(report_with("pretty"), indent=2))
    [answer] = ok("publish", path, home=home)

    assert (answer["outcome"], answer["line"], answer["audience"]) == ("accepted", 1, ["GT"])
    assert cli("publish", tmp_path / "nowhere.json", home=home).error["code"] == "file_unreadable"


def test_a_key_that_occurs_twice_is_refused_with_its_path(home: Path) -> None:
    twice = json.dumps(report_with("twice", handling=["H3"], handling_text="x"))[:-1] + ', "handling": ["H0"]}'
    [answer] = publish(home, twice.encode())

    assert answer["outcome"] == "refused"
    assert [(error["path"], error["code"]) for error in answer["errors"]] == [("handling", "duplicate")]


def test_a_valid_value_that_looks_wrong_is_a_warning(home: Path) -> None:
    position = {"latitude_microdegrees": 0, "longitude_microdegrees": 0}
    changes = {"place": position, "occurred": {"from": "1850-01-01T00:00:00Z"}, "entities": [], "connections": []}
    [answer] = publish(home, report_with("warned", **changes))

    assert answer["outcome"] == "accepted"
    assert [(warning["path"], warning["code"]) for warning in answer["warnings"]] == [
        ("occurred.from", "event_long_ago"),
        ("place.latitude_microdegrees", "position_zero"),
    ]


def test_the_same_content_again_is_a_duplicate_and_other_content_a_conflict(home: Path) -> None:
    first = report_with("as handed in", report_id="6f1d0f2e-3a64-4c1b-9d0e-5b7a4c2e8f10")
    [accepted] = publish(home, first)
    again = cli("publish", "-", home=home, data=json.dumps(first).encode())
    conflict = cli("publish", "-", home=home, data=json.dumps(first | {"urgency": "URGENT_DIRECT"}).encode())
    elsewhere = publish(home, first | {"region": "transatlantic"})

    assert again.exit == 0
    assert again.objects[0]["outcome"] == "duplicate"
    assert again.objects[0]["message_id"] == accepted["message_id"]
    assert conflict.exit == 1
    assert conflict.objects[0]["outcome"] == "refused"
    assert [(error["path"], error["code"]) for error in conflict.objects[0]["errors"]] == [
        ("report_id", "report_id_conflict")
    ]
    assert elsewhere[0]["outcome"] == "accepted"


def test_equal_reports_without_an_id_are_one_and_their_id_is_a_uuid_of_version_5(home: Path) -> None:
    first, second = publish(home, report_with("equal"), report_with("equal"))

    assert (first["outcome"], second["outcome"]) == ("accepted", "duplicate")
    assert first["report_id"] == second["report_id"]
    assert UUID(first["report_id"]).version == 5


def test_a_report_that_no_agreement_admits_is_accepted_without_recipients(tmp_path: Path) -> None:
    alone = lab(tmp_path, ["BZ", "GT"])["BZ"]
    [answer] = publish(alone, report_with("for nobody"))
    step(alone)

    assert (answer["outcome"], answer["audience"]) == ("accepted", [])
    assert [(refusal["recipient"], refusal["reason"]) for refusal in answer["refusals"]] == [
        ("GT", "no agreement names BZ and GT")
    ]
    assert len(ok("search", "--all", home=alone)) == 1
    assert ok("status", home=alone)[0]["outbox"] == {"accepted": 0, "sealed": 0, "sent": 0}


def test_a_report_may_refer_to_messages_that_are_known_here_and_to_no_others(home: Path) -> None:
    [first] = publish(home, report_with("first"))
    [second, third] = publish(
        home,
        report_with("second", refers_to=[first["message_id"]]),
        report_with("third", refers_to=["6f1d0f2e-3a64-4c1b-9d0e-5b7a4c2e8f11"]),
    )

    assert second["outcome"] == "accepted"
    assert [(error["path"], error["code"]) for error in third["errors"]] == [("refers_to[0]", "unknown_message")]


def test_a_dry_run_answers_the_same_and_writes_nothing(home: Path) -> None:
    [before] = ok("status", home=home)
    [dry] = publish(home, report_with("only asked"), options=("--dry-run",))
    [after] = ok("status", home=home)
    [wet] = publish(home, report_with("only asked"))

    assert before == after
    assert {**dry, "message_id": None} == {**wet, "message_id": None}
    assert wet["outcome"] == "accepted"


def counts(answer: dict[str, Any]) -> dict[str, int]:
    """The counts of an import."""
    return {name: answer[name] for name in ("read", "accepted", "duplicate", "refused", "not_selected")}


def test_an_import_answers_each_row_and_a_second_import_accepts_nothing(home: Path, tmp_path: Path) -> None:
    mapping, rows, lines = (tmp_path / name for name in ("boats.toml", "boats.csv", "lines.ndjson"))
    mapping.write_text(MAPPING)
    rows.write_text(ROWS_TO_IMPORT)
    [first] = ok("import", mapping, rows, "--report", lines, home=home, exit_code=1)
    told_of = [json.loads(line) for line in lines.read_text().splitlines()]
    [again] = ok("import", mapping, rows, home=home, exit_code=1)
    mapping.write_text(MAPPING.replace('default = "BZ"', 'default = "GT"'))
    [other] = ok("import", mapping, rows, home=home)
    seen: set[str] = set()
    for line in told_of:
        check_shape(line, shape_of(REPORT_FILE_ROW["keys"]), seen)

    assert counts(first) == {"read": 3, "accepted": 1, "duplicate": 1, "refused": 1, "not_selected": 0}
    assert (first["report"], again["report"]) == (str(lines), None)
    assert first["lines"] == {"total": 4, "header": 1, "blank": 0}
    assert [(note["row"], note["line"], note["code"]) for note in first["refusals"]] == [(2, 3, "not_a_time")]
    assert [(line["row"], line["line"], line["outcome"]) for line in told_of] == [
        (1, 2, "accepted"),
        (2, 3, "refused"),
        (3, 4, "duplicate"),
    ]
    assert [(error["path"], error["code"]) for error in told_of[1]["errors"]] == [("occurred.from", "not_a_time")]
    assert "errors" in seen
    assert counts(again) == {"read": 3, "accepted": 0, "duplicate": 2, "refused": 1, "not_selected": 0}
    assert counts(other) == {"read": 3, "accepted": 0, "duplicate": 0, "refused": 0, "not_selected": 3}


def test_an_import_without_its_files_ends_with_2(home: Path, tmp_path: Path) -> None:
    mapping, rows = tmp_path / "boats.toml", tmp_path / "boats.csv"
    mapping.write_text(MAPPING)
    rows.write_text(ROWS_TO_IMPORT)
    nowhere = tmp_path / "no" / "lines.ndjson"

    assert cli("import", tmp_path / "no.toml", rows, home=home).error["code"] == "file_unreadable"
    assert cli("import", mapping, tmp_path / "no.csv", home=home).error["code"] == "file_unreadable"
    assert cli("import", mapping, rows, "--report", nowhere, home=home).error["code"] == "file_unwritable"
    mapping.write_bytes(b"\xff")
    assert cli("import", mapping, rows, home=home).error["code"] == "file_unreadable"


def test_the_table_of_the_configuration_lists_each_key_with_its_default(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text('[node]\nid = "BZ"\n[bus]\nurl = "sqlite:///log.db"\n')
    settings = config.explain(tmp_path, {})
    shown: dict[object, str] = {None: "none", False: "false"}
    defaults = {
        setting.key: shown.get(setting.value, str(setting.value)) for setting in settings if setting.source == "default"
    }

    assert [code(row["key"]) for row in SETTINGS] == [setting.key for setting in settings]
    assert {code(row["key"]): row["default"] for row in SETTINGS} == {
        **defaults,
        "node.id": "mandatory",
        "bus.url": "mandatory",
    }
    assert type_info(NodeConfig)


@pytest.mark.parametrize(
    ("line", "hint"),
    [("[bus]\nurll = 1", "bus.url"), ("[log]\nlevle = 1", "log.level"), ("[nod]\nid = 1", "node")],
)
def test_an_unknown_configuration_key_ends_with_2_and_names_the_nearest(tmp_path: Path, line: str, hint: str) -> None:
    (tmp_path / "node.toml").write_text(line)
    ran = cli("status", home=tmp_path)

    assert (ran.exit, ran.error["code"]) == (2, "unknown_key")
    assert hint in ran.error["hint"]


def test_the_environment_overrides_the_file(home: Path, tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path / 'no' / 'log.db'}"
    away = cli("status", home=home, env={"ENLACE_BUS__URL": nowhere})
    passphrase = cli("run", home=home, env={"ENLACE_KEYS__PASSPHRASE_FILE": str(tmp_path / "no")})
    typo = cli("status", home=home, env={"ENLACE_BUS__URI": "x"})
    named = cli("status", env={"ENLACE_HOME": str(home)})

    assert away.objects[0]["bus"] != "available"
    assert passphrase.error["code"] == "secret_unreadable"
    assert (typo.exit, typo.error["hint"]) == (2, "did you mean bus.url?")
    assert named.objects[0]["node"] == "BZ"


def test_a_folder_that_is_not_a_home_or_no_folder_ends_with_2(tmp_path: Path) -> None:
    assert cli("status").error["code"] == "home_missing"
    assert cli("status", home=tmp_path).error["code"] == "home_invalid"


def test_a_relative_store_belongs_to_the_home(home: Path) -> None:
    place = home / "other.db"
    elsewhere = {"ENLACE_STORE__URL": "sqlite:///other.db"}
    missing = cli("status", home=home, env=elsewhere)
    cli("publish", "-", home=home, data=json.dumps(report_with("elsewhere")).encode(), env=elsewhere)
    ran = cli("status", home=home, env=elsewhere)

    assert (missing.exit, missing.error["code"]) == (2, "store_missing")
    assert ran.objects[0]["outbox"]["accepted"] == 1
    assert place.exists()


def test_a_store_that_cannot_be_opened_is_unavailable(home: Path, tmp_path: Path) -> None:
    ran = cli("status", home=home, env={"ENLACE_STORE__URL": f"sqlite:///{tmp_path / 'no' / 'store.db'}"})

    assert (ran.exit, ran.error["code"]) == (4, "store_unavailable")


def keys_of(cls: type) -> set[str]:
    """The keys of the TOML file of a type, with `[]` after a list of tables."""
    return {re.sub(r"\[\](?!\.)", "", path) for path in key_paths(type_info(cls))}


def test_the_tables_of_agreement_and_topology_list_each_key() -> None:
    assert {code(row["key"]) for row in AGREEMENT_KEYS} == keys_of(AgreementFile)
    assert {code(row["key"]) for row in TOPOLOGY_KEYS} | {"region"} == keys_of(TopologyFile)
    shape = type_info(AgreementFile)
    assert isinstance(shape, StructType)
    mandatory = {field.encode_name for field in shape.fields if field.required}
    [clauses] = [
        field.type for field in shape.fields if isinstance(field.type, VarTupleType) and field.name == "clause"
    ]
    assert isinstance(clauses.item_type, StructType)
    mandatory |= {f"clause[].{field.encode_name}" for field in clauses.item_type.fields if field.required}

    assert {code(row["key"]) for row in AGREEMENT_KEYS if row[""] == "mandatory"} == mandatory


@pytest.mark.parametrize("path", [code(row["key"]) for row in AGREEMENT_KEYS if row[""] == "mandatory"])
def test_an_agreement_without_a_mandatory_key_is_not_compiled(home: Path, tmp_path: Path, path: str) -> None:
    name = path.rpartition(".")[2]
    head, clause = agreement("BZ-GT-2", ["BZ", "GT"]).split("[[clause]]")
    pattern = re.compile(rf"^{name} = .*\n", re.MULTILINE)
    text = (
        f"{head}[[clause]]{pattern.sub('', clause)}" if "[]" in path else f"{pattern.sub('', head)}[[clause]]{clause}"
    )
    file = tmp_path / "agreement.toml"
    file.write_text(text)
    ran = cli("governance", "new", "agreement", file, home=home)

    assert ran.exit == 2
    assert ran.error["code"] == "value_invalid"
    assert f"`{name}`" in ran.error["message"]
    assert not (tmp_path / "agreement.toml.signed").exists()
