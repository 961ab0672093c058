"""`mapping check` and `mapping new`: problems of a mapping, the first rows as reports, and a first draft."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.mapping.load_mapping import load
from tests.support.contract import cli
from tests.support.imports import mapping_text, toml_field


def _check(folder: Path, mapping: str, data: bytes | None = None, exit_code: int = 0) -> dict[str, Any]:
    path, rows = folder / "m.toml", folder / "rows"
    path.write_text(mapping)
    if data is not None:
        rows.write_bytes(data)
    ran = cli("mapping", "check", path, *([rows] if data is not None else []))
    assert ran.exit == exit_code, (ran.out, ran.err)
    [answer] = ran.objects
    return answer


def test_a_sound_mapping_has_no_problem_and_its_rows_are_shown_as_reports(tmp_path: Path) -> None:
    """Without a home, and without a store."""
    answer = _check(tmp_path, mapping_text(), b"date,text\n2026-11-01,one\n2026-11-02,two\n")

    assert answer["problems"] == []
    assert [(row["line"], row["outcome"], row["report"]["narrative"]["text"]) for row in answer["rows"]] == [
        (2, "report", "one"),
        (3, "report", "two"),
    ]
    assert {"path": "narrative.text", "source": "column text"} in answer["fields"]


def test_a_row_that_would_be_refused_is_shown_with_all_its_errors(tmp_path: Path) -> None:
    answer = _check(tmp_path, mapping_text(), b"date,text\n31/11/2026,\n", exit_code=1)
    [row] = answer["rows"]

    assert (row["outcome"], row["report"]) == ("refused", None)
    assert [(error["path"], error["code"]) for error in row["errors"]] == [
        ("occurred.from", "not_a_time"),
        ("narrative.text", "missing"),
    ]


def test_all_problems_of_a_mapping_are_listed_at_once(tmp_path: Path) -> None:
    """`import` ends with the first of them."""
    text = mapping_text(occurred='date = "date"\ndate_format = "%d/%m/%y"') + toml_field(path="place.txt", column="x")
    text += toml_field(path="place.text", column="x", table="none")
    answer = _check(tmp_path, text, exit_code=1)

    assert [(problem["path"], problem["code"]) for problem in answer["problems"]] == [
        ("occurred.date_format", "value_invalid"),
        ("field[11].path", "unknown_field"),
        ("field[12].table", "unknown_table"),
    ]


@pytest.mark.parametrize(
    ("mapping", "code"),
    [('id = "x', "toml_malformed"), ('id = "x"\ncolour = 1', "unknown_key"), ('id = "x"', "value_invalid")],
)
def test_a_mapping_that_cannot_be_read_is_a_problem(tmp_path: Path, mapping: str, code: str) -> None:
    assert [problem["code"] for problem in _check(tmp_path, mapping, exit_code=1)["problems"]] == [code]


def test_a_column_that_the_file_lacks_is_a_problem(tmp_path: Path) -> None:
    [problem] = _check(tmp_path, mapping_text(), b"date,txt\n", exit_code=1)["problems"]

    assert (problem["path"], problem["code"]) == ("field[0].column", "unknown_column")
    assert "did you mean txt?" in problem["message"]


def test_a_file_that_does_not_exist_is_an_error_of_the_command(tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(mapping_text())

    assert cli("mapping", "check", mapping, tmp_path / "none").error["code"] == "file_unreadable"
    assert cli("mapping", "check", tmp_path / "none").error["code"] == "file_unreadable"
    assert cli("mapping", "new", tmp_path / "none").error["code"] == "file_unreadable"


FILES: dict[str, tuple[bytes, dict[str, object]]] = {
    "a CSV file": (
        b"case_no,fecha,hora,lat,lon,notes\n"
        b"1,20/11/2026,11:10,17.2,-88.5,A boat at night\n2,21/11/2026,09:00,17.1,-88,x y\n",
        {"format": "csv", "date": "fecha", "date_format": "%d/%m/%Y", "time": "hora", "key": ("case_no",)},
    ),
    "semicolons, decimal comma, Latin-1": (
        "fecha;latitud;longitud;descripción\n2026-11-20;17,2;-88,5;Una lancha en la noche\n".encode("latin-1"),
        {"format": "csv", "delimiter": ";", "decimal": ",", "encoding": "windows-1252", "date": "fecha"},
    ),
    "lines before the header": (
        b"Police of Belize\nExport of 2026\n\nday,text\n2026-11-20,A boat\n2026-11-21,A car\n",
        {"format": "csv", "skip_lines": 3, "date": "day"},
    ),
    "UTF-16 with sep=;": (
        "sep=;\r\nday;text\r\n2026-11-20;A boat\r\n".encode("utf-16"),
        {"format": "csv", "encoding": "utf-16", "date": "day"},
    ),
    "no header": (b"2026-11-20,A boat\n2026-11-21,A car\n", {"format": "csv", "columns": ("column 1", "column 2")}),
    "a JSON array": (b'[{"day": "2026-11-20", "what": {"text": "A boat"}}]', {"format": "json", "date": "day"}),
    "a wrapped array": (
        b'{"meta": {"n": 1}, "data": {"items": [{"day": "2026-11-20", "text": "A boat"}]}}',
        {"format": "json", "rows": "data.items", "date": "day"},
    ),
    "NDJSON": (b'{"day": "2026-11-20", "text": "A boat"}\n{"day": "2026-11-21"}\n', {"format": "ndjson"}),
}


@pytest.mark.parametrize("name", FILES)
def test_a_draft_reads_its_file_once_a_person_has_filled_it_in(tmp_path: Path, name: str) -> None:
    """The draft has no problem. Its rows are refused until the constants are filled in, and then they are reports."""
    data, expected = FILES[name]
    rows = tmp_path / "rows of May.dat"
    rows.write_bytes(data)
    [answer] = cli("mapping", "new", rows).objects
    mapping = load(answer["mapping"], file="draft")
    found: dict[str, object] = {"date": mapping.occurred.date, "date_format": mapping.occurred.date_format}
    found |= {"time": mapping.occurred.time, "format": mapping.format.value}
    keys = ("encoding", "delimiter", "decimal", "key", "columns", "skip_lines", "rows")
    found |= {key: getattr(mapping, key) for key in keys}

    assert {key: found[key] for key in expected} == expected
    assert answer["problems"] == []
    codes = {(error["path"], error["code"]) for row in answer["rows"] for error in row["errors"]}
    assert {("subjects[0]", "unknown_code"), ("handling[0]", "unknown_code"), ("legal_basis", "missing")} <= codes
    filled = answer["mapping"].replace('["FILL_IN"]', '["CONTRABAND"]', 1).replace('["FILL_IN"]', '["H0"]')
    filled = filled.replace('value = ""', 'value = "Test Act"')
    unfilled = _check(tmp_path, answer["mapping"], data, exit_code=1)["fill_in"]
    assert {"subjects", "handling", "legal_basis"} <= {place["field"] for place in unfilled}
    checked = _check(tmp_path, filled, data, exit_code=1 if name == "NDJSON" else 0)
    assert checked["rows"][0]["outcome"] == "report"


def test_without_json_the_draft_itself_is_printed(tmp_path: Path) -> None:
    """It can be redirected to a file."""
    rows = tmp_path / "rows.csv"
    rows.write_bytes(FILES["a CSV file"][0])
    ran = cli("mapping", "new", rows, json_=False)

    assert load(ran.out, file="draft").id == "rows"


def test_rows_of_other_nodes_are_shown_as_reports_of_their_node(tmp_path: Path) -> None:
    """The mapping is checked by the person who wrote it, for all nodes."""
    select = '[select]\ncolumns = ["n"]\ntable = "nodes"\n[table.nodes.codes]\nx = ["GT"]\n'
    answer = _check(tmp_path, mapping_text(fields=select), b"date,text,n\n2026-11-01,one,x\n")

    assert answer["rows"][0]["report"]["region"] == "central-america"
    assert json.dumps(answer)
