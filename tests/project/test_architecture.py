"""docs/architecture.md shows the packages and the path of a message as the code has them."""

import importlib

import pytest

from tests.support import house
from tools import architecture
from tools.source_modules import PROJECT, SourceModule, first_sentence, source_modules


def test_the_page_is_the_one_that_the_code_gives() -> None:
    """`make generate` would change nothing: packages, their imports, modules and their sentences."""
    assert architecture.PAGE.read_text("utf-8") == architecture.page(), "run `make generate`"


def test_the_packages_of_node_have_the_order_of_the_house_rules() -> None:
    """The page and the rule about imports have one order."""
    names = [name.removeprefix("node.") for name in architecture.PACKAGES if name.startswith("node.")]

    assert names == house.PACKAGES


def test_each_package_of_the_code_is_on_the_page() -> None:
    """A new folder needs a sentence."""
    assert {module.package for module in source_modules().values()} == set(architecture.PACKAGES)


@pytest.mark.parametrize("stage", architecture.STAGES, ids=lambda stage: stage.name)
def test_the_modules_and_the_type_of_a_stage_exist(stage: architecture.Stage) -> None:
    """What the path of a message names can be opened."""
    for file in stage.modules:
        assert (PROJECT / file).is_file(), file
    if stage.type_:
        module, _, name = stage.type_.rpartition(".")
        assert hasattr(importlib.import_module(module), name), stage.type_


def test_a_package_names_the_other_packages_that_it_imports_and_not_itself() -> None:
    """`node.sharing` imports `node`; an import inside `node.sharing` is not shown."""
    modules = {
        "node.limits": SourceModule(name="node.limits", file="", sentence="", imports=frozenset()),
        "node.sharing.a": SourceModule(name="node.sharing.a", file="", sentence="", imports=frozenset(["node.limits"])),
        "node.sharing.b": SourceModule(
            name="node.sharing.b", file="", sentence="", imports=frozenset(["node.limits", "node.sharing.a"])
        ),
    }

    assert architecture.imports_between(modules)["node.sharing"] == {"node"}


def test_a_package_without_a_sentence_is_reported_with_the_table_to_change() -> None:
    """A developer who adds a folder sees which table needs it."""
    modules = {
        "node.added.a": SourceModule(name="node.added.a", file="node/added/a.py", sentence="", imports=frozenset())
    }

    with pytest.raises(
        architecture.UnknownPackageError, match=r"node/added/a\.py .* PACKAGES in tools/architecture\.py"
    ):
        architecture.imports_between(modules)


def test_an_import_of_a_name_is_an_import_of_its_module() -> None:
    """`from node.stages import Draft` and `from node.store import own_reports` both name one module."""
    imports = source_modules()["node.sending.publish"].imports

    assert {"node.stages", "node.store.own_reports"} <= imports


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Types. More.\n\nRules.", "Types."),
        ("From `.avsc` files (RFC 9162, 2.1), to\nbytes: all.", "From `.avsc` files (RFC 9162, 2.1), to bytes: all."),
        ("", ""),
    ],
)
def test_a_module_is_described_by_the_first_sentence_of_its_docstring(docstring: str, sentence: str) -> None:
    """A full stop inside a name or a number ends no sentence."""
    assert first_sentence(docstring) == sentence
