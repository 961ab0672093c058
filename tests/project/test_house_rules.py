"""Checks the house rules in the syntax trees: imports, calls, and the lengths of files and functions.

The tables are in tests/support/house.py. The message of a rule that fails names the line there to add or to change.
Other tests check that the manual lists each command (test_contract.py), error code and log event
(test_catalogues.py).
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Final

import pytest

from node.database import migrate
from tests.support import house
from tests.support.lazy_trees import PROJECT, LazyTrees, python_files

PACKAGES: Final = ("broker", "enlace", "node", "schemas")
FILES: Final = sorted(python_files(*PACKAGES))
TREES: Final = LazyTrees(FILES)
MODULES: Final = {
    file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file
    for file in FILES
    if not file.endswith("/__init__.py")
}


@cache
def imported(file: str) -> frozenset[str]:
    """The modules that a file imports, also inside functions; `a.b` for `from a import b` if b is a module of ours."""
    return frozenset(_imported(TREES[file]))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, names=names, level=0):
                found = [f"{module}.{alias.name}" for alias in names]
                yield from (name if name in MODULES else module for name in found)
            case ast.ImportFrom():
                raise AssertionError(f"relative import: {ast.unparse(node)}")


@cache
def own_imports(module: str) -> frozenset[str]:
    """The modules of the project that a module imports."""
    return imported(MODULES[module]) & MODULES.keys()


def allowed(file: str, places: str) -> bool:
    """Whether a file is one of `places`, or in a folder of them."""
    return any(file == place or (place.endswith("/") and file.startswith(place)) for place in places.split())


# Imports.


def package_of(module: str) -> str:
    """The package of a module of `node`, as `reports` for `node.reports.rules`; empty for one directly in `node`."""
    return module.removeprefix("node.").rpartition(".")[0].split(".")[0]


def level_of(module: str) -> int:
    """The index of a module's package in PACKAGES, from 1; 0 for a module directly in `node`."""
    package = package_of(module)
    return house.PACKAGES.index(package) + 1 if package else 0


OF_NODE: Final = sorted(module for module in MODULES if module.startswith("node."))


def test_the_packages_of_node_are_those_of_the_table() -> None:
    assert {package_of(module) for module in OF_NODE} - {""} == set(house.PACKAGES)


@pytest.mark.parametrize("package", ["", *house.PACKAGES])
def test_a_package_has_few_modules(package: str) -> None:
    modules = [module for module in OF_NODE if package_of(module) == package and "migrations" not in module]

    assert 0 < len(modules) <= house.MODULES_IN_PACKAGE_MAX


def test_a_module_imports_from_its_own_package_and_those_before_it() -> None:
    higher = [
        f"{module} imports {name}"
        for module in OF_NODE
        for name in own_imports(module)
        if name.startswith("node.") and level_of(name) > level_of(module)
    ]

    assert not higher, "PACKAGES in tests/support/house.py has the order"


def test_imports_have_no_cycle() -> None:
    try:
        tuple(TopologicalSorter({module: own_imports(module) for module in MODULES}).static_order())
    except CycleError as error:
        pytest.fail(f"a cycle of imports: {' -> '.join(error.args[1])}")


FOREIGN: Final = {
    "node": frozenset[str](),
    "schemas": frozenset({"node", "broker", "enlace"}),
    "broker": frozenset({"node", "schemas", "enlace"}),
    "enlace": frozenset({"node", "broker"}),
}
"""Package at the top -> those that it does not import."""


def test_schemas_broker_and_enlace_import_neither_node_nor_each_other() -> None:
    """The client `enlace` imports the types of schemas."""
    foreign = [
        f"{module} imports {name}"
        for module in MODULES
        for name in imported(MODULES[module])
        if name.split(".")[0] in FOREIGN[module.split(".", maxsplit=1)[0]]
    ]

    assert not foreign


def test_node_imports_the_port_of_the_broker_and_no_implementation() -> None:
    """Commands for a local broker are the exception, because they serve one implementation."""
    implementations = [
        f"{module} imports {name}"
        for module in OF_NODE
        if not module.startswith("node.cli.")
        for name in imported(MODULES[module])
        if name.split(".")[0] == "broker" and name not in house.BROKER_PORT
    ]

    assert not implementations


def test_only_the_command_line_imports_the_command_line() -> None:
    strangers = [
        f"{module} imports {name}"
        for module in MODULES
        if not module.startswith("node.cli.")
        for name in own_imports(module)
        if name.startswith("node.cli.")
    ]

    assert not strangers


@pytest.mark.parametrize("library", house.SOLE_IMPORTERS)
def test_a_library_has_its_sole_importers(library: str) -> None:
    importers = [file for file in FILES if library in {name.split(".")[0] for name in imported(file)}]
    strangers = [file for file in importers if not allowed(file, house.SOLE_IMPORTERS[library])]

    assert not strangers, f"{strangers} import {library}; SOLE_IMPORTERS of tests/support/house.py lists who may"


def test_the_migrations_are_one_chain_and_its_end_is_the_revision_of_the_store() -> None:
    """Two branches of the project may each add one: the second to arrive takes the next number."""
    files = sorted((PROJECT / "node/database/migrations/versions").glob("v*.py"))
    made = [
        dict(re.findall(r'^(revision|down_revision) = "?(\w+)"?$', file.read_text(), re.MULTILINE)) for file in files
    ]
    names = [file.name[1:5] for file in files]

    assert (
        [revision["revision"] for revision in made] == names == [f"{number:04}" for number in range(1, len(files) + 1)]
    )
    assert [revision["down_revision"] for revision in made] == ["None", *names[:-1]]
    assert names[-1] == migrate.REVISION


# Calls.


@cache
def called(file: str) -> frozenset[str]:
    """The functions that a file calls, or passes on to be called."""
    return frozenset(_called(TREES[file]))


def _called(tree: ast.AST) -> Iterator[str]:
    """`time.time` and `time` of `time.time()`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                yield f"{name}.{attr}"
                yield attr
            case ast.Attribute(value=ast.Attribute(attr=name), attr=attr):
                yield f"{name}.{attr}"
            case ast.Name(id=name):
                yield name
            case ast.ImportFrom(module=module, names=names):
                yield from (f"{module}.{alias.name}" for alias in names)


def test_the_store_uses_no_private_attribute_of_another_object() -> None:
    """So it depends on what its libraries promise only."""
    private = [
        f"{file}:{node.lineno} {ast.unparse(node)}"
        for file in FILES
        if file.startswith(house.NO_PRIVATE_ATTRIBUTES)
        for node in ast.walk(TREES[file])
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]

    assert private == []


@pytest.mark.parametrize("call", house.SOLE_CALLERS)
def test_a_call_that_rules_must_not_make_is_made_in_named_modules_only(call: str) -> None:
    strangers = [file for file in FILES if call in called(file) and not allowed(file, house.SOLE_CALLERS[call])]

    assert not strangers, f"{strangers} use {call}; SOLE_CALLERS of tests/support/house.py lists who may"


def literals(file: str) -> frozenset[str]:
    """The texts without spaces in a file, except its docstrings."""
    tree = ast.parse((PROJECT / file).read_text("utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    texts = {node.value for node in constants if isinstance(node.value, str)}
    return frozenset(text for text in texts if not re.search(r"\s", text))


def test_only_one_module_writes_the_name_of_a_stream_as_a_literal() -> None:
    named = {
        (file, text)
        for file in python_files("node", "broker", "demo", "bench")
        for text in literals(file)
        if re.match(house.STREAM_NAMES, text)
    }
    namers = {file for file, _ in named if allowed(file, house.SOLE_NAMERS_OF_STREAMS)}
    others = {
        (file, text)
        for file, text in named
        if file not in namers
        and not any(allowed(file, places) and text in words.split() for places, words in house.OTHER_MEANINGS.items())
    }

    assert namers == set(house.SOLE_NAMERS_OF_STREAMS.split())
    assert not others, "take them from broker/streams.py, or add to OTHER_MEANINGS"


WORLD: Final = """
    asyncio io os pathlib random secrets socket sqlalchemy sqlite3 structlog subprocess threading time
    node.clock node.system_random node.files node.runtime.single_daemon node.runtime.logs
""".split()  # noqa: SIM905 - a table of names reads best so


def pure() -> list[str]:
    """The modules that contain rules only."""
    packages, impure = house.PURE_PACKAGES.split(), {f"node.{name}" for name in house.IMPURE.split()}
    return [module for module in OF_NODE if package_of(module) in packages and module not in impure]


@pytest.mark.parametrize("module", pure())
def test_a_pure_module_has_no_await_no_clock_and_no_file(module: str) -> None:
    tree = TREES[MODULES[module]]
    waits = [node for node in ast.walk(tree) if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncWith))]
    opens = {name for name in called(MODULES[module]) if name in {"open", "input", "read_text", "read_bytes"}}
    touched = {name for name in imported(MODULES[module]) if name in WORLD or name.split(".")[0] in WORLD} | {
        name for name in own_imports(module) if package_of(name) in house.PURE_PACKAGES.split() and name not in pure()
    }

    if module in {f"node.{name}" for name in house.TABLES_READ_AT_IMPORT.split()}:
        opens, touched = set(), touched - {"pathlib"}

    assert not waits
    assert not opens
    assert not touched, f"{module} is pure and imports {sorted(touched)}"


@pytest.mark.parametrize("name", house.IMPURE.split())
def test_a_module_in_the_list_of_impure_modules_is_impure(name: str) -> None:
    module = f"node.{name}"
    others = {f"node.{other}" for other in house.IMPURE.split()}
    touched = {
        name for name in imported(MODULES[module]) if name in WORLD or name.split(".")[0] in WORLD or name in others
    }

    assert touched, f"{module} is pure: remove it from IMPURE in tests/support/house.py"


def errors_made(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that make an error of node/errors.py."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in house.ERRORS:
            yield node


def texts_in(tree: ast.AST) -> Iterator[str]:
    """The text constants of a tree, with docstrings and the constant parts of formatted texts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def texts_for_users(tree: ast.AST) -> list[str]:
    """The texts of errors and of hints."""
    hints = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and "hint" in ast.unparse(node)]
    return [text for part in (*errors_made(tree), *hints) for text in texts_in(part)]


def test_a_service_names_fields_and_no_option_or_command() -> None:
    """The gateway answers the same errors; node/terminal/ways_out.py adds options and commands for the command line."""
    of_terminal = [
        f"{module}: {text}"
        for module in OF_NODE
        if package_of(module) not in ("cli", "terminal")
        for text in texts_for_users(TREES[MODULES[module]])
        if re.search(r"(^|[\s`])--[a-z]|`enlace ", text)
    ]

    assert not of_terminal, "name the field, and add a row to node/terminal/ways_out.py"


def test_an_init_file_is_empty() -> None:
    assert not [file for file in FILES if file.endswith("__init__.py") and (PROJECT / file).read_text("utf-8")]


def test_a_module_has_a_name_that_says_what_it_does_and_a_docstring() -> None:
    """Alembic names its own file: migrations/env.py, without a docstring."""
    unclear = [module for module in MODULES if set(re.split(r"[._]", module)) & house.NAMES_REFUSED]
    mute = {module for module in MODULES if ast.get_docstring(TREES[MODULES[module]]) is None}

    assert not unclear
    assert mute <= {"node.database.migrations.env"}


# Lengths.


def lengths(files: list[str]) -> dict[str, int]:
    """The lines of each file, and of each function as `file function`."""
    found: dict[str, int] = {}
    for file in files:
        text = (PROJECT / file).read_text("utf-8")
        found[file] = len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{file} {node.name}"
                found[name] = max(found.get(name, 0), (node.end_lineno or node.lineno) - node.lineno + 1)
    return found


def limit(name: str) -> int:
    """The maximum length of a file, or of a function in it."""
    return house.FUNCTION_LINES_MAX if " " in name else house.FILE_LINES_MAX


@cache
def measured() -> dict[str, int]:
    """The lengths of what the product is made of."""
    return lengths([file for file in FILES if not file.startswith(house.UNMEASURED)])


def test_files_and_functions_keep_to_their_lengths() -> None:
    """A file has at most 200 lines, a function 40. What was longer when this test was added may only become shorter."""
    too_long = {
        name: lines for name, lines in measured().items() if lines > max(limit(name), house.OVER_LENGTH.get(name, 0))
    }

    assert not too_long, f"too long, split it: {too_long}"


def test_the_table_follows_what_became_shorter() -> None:
    for name, longest in house.OVER_LENGTH.items():
        lines = measured().get(name, 0)

        assert lines > limit(name), f"{name} has {lines} lines: remove it from OVER_LENGTH in tests/support/house.py"
        assert lines > longest - house.OVER_LENGTH_SLACK, f"{name}: set OVER_LENGTH to {lines}"


def test_tests_and_their_modules_keep_to_their_lengths() -> None:
    found = lengths(python_files("tests"))

    assert not {
        name: lines
        for name, lines in found.items()
        if lines > (house.TEST_FUNCTION_LINES_MAX if " " in name else house.TEST_LINES_MAX)
    }
