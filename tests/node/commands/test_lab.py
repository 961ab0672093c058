"""A whole exchange made by one command, and single homes."""

import errno
from pathlib import Path

import pytest

from broker import topology as topologies
from node.answers.plain_json import presentable
from node.commands.init import init, init_answer
from node.commands.lab import lab
from node.errors import UsageError
from node.limits import DAY_MS
from node.runtime import config
from node.sealing import key_file
from node.trust import document_files
from schemas.types import AgreementStatus, KeyUse
from tests.support.contract import cli
from tests.support.trust import AGREEMENT_TOML

NOW = 1_780_000_000_000  # 2026-05-28


@pytest.fixture
def agreements(tmp_path: Path) -> Path:
    """A folder with an agreement in two versions, the later one first by name."""
    folder = tmp_path / "agreements"
    folder.mkdir()
    (folder / "b.toml").write_text(AGREEMENT_TOML)
    later = AGREEMENT_TOML.replace("version = 1", 'version = 2\nstatus = "SUSPENDED"').replace(
        "2026-01-01", "2026-06-01"
    )
    (folder / "a.toml").write_text(later)
    return folder


def test_a_lab_is_a_community_whose_homes_agree(tmp_path: Path, agreements: Path) -> None:
    """Every home has its keys, its configuration and all documents, and all have effect."""
    made = lab(tmp_path / "lab", ["BZ", "GT", "ES"], agreements)

    answer = presentable(made.answer())
    assert answer["nodes"] == {code: str(tmp_path / "lab" / code.lower()) for code in ("BZ", "GT", "ES")}
    assert set(answer) == {"community", "nodes", "documents"}
    for code, home in made.homes.items():
        loaded = config.load(home, {})
        assert (loaded.node.id, loaded.node.community) == (code, made.community)
        assert loaded.bus.url == f"sqlite:///{tmp_path / 'lab' / 'log.db'}"
        keys = key_file.read(home / loaded.keys.file)
        read = document_files.read_folder(home / "documents", made.community)
        assert read.problems == ()
        assert read.governance.members(NOW) == ("BZ", "ES", "GT")
        assert read.governance.key(keys.newest(KeyUse.ENCRYPT).key_id) is not None
        assert len(read.governance.clauses_in_force("BZ", "GT", NOW)) == 1
        assert read.governance.clauses_in_force("BZ", "GT", NOW + 30 * DAY_MS) == ()
        newest = read.governance.agreements["BZ-GT"][-1]
        assert newest.body.status is AgreementStatus.SUSPENDED
    assert document_files.read_folder(made.documents).governance.community == made.community


def test_keys_and_folders_of_a_lab_are_for_their_owner(tmp_path: Path, agreements: Path) -> None:
    """Unsafe is in the name of every key file that is not encrypted."""
    made = lab(tmp_path / "lab", ["BZ", "GT"], agreements)
    secrets = sorted((tmp_path / "lab").rglob("*keys.json"))

    assert len(secrets) == 5  # three trustees, two nodes
    assert all(path.stat().st_mode & 0o777 == 0o600 and "unsafe" in path.name for path in secrets)
    folders = [path for path in (tmp_path / "lab").rglob("*") if path.is_dir()]
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in [tmp_path / "lab", *folders])
    assert not list(made.homes["BZ"].glob("*.node.toml"))


def test_a_lab_takes_a_topology_and_a_bus(tmp_path: Path, agreements: Path) -> None:
    """The topology goes into each home; a relative bus file is one file for all."""
    topology = tmp_path / "topology.toml"
    topology.write_text('[[region]]\nid = "gulf"\nmembers = ["BZ","GT"]\nretention_days = 7\n')
    made = lab(tmp_path / "lab", ["BZ", "GT"], agreements, topology_path=topology, bus="sqlite:///bus.db")

    for home in made.homes.values():
        assert config.topology(home) == config.read_topology(topology) == made.topology
        assert config.load(home, {}).bus.url == f"sqlite:///{tmp_path / 'lab' / 'bus.db'}"
    governance = document_files.read_folder(made.documents).governance
    assert governance.may_write("BZ", "intel.gulf", NOW)
    assert not governance.may_write("BZ", "intel.caribbean", NOW)
    assert len(topologies.specs_of(made.topology, made.homes)) == 2 * 5 + 2


@pytest.mark.parametrize(
    ("nodes", "text", "code"),
    [
        ([], AGREEMENT_TOML, "value_invalid"),
        (["BZ", "US"], AGREEMENT_TOML, "value_invalid"),
        (["BZ", "MX"], AGREEMENT_TOML, "party_unknown"),
        (["BZ", "GT"], AGREEMENT_TOML.replace("parties", "party"), "unknown_key"),
    ],
    ids=["no_node", "stranger", "party_without_node", "misspelt"],
)
def test_a_lab_that_fails_leaves_nothing_behind(
    tmp_path: Path, agreements: Path, nodes: list[str], text: str, code: str
) -> None:
    """So that the command can be given again."""
    (agreements / "b.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        lab(tmp_path / "lab", nodes, agreements)
    assert error.value.code == code
    assert not (tmp_path / "lab").exists()


def test_an_interrupted_lab_leaves_no_folder_that_looks_complete(
    tmp_path: Path, agreements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder gets its name at the end; a process that is killed before leaves none of this name."""
    seen: list[bool] = []

    def interrupted(*_: object, **__: object) -> None:
        seen.append((tmp_path / "lab").exists())
        raise KeyboardInterrupt

    monkeypatch.setattr("node.commands.lab.shutil.copytree", interrupted)  # the last step
    with pytest.raises(KeyboardInterrupt):
        lab(tmp_path / "lab", ["BZ", "GT"], agreements)

    assert seen == [False]
    assert [path.name for path in tmp_path.iterdir()] == ["agreements"]


def test_a_lab_without_its_bus_can_be_made_by_the_same_call_later(tmp_path: Path, agreements: Path) -> None:
    ran = cli("lab", tmp_path / "lab", "--nodes", "BZ,GT", "--agreements", agreements, "--bus", "kafka://127.0.0.1:1")

    assert (ran.exit, ran.error["code"]) == (4, "bus_unavailable")
    assert not (tmp_path / "lab").exists()


def test_a_lab_never_touches_what_is_there(tmp_path: Path, agreements: Path) -> None:
    """Not even an empty folder."""
    (tmp_path / "lab").mkdir()
    with pytest.raises(UsageError) as error:
        lab(tmp_path / "lab", ["BZ", "GT"], agreements)
    assert error.value.code == "file_exists"


def test_init_makes_a_home(tmp_path: Path) -> None:
    """Configuration, four keys, an empty documents folder, a request to join."""
    made = init(tmp_path / "bz", "BZ", "kafka://host:9092", community=bytes(range(32)))

    loaded = config.load(made.path, {})
    assert (loaded.node.id, loaded.node.community, loaded.bus.url) == ("BZ", bytes(range(32)), "kafka://host:9092")
    assert key_file.read(made.path / loaded.keys.file).node == "BZ"
    assert (made.path / "documents").is_dir()
    answer = presentable(init_answer(made))
    assert set(answer) == {"node", "home", "keys", "join_request"}
    assert answer["join_request"] == str(made.join_request)


def test_init_encrypts_the_keys_with_a_passphrase_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the configuration names it."""
    monkeypatch.setattr(key_file, "SCRYPT_LOG2_N", 14)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a passphrase of some length\n")
    passphrase.chmod(0o600)
    made = init(tmp_path / "bz", "BZ", "sqlite:///log.db", passphrase_file=passphrase)

    assert config.load(made.path, {}).keys.passphrase_file == str(passphrase)
    assert b'"private"' not in (made.path / "keys.json").read_bytes()
    assert key_file.read(made.path / "keys.json", passphrase).node == "BZ"


@pytest.mark.parametrize("node", ["bz", "REGISTRY", "B", "../BZ"])
def test_init_refuses_what_is_no_node_code(tmp_path: Path, node: str) -> None:
    """Nothing is made then."""
    with pytest.raises(UsageError):
        init(tmp_path / "home", node, "sqlite:///log.db")
    assert not (tmp_path / "home").exists()


def test_init_never_touches_a_home_that_is_there(tmp_path: Path) -> None:
    """Its keys would be lost."""
    init(tmp_path / "bz", "BZ", "sqlite:///log.db")
    before = (tmp_path / "bz" / "keys.json").read_bytes()
    with pytest.raises(UsageError) as error:
        init(tmp_path / "bz", "BZ", "sqlite:///log.db")
    assert error.value.code == "file_exists"
    assert (tmp_path / "bz" / "keys.json").read_bytes() == before


def test_init_on_a_full_disk_leaves_nothing_and_the_same_call_makes_the_home_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without keys would be refused for ever, because it exists."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("node.commands.init.make_store", full)
        with pytest.raises(OSError, match="No space left"):
            init(tmp_path / "bz", "BZ", "sqlite:///log.db")
    assert list(tmp_path.iterdir()) == []

    assert (init(tmp_path / "bz", "BZ", "sqlite:///log.db").path / "store.db").is_file()
