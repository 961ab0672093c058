"""From TOML to signed files: compiling, signing, checking, installing."""

from pathlib import Path
from typing import Any

import pytest

from broker import topology as topologies
from node.commands import governance as governing
from node.commands.governance import Context
from node.commands.init import init
from node.errors import UsageError
from node.primitives import ZERO_HASH
from node.sealing import key_file
from node.trust import document_files
from node.trust.compile_toml import compile_text
from node.trust.signed_document import DocumentInvalid, ParsedDocument, parse
from schemas.avro.codec import encode
from schemas.formats import bytes_text
from schemas.types import Agreement, AgreementStatus, DocumentKind, KeyUse, Node, Root
from tests.support.community import (
    T0,
    TRUSTEES,
    Community,
    keys_of,
)

AGREEMENT = """
id = "BZ-GT"
version = 1
parties = ["GT", "BZ"]
not_before = 2026-01-01T00:00:00Z
not_after = 2027-01-01T00:00:00Z

[[clause]]
id = "1"
from = ["BZ"]
to = ["GT"]
retention_days_max = 1825
regions = ["caribbean"]
subjects = ["WILDLIFE_CRIME", "ILLEGAL_LOGGING", "WILDLIFE_CRIME"]
types = ["*"]
categories = ["*"]
handling = ["H0", "H1"]
purposes = ["*"]
"""


def compiled(text: str, community: Community | None, kind: DocumentKind = DocumentKind.AGREEMENT) -> ParsedDocument:
    governance = community.governance if community else None
    return compile_text(kind, text, governance=governance, topology=topologies.default(), file="x.toml")


def error_of(text: str, kind: DocumentKind = DocumentKind.AGREEMENT, community: Community | None = None) -> UsageError:
    with pytest.raises(UsageError) as error:
        compiled(text, community or Community(["BZ", "GT"]), kind)
    return error.value


def root_text(**changes: Any) -> str:
    values = {"version": 1, "threshold": 2, "revoke_threshold": 1} | changes
    head = "\n".join(f"{name} = {value}" for name, value in values.items())
    dates = "not_before = 2026-01-01T00:00:00Z\nnot_after = 2027-01-01T00:00:00Z"
    trustees = "\n".join(
        f'[[trustee]]\nid = "{name}"\npublic = "{bytes_text(keys_of(name).keys[0].public)}"' for name in TRUSTEES
    )
    return f"{head}\n{dates}\n{trustees}\n"


# Compiling


def test_an_agreement_becomes_sorted_sets() -> None:
    """What people write in any order has one encoding."""
    body = compiled(AGREEMENT, Community(["BZ", "GT"])).body

    assert isinstance(body, Agreement)
    assert (body.parties, body.status) == (("BZ", "GT"), AgreementStatus.IN_FORCE)
    assert body.clauses[0].subjects == ("WILDLIFE_CRIME", "ILLEGAL_LOGGING")  # shorter strings come first
    assert body.clauses[0].special_categories is False


def test_a_document_follows_those_installed() -> None:
    """Community, root, predecessor and dates; people write no hashes."""
    community = Community(["BZ", "GT"])
    document = compiled(AGREEMENT, community).document

    assert (document.community, document.root) == (community.community, community.community)
    assert (document.previous, document.from_) == (ZERO_HASH, T0)
    first = community.agreement("BZ-GT", ["BZ", "GT"])
    assert compiled(AGREEMENT.replace("version = 1", "version = 2"), community).document.previous == first


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ('id = "BZ-GT"', "", "value_invalid", "id"),
        ('handling = ["H0", "H1"]', "", "value_invalid", "clause[0].handling"),
        ("retention_days_max", "retention_days", "unknown_key", "clause[0].retention_days"),
        ('to = ["GT"]', 'to = ["MX"]', "party_unknown", "clauses.1.to"),
        ('types = ["*"]', 'types = ["*", "REPORT"]', "value_invalid", "clause[0].types"),
        ("version = 1", "version = 2", "document_version", "version"),
        ("2027-01-01", "2025-01-01", "value_invalid", "not_before"),
        ('"GT", "BZ"', '"GT", "bz"', "value_invalid", "parties[1]"),
    ],
)
def test_what_is_wrong_in_an_agreement_is_named(old: str, new: str, code: str, path: str | None) -> None:
    """With the path of the TOML, or of the document's rule."""
    error = error_of(AGREEMENT.replace(old, new))

    assert (error.code, error.path) == (code, path)


def test_two_clauses_with_one_id_are_refused() -> None:
    """A grant names a clause by its id."""
    twice = AGREEMENT + AGREEMENT[AGREEMENT.index("[[clause]]") :]
    error = error_of(twice)

    assert (error.code, error.path) == ("value_invalid", "clause[1].id")


def test_a_root_is_compiled_without_any_document() -> None:
    """The first one; its hash is the community."""
    parsed = compiled(root_text(), None, DocumentKind.ROOT)

    assert isinstance(parsed.body, Root)
    assert [trustee.id for trustee in parsed.body.trustees] == list(TRUSTEES)
    assert (parsed.document.community, parsed.document.root, parsed.document.previous) == (ZERO_HASH,) * 3


def test_anything_but_a_first_root_needs_documents() -> None:
    """There is nothing it could follow."""
    with pytest.raises(UsageError) as error:
        compiled(AGREEMENT, None)
    assert error.value.code == "root_missing"
    with pytest.raises(UsageError):
        compiled(root_text(version=2), None, DocumentKind.ROOT)


def test_a_node_gets_the_streams_of_the_topology(tmp_path: Path) -> None:
    """And the keys of its join request."""
    request = init(tmp_path / "es", "ES", "sqlite:///log.db").join_request.read_text()
    body = compiled(request, Community(), DocumentKind.NODE).body

    assert isinstance(body, Node)
    assert set(body.streams) == {"intel.europe", "intel.transatlantic", "keys", "receipts", "checkpoints", "proposals"}
    assert sorted(key.use for key in body.keys) == sorted(KeyUse)


def test_a_stranger_to_the_topology_names_its_streams(tmp_path: Path) -> None:
    """A body that no region lists."""
    request = init(tmp_path / "eu", "EUROPOL", "sqlite:///log.db").join_request.read_text()

    assert error_of(request, DocumentKind.NODE).path == "streams"
    named = 'streams = ["keys"]\n' + request
    body = compiled(named, Community(), DocumentKind.NODE).body
    assert isinstance(body, Node)
    assert body.streams == ("keys",)


# Files


def folder_of(community: Community, folder: Path) -> Path:
    """The documents of a community as files."""
    folder.mkdir(parents=True)
    for data in community.documents:
        (folder / document_files.file_name(parse(data))).write_bytes(data)
    return folder


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    """A file without effect is named, and the others count."""
    folder = folder_of(Community(["BZ", "GT"]), tmp_path / "documents")
    (folder / "broken.signed").write_bytes(b"no document")
    (folder / "notes.txt").write_text("not read")
    read = document_files.read_folder(folder)

    assert list(read.governance.nodes) == ["BZ", "GT"]
    assert [(path.name, error.code) for path, error in read.problems] == [("broken.signed", "document_malformed")]


def test_an_empty_folder_is_no_governance(tmp_path: Path) -> None:
    """It fails closed."""
    with pytest.raises(UsageError) as error:
        document_files.read_folder(tmp_path)
    assert error.value.code == "root_missing"
    assert document_files.read_folder_if_any(tmp_path) is None


def test_only_what_has_effect_is_installed(tmp_path: Path) -> None:
    """And installing it again brings signatures and takes none away."""
    community = Community(["BZ", "GT"])
    folder = folder_of(community, tmp_path / "documents")
    draft, governance = compiled(AGREEMENT, community), community.governance
    half = document_files.sign(draft, keys_of("BZ"), governance)
    with pytest.raises(UsageError) as error:
        document_files.install(half, folder)
    assert error.value.code == "signatures_missing"

    path = document_files.install(document_files.sign(half, keys_of("GT"), governance), folder)
    document_files.install(draft, folder)  # the same without signatures
    assert len(document_files.read(path).signed.signatures) == 2
    assert document_files.read_folder(folder).governance.clauses_in_force("BZ", "GT", T0)


def test_a_wrong_signature_does_not_displace_a_right_one() -> None:
    """Merging keeps the one that holds, whichever comes first."""
    community = Community(["BZ", "GT"])
    governance = community.governance
    draft = compiled(AGREEMENT, community)
    right = document_files.sign(draft, keys_of("BZ"), governance)
    data = bytearray(encode(right.signed))
    data[-2] ^= 1
    wrong = parse(bytes(data))
    assert [check.valid for check in governance.examine(wrong).signatures] == [False]

    for one, other in ((right, wrong), (wrong, right)):
        merged = document_files.merge(one, other, governance)
        assert [check.valid for check in governance.examine(merged).signatures] == [True]


def test_a_file_name_says_what_it_holds() -> None:
    """And cannot leave its folder, whatever the id."""
    community = Community(["BZ", "GT"])
    parsed = compiled(AGREEMENT.replace("BZ-GT", "../BZ GT"), community)

    assert document_files.file_name(parsed) == f"agreement--bz-gt-1-{parsed.hash.hex()[:8]}.signed"


def test_a_file_that_is_no_document_is_refused_with_its_name(tmp_path: Path) -> None:
    """Exit code 2, not a traceback."""
    (tmp_path / "x.signed").write_bytes(b"\xc3\x01 nonsense")
    with pytest.raises(DocumentInvalid, match=r"x\.signed"):
        document_files.read(tmp_path / "x.signed")


# The commands


def test_a_community_is_founded_and_joined_by_commands_alone(tmp_path: Path) -> None:
    """ROOT, two nodes, one agreement: new, sign, check, install, as an operator does it."""
    for name in ("TR1", "TR2"):
        key_file.write(tmp_path / name, keys_of(name))
    root = tmp_path / "root.toml"
    root.write_text(root_text())
    homes = {name: init(tmp_path / name.lower(), name, "sqlite:///log.db") for name in ("BZ", "GT")}
    nowhere = Context()

    made = governing.new("root", root, nowhere)
    assert (made["kind"], made["valid"], made["missing"]) == ("ROOT", False, list(TRUSTEES))
    signed = Path(made["file"])
    for name in ("TR1", "TR2"):
        result = governing.sign(signed, nowhere, key=tmp_path / name)
    assert result["valid"]
    for home in homes.values():
        governing.install(signed, Context(home=home.home))

    for home in homes.values():
        context = Context(home=home.home)
        node = Path(governing.new("node", home.join_request, context)["file"])
        governing.sign(node, context)
        for name in ("TR1", "TR2"):
            result = governing.sign(node, context, key=tmp_path / name)
        assert (result["valid"], result["missing"]) == (True, [])
        for other in homes.values():
            governing.install(node, Context(home=other.home))

    agreement = tmp_path / "bz-gt.toml"
    agreement.write_text(AGREEMENT)
    context = Context(home=homes["BZ"].home)
    file = Path(governing.new("agreement", agreement, context)["file"])
    assert governing.sign(file, context)["missing"] == ["GT"]
    with pytest.raises(UsageError, match="lacks signatures of GT"):
        governing.install(file, context)
    result = governing.sign(file, Context(home=homes["GT"].home))
    assert sorted(item["signer"] for item in result["signatures"] if item["valid"]) == ["BZ", "GT"]
    assert governing.check(file, context)["valid"]
    installed = governing.install(file, context)
    assert installed["valid"]
    assert Path(installed["file"]).parent == homes["BZ"].home / "documents"
    governance = document_files.read_folder(homes["BZ"].home / "documents").governance
    assert governance.clauses_in_force("BZ", "GT", T0)


def test_new_does_not_overwrite(tmp_path: Path) -> None:
    """Signatures that were collected stay."""
    file = tmp_path / "root.toml"
    file.write_text(root_text())
    governing.new("root", file, Context())
    with pytest.raises(UsageError) as error:
        governing.new("root", file, Context())
    assert error.value.code == "file_exists"


def test_a_document_can_be_looked_at_without_any_home(tmp_path: Path) -> None:
    """Its signatures are not known to hold then, and that is said."""
    community = Community(["BZ", "GT"])
    draft = compiled(AGREEMENT, community)
    file = tmp_path / "x.signed"
    file.write_bytes(document_files.to_bytes(document_files.sign(draft, keys_of("BZ"), community.governance)))
    shown = governing.show(file, Context())

    assert (shown["kind"], shown["id"], shown["version"], shown["valid"]) == ("AGREEMENT", "BZ-GT", 1, False)
    assert shown["problem"]["code"] == "root_missing"
    assert shown["hash"] == bytes_text(draft.hash)
    assert (shown["from"], shown["body"]["parties"]) == ("2026-01-01T00:00:00Z", ["BZ", "GT"])
    with_documents = Context(documents=folder_of(community, tmp_path / "documents"))
    assert governing.check(file, with_documents)["missing"] == ["GT"]


def test_a_key_that_does_not_count_signs_nothing(tmp_path: Path) -> None:
    """MX is no party."""
    community = Community(["BZ", "GT", "MX"])
    key_file.write(tmp_path / "mx.json", keys_of("MX"))
    file = tmp_path / "x.signed"
    file.write_bytes(document_files.to_bytes(compiled(AGREEMENT, community)))
    context = Context(documents=folder_of(community, tmp_path / "documents"))
    with pytest.raises(UsageError) as error:
        governing.sign(file, context, key=tmp_path / "mx.json")
    assert error.value.code == "key_not_counted"
