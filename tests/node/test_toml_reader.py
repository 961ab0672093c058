"""node/toml_reader.py: an error names the path of the first wrong key or value, and a known key."""

from typing import Any

import pytest
from msgspec.inspect import type_info

from node.errors import UsageError
from node.toml_reader import convert, key_paths, parse_toml, unknown_keys
from schemas.types import AgreementFile, NodeConfig, TopologyFile


def _error(cls: type[Any], text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        convert(cls, parse_toml(text, file="file.toml"), file="file.toml")
    return caught.value


def test_a_text_that_is_not_toml_is_refused_with_line_and_column() -> None:
    error = _error(NodeConfig, "[node]\nid = \nx = 1")

    assert error.code == "toml_malformed"
    assert error.message.startswith("file.toml: ")
    assert "line 2" in error.message


@pytest.mark.parametrize(
    ("cls", "text", "path", "nearest"),
    [
        (NodeConfig, "[bus]\nurll = 1", "bus.urll", "bus.url"),
        (NodeConfig, "[nod]\nid = 1", "nod", "node"),
        (NodeConfig, "level = 1", "level", "log.level"),
        (NodeConfig, "[bus]\nlevel = 1", "bus.level", "log.level"),
        (TopologyFile, "replication = 1\n[[region]]\nmember = []", "region[0].member", "region[0].members"),
        (AgreementFile, "[[clause]]\nid = '1'\n[[clause]]\npurpose = []", "clause[1].purpose", "clause[1].purposes"),
    ],
)
def test_an_unknown_key_is_refused_and_the_hint_suggests_a_known_key(
    cls: type[Any], text: str, path: str, nearest: str
) -> None:
    """A similar key of the same table, else a key with this name in another table."""
    error = _error(cls, text)

    assert (error.code, error.path) == ("unknown_key", path)
    assert error.hint == f"did you mean {nearest}?"


@pytest.mark.parametrize(
    ("cls", "text", "hint"),
    [
        (AgreementFile, 'not_before = "2026-01-31T00:00:00Z"', "write the time without quotes and with its zone: "),
        (AgreementFile, "not_before = 2026-01-31T00:00:00", "write the time without quotes and with its zone: "),
        (AgreementFile, "not_before = 2026-01-31", "write the time without quotes and with its zone: "),
        (AgreementFile, 'version = "1"', "write it without quotes"),
        (AgreementFile, "id = 7", "write it in quotes"),
        (NodeConfig, '[bus]\nurl = "x"\nunsafe_plaintext = "true"', "write it without quotes"),
    ],
)
def test_the_hint_about_a_value_of_another_type_says_how_to_write_it(cls: type[Any], text: str, hint: str) -> None:
    """A time, a number or a truth in quotes is the usual mistake in TOML."""
    before = "" if cls is NodeConfig or text.startswith("id") else 'id = "BZ-GT"\n'
    before += "" if cls is NodeConfig or text.startswith(("id", "version")) else 'version = 1\nparties = ["BZ", "GT"]\n'

    error = _error(cls, before + text + ('\n[node]\nid = "BZ"' if cls is NodeConfig else ""))

    assert error.code == "value_invalid"
    assert error.hint is not None
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[node]\nid = "bz"\n[bus]\nurl = "x"', "node.id"),
        ('[node]\nid = "BZ"\nprocesses = 0\n[bus]\nurl = "x"', "node.processes"),
        ('[node]\nid = "BZ"\n[bus]\nurl = 7', "bus.url"),
        ('[node]\nid = "BZ"\n[bus]\nca_file = "x"', "bus.url"),
        ('[node]\nid = "BZ"', "bus"),
    ],
)
def test_a_wrong_or_missing_value_is_refused_with_its_path(text: str, path: str) -> None:
    error = _error(NodeConfig, text)

    assert (error.code, error.path) == ("value_invalid", path)
    assert f"file.toml: {path}: " in error.message


def test_a_correct_text_becomes_a_value_with_defaults() -> None:
    text = '[node]\nid = "BZ"\n[bus]\nurl = "sqlite:///log.db"'
    config = convert(NodeConfig, parse_toml(text, file="node.toml"), file="node.toml")

    assert (config.node.id, config.node.processes, config.bus.url) == ("BZ", 1, "sqlite:///log.db")


def test_the_paths_of_a_type_name_each_key() -> None:
    """`[]` stands for an item of an array."""
    shape = type_info(TopologyFile)

    assert set(key_paths(shape)) >= {"replication", "region", "region[].id", "region[].members"}
    assert list(unknown_keys(shape, {"regions": [], "region": [{"id": "x", "colour": 1}]})) == [
        "regions",
        "region[0].colour",
    ]
