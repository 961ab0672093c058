"""The generated files in the repository are what the generators write."""

import re
import typing
from pathlib import Path

import msgspec
import pytest

from schemas import schema_files, types
from schemas.tools import generate, reference


def test_the_types_are_those_of_the_schemas() -> None:
    """`make generate` would change nothing."""
    assert generate.TARGET.read_text(encoding="utf-8") == generate.render(schema_files.current()).rstrip() + "\n"


@pytest.mark.parametrize("path", reference.outputs(), ids=lambda path: path.name)
def test_the_references_are_those_of_the_schemas(path: Path) -> None:
    """`make generate` would change nothing."""
    assert path.read_text(encoding="utf-8") == reference.outputs()[path]


def test_the_module_holds_types_only() -> None:
    """Structs, enums and aliases, and no functions."""
    text = generate.TARGET.read_text(encoding="utf-8")

    assert not re.search(r"^(def|async def|import|for|if|while) ", text, re.MULTILINE)


def test_records_are_frozen_and_contain_immutable_values_only() -> None:
    """A verified value cannot change."""
    for name, cls in vars(types).items():
        if not (isinstance(cls, type) and issubclass(cls, types.Record)) or cls is types.Record:
            continue
        config = cls.__struct_config__

        assert config.frozen, name
        assert config.forbid_unknown_fields, name
        if f"enlace.v1.{name}" in schema_files.current():
            assert not re.search(r"\b(list|dict|set)\[", str(typing.get_type_hints(cls))), name


def test_an_alias_has_one_meaning_only() -> None:
    """An alias for two different bounds is refused."""
    record = {"type": "record", "namespace": "enlace.v1", "name": "R", "doc": "R.", "payload": False}
    fields = [
        {"name": name, "doc": "A.", "type": {"type": "string", "named": "Code", "maxBytes": size}}
        for name, size in (("a", 3), ("b", 4))
    ]

    with pytest.raises(ValueError, match="Code would be both"):
        generate.render({"enlace.v1.R": record | {"fields": fields}})


def test_a_field_with_the_name_of_a_keyword_keeps_it_on_the_wire() -> None:
    """`from` is an attribute `from_`."""
    occurred = types.Occurred(from_=1)

    assert msgspec.to_builtins(occurred) == {"from": 1}
