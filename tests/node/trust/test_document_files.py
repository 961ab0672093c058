"""Documents as files: signing, merging, reading a folder, installing."""

from pathlib import Path

import pytest

from node.errors import UsageError
from node.trust import document_files
from node.trust.signed_document import DocumentInvalid, parse
from schemas.avro.codec import encode
from tests.support.community import (
    T0,
    Community,
    keys_of,
)
from tests.support.trust import AGREEMENT_TOML, compiled, folder_of


def test_every_document_of_a_folder_is_read(tmp_path: Path) -> None:
    """A file without effect is a problem, and the others have effect."""
    folder = folder_of(Community(["BZ", "GT"]), tmp_path / "documents")
    (folder / "broken.signed").write_bytes(b"no document")
    (folder / "notes.txt").write_text("not read")
    read = document_files.read_folder(folder)

    assert list(read.governance.nodes) == ["BZ", "GT"]
    assert [(path.name, error.code) for path, error in read.problems] == [("broken.signed", "document_malformed")]


def test_an_empty_folder_has_no_governance(tmp_path: Path) -> None:
    """Without a ROOT nothing is trusted."""
    with pytest.raises(UsageError) as error:
        document_files.read_folder(tmp_path)
    assert (error.value.code, error.value.path) == ("root_missing", str(tmp_path))
    assert error.value.hint == "install the documents of the community, the first ROOT first"
    assert document_files.read_folder_if_any(tmp_path) is None


def test_only_a_document_with_effect_is_installed(tmp_path: Path) -> None:
    """Installing a document again adds signatures and removes none."""
    community = Community(["BZ", "GT"])
    folder = folder_of(community, tmp_path / "documents")
    draft, governance = compiled(AGREEMENT_TOML, community), community.governance
    half = document_files.sign(draft, keys_of("BZ"), governance)
    with pytest.raises(UsageError) as error:
        document_files.install(half, folder)
    assert error.value.code == "signatures_missing"

    path = document_files.install(document_files.sign(half, keys_of("GT"), governance), folder)
    document_files.install(draft, folder)  # the same without signatures
    assert len(document_files.read(path).signed.signatures) == 2
    assert document_files.read_folder(folder).governance.clauses_in_force("BZ", "GT", T0)


def test_a_wrong_signature_does_not_replace_a_right_one() -> None:
    """Merging keeps the valid signature, in either order."""
    community = Community(["BZ", "GT"])
    governance = community.governance
    draft = compiled(AGREEMENT_TOML, community)
    right = document_files.sign(draft, keys_of("BZ"), governance)
    data = bytearray(encode(right.signed))
    data[-2] ^= 1
    wrong = parse(bytes(data))
    assert [check.valid for check in governance.examine(wrong).signatures] == [False]

    for kept, added in ((right, wrong), (wrong, right)):
        merged = document_files.merge(kept, added, governance)
        assert [check.valid for check in governance.examine(merged).signatures] == [True]


def test_a_file_name_shows_kind_id_version_and_hash() -> None:
    """An id cannot make the file leave its folder."""
    community = Community(["BZ", "GT"])
    parsed = compiled(AGREEMENT_TOML.replace("BZ-GT", "../BZ GT"), community)

    assert document_files.file_name(parsed) == f"agreement--bz-gt-1-{parsed.hash.hex()[:8]}.signed"


def test_an_error_names_the_file_that_is_not_a_document(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "x.signed").write_bytes(b"\xc3\x01 nonsense")
    with pytest.raises(DocumentInvalid, match=r"x\.signed"):
        document_files.read(tmp_path / "x.signed")
