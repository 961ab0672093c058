"""docs/errors.md, events.md and limits.md list exactly the errors, events and limits of the code. Each code has a test.

The lists are read from the syntax trees of node, schemas and broker. A new code fails here until it is documented.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from enlace.problems import ANSWER_CODE
from enlace.waiting import DECIDED_AGAINST
from node.access_chain.findings import AccessCode
from node.exchange.quotas import LIMITS, MIB
from node.integrity.all_tables import TABLES
from node.integrity.finding_types import FindingCode
from node.undecided.usage import Budget
from node.verification.steps import STEP_OF_REJECTION
from tests.support.contract import code, tables
from tests.support.lazy_trees import PROJECT, LazyTrees, python_files

TREES: Final = LazyTrees(python_files("node", "schemas", "broker"))
CLIENT_TREES: Final = LazyTrees(python_files("enlace"))
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
LATER: Final = {"governance_stale"}  # needs the registry
PASSED_ON: Final = {  # calls whose code comes from an error, finding or helper that is listed by itself
    ("node/remote/sessions.py", "error.code"),
    ("node/trust/document_files.py", "error.code"),
    ("node/trust/signed_document.py", "error.code"),
    ("node/trust/signed_document.py", "code"),
    ("node/commands/policy_explain.py", "item.code"),
    ("node/commands/publish.py", "error.code"),
    ("node/commands/policy_explain.py", "refused.code"),
    ("node/reports/question_lines.py", "error.code"),
    ("node/mapping/map_row.py", "error.code"),
    ("node/mapping/open_source.py", "error.code"),
    ("node/mapping/load_mapping.py", "problem.code"),
    ("node/rows/json_rows.py", "code"),
    ("node/rows/json_rows.py", "error.code"),
    ("node/reports/field_checks.py", "code"),
    ("node/reports/validate.py", "first.code"),
    ("node/reports/validate.py", "error.code"),
    ("node/drop_folder/hand_in.py", "error.code"),
    ("node/reports/ndjson.py", "error.code"),
    ("node/http/body.py", "error.code"),
    ("node/errors.py", "code"),
    ("schemas/field_errors.py", "code"),
}


def named(node: ast.Call) -> str:
    """The name of the called function."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield named(node), node


def classes_below(root: str) -> set[str]:
    """The names of a class and of all its subclasses."""
    found = {root}
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while True:
        more = {
            node.name for node in classes if any(isinstance(base, ast.Name) and base.id in found for base in node.bases)
        }
        if more <= found:
            return found
        found |= more


def texts(node: ast.expr | None) -> list[str] | None:
    """The possible texts of an expression; None if they are not constants."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            first, second = texts(body), texts(orelse)
            return None if first is None or second is None else first + second
    return None


def argument(call: ast.Call, index: int, name: str) -> ast.expr | None:
    """An argument by its index or name."""
    if len(call.args) > index:
        return call.args[index]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


@cache
def errors() -> set[str]:
    """The names of the errors of commands."""
    return (classes_below("EnlaceError") | classes_below("LocalError")) - {"ReportRefused"}


INDEX_OF_CODE: Final = {  # the index of the argument that is the code
    "FieldError": 1,
    "HttpError": 1,
    "RawProblem": 1,
    "ColumnError": 0,
    "JsonError": 0,
    "_bad": 3,
    "_require": 1,
    "add": 1,
}


def raised() -> Iterator[tuple[str, str, str]]:
    """(file, called name, code) of each error that the code makes."""
    for file, tree in TREES.items():
        for name, call in calls(tree):
            if name in errors() and name not in INDEX_OF_CODE:
                index = 0
            elif name in INDEX_OF_CODE and (name != "add" or ast.unparse(call.func) in ("found.add", "checks.add")):
                index = INDEX_OF_CODE[name]
            else:
                continue
            node = argument(call, index, "code")
            codes = texts(node)
            if codes is None and name == "UsageError" and isinstance(node, ast.JoinedStr):
                yield from ((file, name, found) for found in unknown_names(tree))
                continue
            if codes is None:
                assert node is not None, (file, call.lineno)
                assert (file, ast.unparse(node)) in PASSED_ON, (file, call.lineno, ast.unparse(node))
                continue
            yield from ((file, name, made_code) for made_code in codes)


def unknown_names(tree: ast.AST) -> Iterator[str]:
    """The codes `unknown_…` of the mappings: their helper is called with the noun."""
    for name, call in calls(tree):
        if name == "_unknown":
            for noun in texts(call.args[0]) or ():
                yield f"unknown_{noun}"


FIELD_MAKERS: Final = {"FieldError", "ColumnError", "JsonError", "_bad", "add"}


@cache
def every_raised() -> list[tuple[str, str, str]]:
    """All of `raised`."""
    return list(raised())


def command_codes() -> set[str]:
    """The codes of errors that a command can answer."""
    others = FIELD_MAKERS | {"Rejected", "HttpError", "RawProblem"}
    return {made_code for _, maker, made_code in every_raised() if maker not in others}


def field_codes() -> set[str]:
    """The codes of errors of fields."""
    return {made_code for _, maker, made_code in every_raised() if maker in FIELD_MAKERS}


EXITS: Final = {
    "UsageError": 2,
    "Unavailable": 4,
    "Refused": 1,
    "DocumentInvalid": 2,
    "_require": 2,
    "BadKey": 2,
    "LocalUsage": 2,
    "LocalUnavailable": 4,
}


def listed(heading: str) -> dict[str, dict[str, str]]:
    """The rows of a section of errors.md, by code."""
    return {code(row["code"]): row for table in tables("errors.md", heading) for row in table}


def test_every_error_that_a_command_can_answer_is_listed_and_no_other() -> None:
    assert listed("## Errors of commands").keys() == command_codes()


def test_the_exit_code_of_a_listed_error_is_that_of_its_class() -> None:
    rows = listed("## Errors of commands")
    for file, maker, made_code in every_raised():
        if maker in EXITS and made_code in rows:
            assert str(EXITS[maker]) in rows[made_code]["exit"].split(" or "), (file, made_code)


def test_every_error_of_the_gateway_is_listed_with_its_status() -> None:
    made = {
        (found, ast.literal_eval(call.args[0]))
        for tree in TREES.values()
        for name, call in calls(tree)
        if name in ("HttpError", "RawProblem")
        for found in texts(argument(call, 1, "code")) or ()
    }
    rows = listed("## Errors of the gateway").items()

    assert {(made_code, int(status)) for made_code, row in rows for status in row["status"].split(" or ")} == made


def test_every_error_that_the_client_makes_is_listed_and_no_other() -> None:
    """`report_…` are made of the outcome that a recipient signed; problems have the code of the gateway."""
    makers = ("InvalidCall", "AnswerMalformed", "Unavailable", "NotStored", "TimedOut")
    made = {
        found
        for tree in CLIENT_TREES.values()
        for name, call in calls(tree)
        if name in makers
        for found in texts(argument(call, 0, "code")) or ()
    }

    assert listed("## Errors of the client").keys() == made | {ANSWER_CODE} | {
        f"report_{name}" for name in DECIDED_AGAINST
    }


def test_every_error_of_a_field_is_listed_and_no_other() -> None:
    assert listed("## Errors of fields").keys() == field_codes() | {"report_id_conflict"}


def test_every_warning_is_listed_and_no_other() -> None:
    made = {
        found
        for tree in TREES.values()
        for name, call in calls(tree)
        if name == "FieldWarning"
        for found in texts(argument(call, 1, "code")) or ()
    }

    assert listed("## Warnings").keys() == made


def test_every_code_of_the_verification_is_listed_with_its_step() -> None:
    steps = {name: int(row["step"]) for name, row in listed("## Codes of the verification").items()}
    in_contract = {code(row["code"]): int(row["step"]) for row in tables("contract.md", "## Codes")[0]}

    assert steps == in_contract == STEP_OF_REJECTION
    assert {
        made_code for _, maker, made_code in every_raised() if maker == "Rejected"
    } == STEP_OF_REJECTION.keys() - LATER


def test_every_finding_and_note_of_the_contract_is_listed() -> None:
    _, notes, findings = tables("contract.md", "## Codes")

    assert listed("## Findings about a stream").keys() == {code(row["code"]) for row in findings}
    assert listed("## What is withheld, waits or is counted").keys() == {code(row["code"]) for row in notes}


def test_every_finding_of_a_store_is_listed() -> None:
    assert listed("## Findings of a store").keys() == set(FindingCode)


def test_every_finding_of_the_access_log_is_listed() -> None:
    assert listed("## Findings of the access log").keys() == set(AccessCode)


@pytest.mark.parametrize("page", ["errors.md", "events.md", "limits.md"])
def test_no_row_of_a_catalogue_has_an_empty_cell(page: str) -> None:
    for table in tables(page, f"# {page.removesuffix('.md').capitalize()}"):
        for row in table:
            assert all(row.values()), row


@cache
def texts_of_tests() -> set[str]:
    """Every text of a test that may be an expected code."""
    found: set[str] = set()
    for path in (PROJECT / "tests").rglob("*.py"):
        if path.name == Path(__file__).name:
            continue  # this file lists all codes
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"[a-z_]+", node.value)) if len(node.value) < 80 else set()
    return found


@pytest.mark.parametrize("name", sorted(STEP_OF_REJECTION.keys() - LATER))
def test_each_code_of_the_verification_is_expected_by_a_test(name: str) -> None:
    assert name in texts_of_tests()


NOT_EXPECTED: Final = """
    documents_too_many key_until
    key_use listed_twice passphrase_short
    store_too_new threshold_invalid
"""
"""Codes that no test expected by name when this rule was added. The list may only become shorter."""


def test_each_error_code_is_expected_by_a_test() -> None:
    expected = texts_of_tests()
    missing = {made_code for made_code in command_codes() | field_codes() if made_code not in expected}

    assert missing - set(NOT_EXPECTED.split()) == set(), "write a test that expects the code"
    assert set(NOT_EXPECTED.split()) - missing == set(), "a test expects it: remove it from NOT_EXPECTED"


def logged() -> dict[str, tuple[str, frozenset[str] | None]]:
    """Event -> level and fields. The fields are None if they come from a row."""
    found: dict[str, tuple[str, frozenset[str] | None]] = {}
    for file, tree in TREES.items():
        for name, call in calls(tree):
            if name not in LEVELS or not isinstance(call.func, ast.Attribute):
                continue
            logger = ast.unparse(call.func.value)
            if logger != "log" and "get_logger" not in logger:
                continue
            [event] = texts(call.args[0]) or [""]
            assert event, (file, call.lineno, "an event has a constant name")
            fields = [keyword.arg for keyword in call.keywords]
            spread = None in fields
            found[event] = (name, None if spread else frozenset(field for field in fields if field))
    return found


def test_every_event_is_listed_with_its_level_and_fields_and_no_other() -> None:
    rows = {code(row["event"]): row for table in tables("events.md", "# Events") for row in table}
    events = logged()

    assert rows.keys() == events.keys()
    for event, (level, fields) in events.items():
        assert rows[event]["level"] == level, event
        if fields is not None:
            listed_fields = set(re.findall(r"`([a-z_]+)`", rows[event]["fields"]))
            assert listed_fields == fields, event


def test_event_names_are_snake_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", event) for event in logged())


def limits() -> dict[str, float]:
    """The constants of all modules that are limits by their names, with their values."""
    found: dict[str, float] = {}
    for file, tree in (*TREES.items(), *CLIENT_TREES.items()):
        for node in ast.iter_child_nodes(tree):
            if file != "schemas/types.py" and isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]*_(MAX|MIN)", target.id):
                    module = file.removesuffix(".py").replace("/", ".")
                    found[f"{module}.{target.id}"] = getattr(importlib.import_module(module), target.id)
    return found


def test_every_limit_is_listed_with_its_value_and_no_other() -> None:
    listed_tables = [table for table in tables("limits.md", "# Limits") if "limit" in table[0]]
    rows = {code(row["limit"]): row["value"] for table in listed_tables for row in table}

    assert rows == {name: f"{value:,}" if isinstance(value, int) else f"{value:,g}" for name, value in limits().items()}


def test_every_budget_is_listed_with_its_rows_and_size() -> None:
    [table] = tables("limits.md", "## What others can fill")
    listed_budgets = {code(row["budget"]): (row["rows"], row["MiB"]) for row in table}
    limited = {budget.value: (f"{most.rows:,}", f"{most.size // MIB:,}") for budget, most in LIMITS.items()}

    assert listed_budgets == limited | {"purged": ("none", "0")}


def test_every_table_is_listed_with_its_budget_or_limit() -> None:
    """A row of a table that others can fill names a budget, or a constant of the code."""
    [table] = tables("limits.md", "## Each table")
    known = {budget.value for budget in Budget} | {name.rpartition(".")[2] for name in limits()}

    assert {code(row["table"]) for row in table} == {found.name for found in TABLES}
    for row in table:
        named = set(re.findall(r"`([A-Za-z_]+)`", row["bounded by"]))
        assert named <= known, row
        assert named or row["bounded by"].startswith(("own users", "one row")), row


def test_every_budget_limits_a_table() -> None:
    [table] = tables("limits.md", "## Each table")
    named = {name for row in table for name in re.findall(r"`([a-z_]+)`", row["bounded by"])}

    assert named == {budget.value for budget in Budget} - {"findings"}
