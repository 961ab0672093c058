"""The commands `governance new`, `sign`, `check`, `show` and `install`."""

from pathlib import Path

import pytest

from node.commands import governance as governing
from node.commands.governance import Context
from node.commands.init import init
from node.errors import UsageError
from node.limits import DAY_MS
from node.sealing import key_file
from node.trust import document_files
from schemas.types import KeyUse
from tests.support.community import (
    T0,
    TRUSTEES,
    Community,
    keys_of,
    node_body,
    signed,
)
from tests.support.trust import AGREEMENT_TOML, changed_keys, compiled, folder_of, node_version, root_text


def test_commands_alone_found_a_community_and_let_nodes_join(tmp_path: Path) -> None:
    """An operator makes, signs, checks and installs a ROOT, two nodes and an agreement."""
    for name in ("TR1", "TR2"):
        key_file.write(tmp_path / name, keys_of(name))
    root = tmp_path / "root.toml"
    root.write_text(root_text())
    homes = {name: init(tmp_path / name.lower(), name, "sqlite:///log.db") for name in ("BZ", "GT")}
    nowhere = Context()

    made = governing.new("root", root, nowhere)
    assert (made.kind, made.valid, made.missing) == ("ROOT", False, tuple(TRUSTEES))
    root_file = made.file
    for name in ("TR1", "TR2"):
        result = governing.sign(root_file, nowhere, key=tmp_path / name)
    assert result.valid
    for home in homes.values():
        governing.install(root_file, Context(home=home.path))

    for home in homes.values():
        context = Context(home=home.path)
        node = governing.new("node", home.join_request, context).file
        governing.sign(node, context)
        for name in ("TR1", "TR2"):
            result = governing.sign(node, context, key=tmp_path / name)
        assert (result.valid, result.missing) == (True, ())
        for reader in homes.values():
            governing.install(node, Context(home=reader.path))

    agreement = tmp_path / "bz-gt.toml"
    agreement.write_text(AGREEMENT_TOML)
    context = Context(home=homes["BZ"].path)
    file = governing.new("agreement", agreement, context).file
    assert governing.sign(file, context).missing == ("GT",)
    with pytest.raises(UsageError, match="lacks signatures of GT"):
        governing.install(file, context)
    result = governing.sign(file, Context(home=homes["GT"].path))
    assert sorted(check.signer or "" for check in result.signatures if check.valid) == ["BZ", "GT"]
    assert governing.check(file, context).valid
    installed = governing.install(file, context)
    assert installed.valid
    assert installed.file.parent == homes["BZ"].path / "documents"
    governance = document_files.read_folder(homes["BZ"].path / "documents").governance
    assert governance.clauses_in_force("BZ", "GT", T0)


def test_new_does_not_overwrite(tmp_path: Path) -> None:
    """Signatures in the file are not lost."""
    file = tmp_path / "root.toml"
    file.write_text(root_text())
    governing.new("root", file, Context())
    with pytest.raises(UsageError) as error:
        governing.new("root", file, Context())
    assert error.value.code == "file_exists"


def test_a_document_can_be_shown_without_a_home(tmp_path: Path) -> None:
    """Its signatures cannot be verified then, and the answer says so."""
    community = Community(["BZ", "GT"])
    draft = compiled(AGREEMENT_TOML, community)
    file = tmp_path / "x.signed"
    file.write_bytes(document_files.to_bytes(document_files.sign(draft, keys_of("BZ"), community.governance)))
    shown = governing.show(file, Context())

    assert (shown.kind, shown.id, shown.version, shown.valid) == ("AGREEMENT", "BZ-GT", 1, False)
    assert shown.problem is not None
    assert shown.problem.code == "root_missing"
    assert shown.hash == draft.hash
    assert (shown.from_, shown.body["parties"]) == ("2026-01-01T00:00:00Z", ["BZ", "GT"])
    with_documents = Context(documents=folder_of(community, tmp_path / "documents"))
    assert governing.check(file, with_documents).missing == ("GT",)


def test_a_key_that_does_not_count_cannot_sign(tmp_path: Path) -> None:
    """MX is not a party."""
    community = Community(["BZ", "GT", "MX"])
    key_file.write(tmp_path / "mx.json", keys_of("MX"))
    file = tmp_path / "x.signed"
    file.write_bytes(document_files.to_bytes(compiled(AGREEMENT_TOML, community)))
    context = Context(documents=folder_of(community, tmp_path / "documents"))
    with pytest.raises(UsageError) as error:
        governing.sign(file, context, key=tmp_path / "mx.json")
    assert error.value.code == "key_not_counted"


def test_a_key_that_has_ended_does_not_sign(tmp_path: Path) -> None:
    """Nor a document that begins before the key ended: the clock of the home says that it is signed later."""
    community = Community(["BZ", "GT"])
    ended = node_body(changed_keys("BZ", KeyUse.AGREE, until=T0 + DAY_MS))
    community.documents.append(signed(node_version(community, ended), community.governance, "TR1"))
    key_file.write(tmp_path / "bz.json", keys_of("BZ"))
    file = tmp_path / "x.signed"
    file.write_bytes(document_files.to_bytes(compiled(AGREEMENT_TOML, community)))
    context = Context(documents=folder_of(community, tmp_path / "documents"))
    with pytest.raises(UsageError) as error:
        governing.sign(file, context, key=tmp_path / "bz.json")

    assert error.value.code == "key_not_counted"
