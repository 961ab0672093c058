"""`governance new`, `sign`, `check`, `show`, `install` and `keygen`: signed documents as files.

Documents are read from the home's folder, or from another folder; without either, only a first ROOT can be examined.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from broker import topology as topologies
from broker.streams import REGISTRY
from node.clock import now_ms
from node.commands.document_answers import DocumentAnswer, ShownDocument, WrittenDocument, document_fields
from node.commands.keys import signing_keys
from node.errors import UsageError
from node.files import read_text, write_file
from node.runtime import config
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.trust import document_files
from node.trust.compile_toml import compile_text
from node.trust.document_files import DOCUMENT_SUFFIX, DOCUMENTS_FOLDER
from node.trust.document_versions import document_time_text
from node.trust.governance import Governance
from node.trust.signed_document import NODE_CODE
from schemas.excerpts import excerpt
from schemas.types import DocumentKind, KeyUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where the commands find documents, topology and keys."""

    home: Path | None = None
    documents: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The documents folder."""
        return self.documents or (self.home / DOCUMENTS_FOLDER if self.home else None)

    def community(self) -> bytes | None:
        """The configured community; None without a home, or if none is configured."""
        return config.load(self.home).node.community if self.home else None

    def governance(self) -> Governance | None:
        """The governance of the folder; None without a folder, or if the folder is empty."""
        return document_files.read_folder_if_any(self.folder, self.community()) if self.folder else None

    def topology(self) -> topologies.Topology:
        """The topology of the home, or the shipped one."""
        return config.topology(self.home) if self.home else topologies.default()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrusteeKey:
    """A new key of a trustee, without its private part."""

    id: str
    key_id: bytes
    use: str
    public: bytes
    """As it is written in the ROOT."""

    file: Path


def new(kind: str, file: Path, context: Context, *, replace: bool = False) -> WrittenDocument:
    """Compile a TOML file into FILE.signed, which has no signature yet."""
    text = read_text(file)
    governance = context.governance()
    parsed = compile_text(
        DocumentKind(kind.upper()),
        text,
        governance=governance,
        topology=context.topology(),
        file=file.name,
        known_codes_only=True,
    )
    target = file.with_name(file.name + DOCUMENT_SUFFIX)
    write_file(target, document_files.to_bytes(parsed), replace=replace)
    return WrittenDocument(**document_fields(parsed, governance), file=target)


def keygen(trustee: str, file: Path, *, passphrase_file: Path | None = None) -> TrusteeKey:
    """Make an AGREE key for a trustee, in a new file that only its owner can read."""
    if not NODE_CODE.fullmatch(trustee) or trustee == REGISTRY:
        message = f"{excerpt(trustee)} is not a valid id of a trustee"
        raise UsageError("value_invalid", message, path="id", hint="capitals and digits, as in TR1")
    keys = PrivateKeys.generate(trustee, (KeyUse.AGREE,))
    key_file.write(file, keys, passphrase_file or config.passphrase_variable())
    [key] = keys.keys
    return TrusteeKey(id=trustee, key_id=key.key_id, use=key.use.value, public=key.public, file=file)


def sign(
    file: Path, context: Context, *, key: Path | None = None, passphrase_file: Path | None = None
) -> DocumentAnswer:
    """Add the signatures of a key file, or of the home's keys, to FILE."""
    parsed, governance = document_files.read(file), context.governance()
    keys = _keys(context, key, passphrase_file)
    try:
        signed = document_files.sign(parsed, keys, governance, now=now_ms())
    except UsageError as error:
        if key is None and not any(own.use is KeyUse.AGREE for own in keys.keys):
            error.hint = None  # the keys that sign are in another file: the user interface knows how to name it
        raise
    write_file(file, document_files.to_bytes(signed), replace=True)
    return DocumentAnswer(**document_fields(signed, governance))


def check(file: Path, context: Context) -> DocumentAnswer:
    """Whether FILE has effect beside the documents here."""
    return DocumentAnswer(**document_fields(document_files.read(file), context.governance()))


def show(file: Path, context: Context) -> ShownDocument:
    """As `check`, and the content of the document."""
    parsed = document_files.read(file)
    document = parsed.document
    return ShownDocument(
        **document_fields(parsed, context.governance()),
        community=document.community,
        root=document.root,
        previous=document.previous,
        from_=document_time_text(document.from_),
        until=document_time_text(document.until),
        body=_readable(msgspec.to_builtins(parsed.body)),
    )


def install(file: Path, context: Context) -> WrittenDocument:
    """Put FILE beside the documents of the home; UsageError if it has no effect there."""
    if context.folder is None:
        raise UsageError("home_missing", "no home was named", path="home")
    target = document_files.install(document_files.read(file), context.folder, context.community(), now=now_ms())
    return WrittenDocument(**document_fields(document_files.read(target), context.governance()), file=target)


def _readable(value: Any) -> Any:
    """Builtins with times as text."""
    if isinstance(value, dict):
        timed = {name: item for name, item in value.items() if name in ("from", "until") and isinstance(item, int)}
        return {name: document_time_text(item) if name in timed else _readable(item) for name, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, (list, tuple)) else value


def _keys(context: Context, key: Path | None, passphrase_file: Path | None) -> PrivateKeys:
    if key is not None:
        return key_file.read(key, passphrase_file or config.passphrase_variable())
    if context.home is None:
        raise UsageError("home_missing", "no key was named", path="key")
    return signing_keys(context.home)
