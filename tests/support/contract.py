"""The tables of docs/contract.md as data, and the rules that every answer of the command line keeps."""

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import structlog

from node.cli import main
from node.runtime.home import open_home
from node.runtime.open_node import open_node

DOCS: Final = Path(__file__).parents[2] / "docs"
GROUPS: Final = (
    "webhook",
    "withheld",
    "access",
    "quarantine",
    "pending",
    "keys",
    "outbox",
    "findings",
    "mapping",
    "policy",
    "governance",
    "broker",
    "audit",
    "config",
    "db",
    "clock",
    "gateway",
    "token",
)
"""Commands that have commands."""

TIME_KEYS: Final = ("created_at", "received_at", "noted_at", "timestamp")
ID_KEYS: Final = ("report_id", "message_id")
HASH_KEYS: Final = ("key_id", "hash", "community", "root", "previous", "public")
_CELL: Final = re.compile(r"(?<!\\)\|")
_CODE: Final = re.compile(r"`([^`]*)`")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def tables(page: str, heading: str) -> list[list[dict[str, str]]]:
    """Every table under a heading of a page, its subsections included: rows as column name -> cell."""
    level = heading.split(" ", maxsplit=1)[0]
    lines = (DOCS / page).read_text("utf-8").splitlines()
    start = lines.index(heading) + 1
    found: list[list[dict[str, str]]] = []
    names: list[str] | None = None
    for line in lines[start:]:
        if re.match(rf"#{{1,{len(level)}}} ", line):
            break
        if not line.startswith("|"):
            names = None
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)[1:-1]]
        if names is None:
            names = cells
            found.append([])
        elif not set(cells[0]) <= {"-"}:
            found[-1].append(dict(zip(names, cells, strict=True)))
    return found


def code(cell: str) -> str:
    """The first text in backticks in a cell, or the whole cell without one."""
    match = _CODE.search(cell)
    return match[1] if match else cell


def command_of(usage: str) -> str:
    """The name of a command without its arguments: `quarantine show` for `quarantine show ID [--raw FILE]`."""
    words = usage.split(" ")
    if words[:2] == ["broker", "local"]:
        return " ".join(words[:3])
    return " ".join(words[: 2 if words[0] in GROUPS else 1])


Shape = Mapping[str, Any]
"""Key -> None, "text[]", "number[]", "map", or ("list" | "object", shape)."""


def shape_of(text: str) -> dict[str, Any]:
    """The keys of a cell such as `a, b[c, d{e}], f[]`."""
    shape, rest = _keys(text.replace(" ", ""))
    assert rest == "", rest
    return shape


def _keys(text: str) -> tuple[dict[str, Any], str]:
    shape: dict[str, Any] = {}
    while text and text[0] not in "]}":
        match = re.match(r"([a-z0-9_]+|…),?", text) or re.match(r"([a-z0-9_]+)", text)
        assert match, text
        name, text = match[1], text[len(match[1]) :]
        value: Any = None
        if text[:1] in ("[", "{"):
            kind = {"[": "list", "{": "object"}[text[0]]
            inner, text = ({text[1]: None}, text[2:]) if text[1] in "*#" else _keys(text[1:])
            text = text[1:]
            value = (kind, inner) if inner else "text[]"
            if inner in ({"*": None}, {"#": None}):
                value = "map" if "*" in inner else "number[]"
        shape[name] = value
        text = text.removeprefix(",")
    return shape, text


def check_shape(value: Mapping[str, Any], shape: Shape, seen: set[str], path: str = "") -> None:
    """Check that `value` has exactly these keys. The paths of lists that are not empty are added to `seen`."""
    open_ended = "…" in shape
    wanted = set(shape) - {"…"}
    assert wanted <= value.keys() if open_ended else wanted == value.keys(), (path, sorted(value))
    for name in wanted:
        item, inner, where = value[name], shape[name], f"{path}.{name}".lstrip(".")
        match inner:
            case None:
                assert not isinstance(item, (dict, list)), where
            case "text[]":
                assert all(isinstance(text, str) for text in item), where
            case "number[]":
                assert all(type(number) is int for number in item), where
            case "map":
                assert all(isinstance(text, str) for text in item.values()), where
            case ("list", fields):
                for element in item:
                    seen.add(where)
                    check_shape(element, fields, seen, where)
            case ("object", fields) if item is not None:
                check_shape(item, fields, seen, where)


def lists_of(shape: Shape, path: str = "") -> Iterator[str]:
    """The paths of the lists of objects in a shape."""
    for name, inner in shape.items():
        if isinstance(inner, tuple):
            where = f"{path}.{name}".lstrip(".")
            if inner[0] == "list":
                yield where
            yield from lists_of(inner[1], where)


def check_forms(value: Any, key: str = "") -> None:
    """Check the forms: times are RFC 3339 in UTC, ids are UUID text, hashes and keys are base64."""
    if isinstance(value, dict):
        for name, item in value.items():
            check_forms(item, name)
    elif isinstance(value, list):
        for item in value:
            check_forms(item, key)
    elif value is None:
        return
    elif key in TIME_KEYS:
        assert _TIME.fullmatch(value), (key, value)
        assert datetime.fromisoformat(value).tzinfo is not None
    elif key in ID_KEYS:
        assert str(UUID(value)) == value
    elif key in HASH_KEYS:
        assert len(base64.b64decode(value, validate=True)) >= 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The exit code and the output of a command."""

    exit: int
    objects: list[dict[str, Any]]
    out: str
    err: str

    @property
    def error(self) -> dict[str, Any]:
        """The error, which is the only object of the answer."""
        [answer] = self.objects
        assert list(answer) == ["error"], answer
        assert list(answer["error"]) == ["code", "message", "path", "hint"]
        error: dict[str, Any] = answer["error"]
        return error


def cli(
    *arguments: object,
    home: Path | None = None,
    data: bytes = b"",
    json_: bool = True,
    env: dict[str, str] | None = None,
) -> Ran:
    """Run one command in this process, and check each object that it prints against the forms of the contract."""
    line = [str(argument) for argument in arguments]
    line += [*(["--home", str(home)] if home else []), *(["--json"] if json_ else [])]
    out, err = io.StringIO(), io.StringIO()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ENLACE_")} | (env or {})
    stdin = io.TextIOWrapper(io.BytesIO(data))
    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "stdin", stdin),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        exit_code = main.run(line)
    structlog.reset_defaults()
    objects = [json.loads(text) for text in out.getvalue().splitlines()] if json_ else []
    check_forms(objects)
    if json_:
        for text in err.getvalue().splitlines():
            check_forms(json.loads(text))
    return Ran(exit=exit_code, objects=objects, out=out.getvalue(), err=err.getvalue())


def ok(*arguments: object, home: Path | None = None, data: bytes = b"", exit_code: int = 0) -> list[dict[str, Any]]:
    """The objects of a command that must end with `exit_code`."""
    ran = cli(*arguments, home=home, data=data)
    assert ran.exit == exit_code, (ran.objects, ran.err)
    return ran.objects


async def _step(home: Path) -> None:
    async with open_node(open_home(home)) as node:
        await node.subscriber.start()
        await node.relay.step()
        while await node.subscriber.step(0):
            pass


def step(*homes: Path) -> None:
    """Do once what the daemons of these homes do: send the accepted reports, then read everything."""
    for _ in range(2):
        for home in homes:
            asyncio.run(_step(home))
