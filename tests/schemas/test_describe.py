"""schemas/describe.py: each field in words, for the reference and for commands that explain a configuration."""

from schemas import types
from schemas.describe import FieldDoc, describe


def _of(cls: type[types.Record], namespace: str = "enlace.config") -> dict[str, FieldDoc]:
    return {doc.path: doc for doc in describe(cls, namespace)}


def test_each_key_of_a_configuration_is_described() -> None:
    """With its name in the file, type, default and meaning."""
    fields = _of(types.NodeConfig)

    assert list(fields)[:4] == ["node.id", "node.community", "node.processes", "node.memory_mb"]
    assert fields["node.processes"].type == "int 1 to 64"
    assert fields["node.processes"].default == 1
    assert all(doc.doc for doc in fields.values())


def test_only_id_and_bus_are_mandatory_in_a_home() -> None:
    """All other keys have a default; an entry of a list of users has its own."""
    of_an_entry = {"gateway.users[].name", "gateway.users[].scopes"}

    assert {path for path, doc in _of(types.NodeConfig).items() if doc.required} == {"node.id", "bus.url"} | of_an_entry


def test_a_key_that_may_contain_a_password_is_marked() -> None:
    """Commands mask it."""
    assert {path for path, doc in _of(types.NodeConfig).items() if doc.secret} == {"bus.url", "store.url"}


def test_the_path_of_a_record_in_a_list_has_brackets() -> None:
    """Also for types of the wire."""
    assert "region[].members" in _of(types.TopologyFile)
    grant = _of(types.KeyGrant, "enlace.v1")

    assert grant["entries[].clauses[].clause"].type == "string up to 32 bytes"
    assert grant["entries[].wrap"].type == "Wrap"
