"""Reads HOME/node.toml and HOME/topology.toml strictly.

Types, limits and descriptions of the keys come from schemas/avsc/config. This module does not use the values. Rules:

- A variable takes precedence over the file, the file over the default. `ENLACE_BUS__URL` sets `bus.url`;
  `ENLACE_BUS__URL_FILE` names a file that contains the value, as container platforms provide secrets. Setting both is
  an error.
- An unknown key, in the file or in a variable with `__`, is an error that names the nearest known key.
- Without a topology file, the shipped one applies. node.toml with a password must be for its owner.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.inspect import BoolType, IntType, StructType, type_info

from broker import topology as topologies
from broker.topology import Region, Topology
from node.errors import UsageError
from node.files import read_text
from node.secret_files import check_secret
from node.toml_reader import convert, parse_toml, unknown_key
from schemas import schema_files
from schemas.types import BusSection, NodeConfig, TopologyFile

NODE_FILE: Final = "node.toml"
TOPOLOGY_FILE: Final = "topology.toml"
IN_FILE: Final = "_file"
_VARIABLE: Final = re.compile(r"ENLACE_([A-Z0-9_]+?)__([A-Z0-9_]+)")
_PASSWORD: Final = re.compile(r"((?:^|//)[^/@:]*:)(?!//).*(?=@)|((?:password|token|secret)=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of the configuration, with its value and where the value comes from."""

    key: str
    value: object
    source: str
    """`default`, the file's name or the variable's name."""

    description: str


def load(home: Path, environ: Mapping[str, str] = os.environ) -> NodeConfig:
    """The configuration of a home; UsageError with the path of the wrong key."""
    tables = _file(home)
    for key, (_, value) in _variables(environ).items():
        section, name = key.split(".")
        table = tables.setdefault(section, {})
        if not isinstance(table, dict):
            raise UsageError("value_invalid", f"{NODE_FILE}: {section} must be a table", path=section)
        table[name] = value
    return convert(NodeConfig, tables, file=NODE_FILE)


def explain(home: Path, environ: Mapping[str, str] = os.environ) -> list[Setting]:
    """Every key with its value and the source of the value; passwords are masked."""
    builtins = _flat(msgspec.to_builtins(_complete(load(home, environ))))
    in_file, variables = _flat(_file(home)), _variables(environ)
    settings = []
    for key, (description, secret) in _described().items():
        value = builtins.get(key)
        origin = variables[key][0] if key in variables else NODE_FILE if key in in_file else "default"
        shown = _PASSWORD.sub(r"\1\2***", value) if secret and isinstance(value, str) else value
        settings.append(Setting(key=key, value=shown, source=origin, description=description))
    return settings


def bus_variables(url: str, environ: Mapping[str, str] = os.environ) -> BusSection:
    """The section [bus] without a home: an address, and the variables that configure TLS."""
    from_variables = {
        key.partition(".")[2]: value for key, (_, value) in _variables(environ).items() if key.startswith("bus.")
    }
    return convert(BusSection, {**from_variables, "url": url}, file="the environment")


def passphrase_variable(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The passphrase file that the environment names, for key files outside a home."""
    name = environ.get("ENLACE_KEYS__PASSPHRASE_FILE")
    return Path(name) if name else None


def topology(home: Path) -> Topology:
    """The topology of a home: its own file, or the shipped one."""
    path = home / TOPOLOGY_FILE
    return read_topology(path) if path.exists() else topologies.default()


def read_topology(path: Path) -> Topology:
    """The topology of a file; UsageError with the path of the wrong key."""
    file = convert(TopologyFile, parse_toml(read_text(path), file=path.name), file=path.name)
    try:
        regions = (Region(**msgspec.structs.asdict(region)) for region in file.region)
        return Topology(replication=file.replication, regions=tuple(regions))
    except ValueError as error:
        raise UsageError("topology_invalid", f"{path.name}: {error}", path="region") from None


def _file(home: Path) -> dict[str, Any]:
    text = read_text(home / NODE_FILE)
    if _PASSWORD.search(text):
        check_secret(home / NODE_FILE, group_may_read=True)
    return parse_toml(text, file=NODE_FILE)


def _variables(environ: Mapping[str, str]) -> dict[str, tuple[str, object]]:
    """Key -> the variable that sets it, and its value."""
    found: dict[str, tuple[str, object]] = {}
    for name, text in sorted(environ.items()):
        match = _VARIABLE.fullmatch(name)
        if match:
            section, key = (part.lower() for part in match.groups())
            path = f"{section}.{key}"
            held = path if path in _described() else path.removesuffix(IN_FILE)
            if held not in _described():
                raise unknown_key(type_info(NodeConfig), path, where=name)
            if held in found:
                message = f"{found[held][0]} and {name} both set {held}"
                raise UsageError("value_invalid", message, path=held, hint="unset one of them")
            value = text if held == path else _in_file(path, Path(text))
            found[held] = (name, _typed(held, value))
    return found


def _in_file(path: str, file: Path) -> str:
    """The content of a file without the line end. Container platforms hand secrets out in files that all can read."""
    try:
        return read_text(file).rstrip("\r\n")
    except UsageError as error:
        raise UsageError("file_unreadable", error.message, path=path) from None


def _sections() -> Iterator[tuple[str, StructType]]:
    shape = type_info(NodeConfig)
    assert isinstance(shape, StructType)  # noqa: S101, as NodeConfig is a Struct
    for field in shape.fields:
        if isinstance(field.type, StructType):
            yield field.encode_name, field.type


def _typed(path: str, text: str) -> object:
    """Convert a variable's text to int or bool if the key needs one; `convert` rejects other text."""
    if path in _keys_of(IntType) and text.isdecimal():
        return int(text)
    if path in _keys_of(BoolType):
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


@cache
def _keys_of(kind: type) -> frozenset[str]:
    """Keys whose value has the type `kind`."""
    return frozenset(
        f"{section}.{field.encode_name}"
        for section, shape in _sections()
        for field in shape.fields
        if isinstance(field.type, kind)
    )


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{section}.{key}": value
        for section, table in tables.items()
        if isinstance(table, dict)
        for key, value in table.items()
    }


def _complete(config: NodeConfig) -> dict[str, dict[str, Any]]:
    """All keys with their values, defaults included; msgspec omits defaults when it encodes a Struct."""
    return {
        section: {field.encode_name: getattr(getattr(config, section), field.name) for field in shape.fields}
        for section, shape in _sections()
    }


@cache
def _described() -> dict[str, tuple[str, bool]]:
    """Key -> its description, and whether its value may contain a secret. From the schema."""
    described = {}
    definitions = schema_files.current()
    for section in definitions[f"{schema_files.CONFIG}.NodeConfig"]["fields"]:
        for field in definitions[section["type"]]["fields"]:
            described[f"{section['name']}.{field['name']}"] = (field["doc"], bool(field.get("secret")))
    return described
