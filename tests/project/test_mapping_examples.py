"""The examples of mappings in docs/integrating.md do what the page says."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from node.reports.identifiers import SCHEMES
from schemas import types
from schemas.json_form import json_values
from tests.support.imports import Imported, import_file, mapping_text
from tests.support.pages import page_text

_EXAMPLE: Final = re.compile(r"<!-- example: ([^>]+) -->\n((?:```[a-z]+[^\n]*\n.*?```\n)+)", re.DOTALL)
_BLOCK: Final = re.compile(r"```([a-z]+)([^\n]*)\n(.*?)```", re.DOTALL)
EXAMPLES: Final = dict(_EXAMPLE.findall(page_text("docs/integrating.md")))


def _imported(folder: Path, example: str) -> tuple[Imported, list[Any]]:
    """What the import of an example reports, and what the page says about each row."""
    blocks = [(kind, name.strip(), body) for kind, name, body in _BLOCK.findall(example)]
    [mapping] = [body for kind, _, body in blocks if kind == "toml"]
    expected = [json.loads(line) for line in blocks[-1][2].splitlines()]
    rows = blocks[-2][2].encode()
    for _, name, body in blocks:
        if name.endswith(".csv"):
            (folder / name).write_text(body)
    return import_file(folder, rows, _whole(mapping)), expected


def _whole(lines: str) -> str:
    """The mapping of the page with the lines of an example."""
    given = tomllib.loads(lines)
    top, _, sections = lines.partition("[") if "[" in lines else (lines, "", "")
    end = re.search(r"^\[", lines, re.MULTILINE)
    top, sections = (lines[: end.start()], lines[end.start() :]) if end else (lines, "")
    occurred = 'date = "date"'
    if "occurred" in given:
        occurred = re.search(r"^\[occurred\]\n((?:[a-z_]+ = .*\n)+)", sections, re.MULTILINE)[1]  # type: ignore[index]
        sections = sections.replace(f"[occurred]\n{occurred}", "", 1)
    filled = [field["path"] for field in given.get("field", [])]
    return mapping_text(top if "format" in given else f'format = "csv"\n{top}', occurred, sections, leave_out=filled)


def _contains(whole: Any, part: Any) -> bool:
    """Whether a report has these values; null means that it has none there."""
    if isinstance(part, dict):
        return all(_contains((whole or {}).get(key), value) for key, value in part.items())
    if isinstance(part, list) and any(isinstance(item, dict) for item in part):
        return len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_page_does_what_it_says(tmp_path: Path, name: str) -> None:
    """Each row becomes this report, or is refused with this code."""
    done, expected = _imported(tmp_path, EXAMPLES[name])

    assert len(done.rows) == len(expected)
    for row, said in zip(done.rows, expected, strict=True):
        if isinstance(said, str):
            assert [error.code for error in row.mapped.errors] == [said]
        else:
            assert row.mapped.errors == ()
            assert row.mapped.draft is not None
            assert _contains(json_values.to_json(row.mapped.draft.report), said)


def test_every_key_of_a_mapping_is_explained_on_the_page() -> None:
    """A key that no text names is not found."""
    page = page_text("docs/integrating.md")
    keys = {
        name
        for kind in (types.Mapping, types.MappingTime, types.MappingField, types.MappingTable, types.MappingJoin)
        for name in kind.__struct_encode_fields__
    }

    assert {key for key in keys if not re.search(rf"\b{key}\b", page)} == set()
    assert len(EXAMPLES) >= 18
    assert SCHEMES
