"""What `governance new|sign|check|show|install|keygen` do, as functions that return what the contract says.

Documents are read from the home's folder, or from one that is named; without either only a first ROOT can be judged.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from broker import topology as topologies
from broker.streams import REGISTRY
from node.errors import UsageError
from node.files import read_text, write_file
from node.runtime import config
from node.sealing import key_file
from node.sealing.private_keys import PrivateKeys
from node.trust import document_files
from node.trust.admission import Examination
from node.trust.compile_toml import compile_text
from node.trust.document_files import DOCUMENT_SUFFIX, DOCUMENTS_FOLDER
from node.trust.document_signatures import SignatureCheck
from node.trust.document_versions import document_time_text
from node.trust.governance import Governance
from node.trust.signed_document import NODE_CODE, ParsedDocument
from schemas.formats import bytes_text
from schemas.types import DocumentKind, KeyUse


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where documents, topology and keys come from."""

    home: Path | None = None
    documents: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The documents folder."""
        return self.documents or (self.home / DOCUMENTS_FOLDER if self.home else None)

    def community(self) -> bytes | None:
        """The configured one; None without a home or if none is configured."""
        return config.load(self.home).node.community if self.home else None

    def governance(self) -> Governance | None:
        """Of the folder; None if there is none, or nothing in it."""
        return document_files.read_folder_if_any(self.folder, self.community()) if self.folder else None

    def topology(self) -> topologies.Topology:
        """The home's, or the one that ships."""
        return config.topology(self.home) if self.home else topologies.default()


def new(kind: str, file: Path, context: Context, *, replace: bool = False) -> dict[str, Any]:
    """Compile a TOML file into FILE.signed, with no signature yet."""
    text = read_text(file)
    governance = context.governance()
    parsed = compile_text(
        DocumentKind(kind.upper()), text, governance=governance, topology=context.topology(), file=file.name
    )
    target = file.with_name(file.name + DOCUMENT_SUFFIX)
    write_file(target, document_files.to_bytes(parsed), replace=replace)
    return _result(parsed, governance) | {"file": str(target)}


def keygen(identity: str, file: Path, *, passphrase_file: Path | None = None) -> dict[str, Any]:
    """A new AGREE key for a trustee, in a new file of its owner alone; `public` goes into the ROOT as it is written."""
    if not NODE_CODE.fullmatch(identity) or identity == REGISTRY:
        message = f"{identity} is no trustee's id"
        raise UsageError("value_invalid", message, path="id", hint="capitals and digits, as in TR1")
    keys = PrivateKeys.generate(identity, (KeyUse.AGREE,))
    key_file.write(file, keys, passphrase_file or config.passphrase_variable())
    [key] = keys.keys
    return {
        "id": identity,
        "key_id": bytes_text(key.key_id),
        "use": key.use.value,
        "public": bytes_text(key.public),
        "file": str(file),
    }


def sign(
    file: Path, context: Context, *, key: Path | None = None, passphrase_file: Path | None = None
) -> dict[str, Any]:
    """Add the signatures of a key file, or of the home's keys, to FILE."""
    parsed, governance = document_files.read(file), context.governance()
    signed = document_files.sign(parsed, _keys(context, key, passphrase_file), governance)
    write_file(file, document_files.to_bytes(signed), replace=True)
    return _result(signed, governance)


def check(file: Path, context: Context) -> dict[str, Any]:
    """Whether FILE has effect beside the documents here."""
    parsed = document_files.read(file)
    return _result(parsed, context.governance())


def show(file: Path, context: Context) -> dict[str, Any]:
    """As `check`, and what the document says."""
    parsed = document_files.read(file)
    document = parsed.document
    header = {
        "community": bytes_text(document.community),
        "root": bytes_text(document.root),
        "previous": bytes_text(document.previous),
        "from": document_time_text(document.from_),
        "until": document_time_text(document.until),
    }
    return _result(parsed, context.governance()) | header | {"body": _readable(msgspec.to_builtins(parsed.body))}


def install(file: Path, context: Context) -> dict[str, Any]:
    """Put FILE beside the documents of the home; UsageError if it has no effect there."""
    if context.folder is None:
        raise UsageError("home_missing", "no home was named", path="home")
    parsed = document_files.read(file)
    target = document_files.install(parsed, context.folder, context.community())
    return _result(document_files.read(target), context.governance()) | {"file": str(target)}


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
    settings = config.load(context.home).keys
    passphrase = context.home / settings.passphrase_file if settings.passphrase_file else None
    return key_file.read(context.home / settings.file, passphrase)


def _result(parsed: ParsedDocument, governance: Governance | None) -> dict[str, Any]:
    """The keys of the contract, and the rule that it breaks if it breaks one."""
    try:
        examined = document_files.examine(parsed, governance)
    except UsageError as error:  # nothing is installed here that it could be held against
        unknown = tuple(
            SignatureCheck(signer=None, key_id=signature.key_id, valid=False) for signature in parsed.signed.signatures
        )
        examined = Examination(signatures=unknown, missing=(), counted=(), problem=error)
    problem = examined.problem
    return {
        "kind": parsed.document.kind.value,
        "id": parsed.document.id,
        "version": parsed.document.version,
        "hash": bytes_text(parsed.hash),
        "valid": examined.valid,
        "signatures": [
            {"signer": check.signer, "key_id": bytes_text(check.key_id), "valid": check.valid}
            for check in examined.signatures
        ],
        "missing": list(examined.missing),
        "problem": {"code": problem.code, "message": problem.message, "path": problem.path} if problem else None,
    }
