"""Sets up an exchange without `lab`, as operators do: keys, ROOT, nodes, agreement. Then it sends a report."""

import asyncio
import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from node.commands.broker_topics import provision_homes
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement

ROOT = """
version = 1
not_before = 2026-01-01T00:00:00Z
not_after = 2036-01-01T00:00:00Z
threshold = 2
revoke_threshold = 1
"""
TRUSTEE = """
[[trustee]]
id = "{id}"
public = "{public}"
"""


class Office:
    """The folder of the trustees, with their keys and the ROOT."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = {name: folder / f"{name}.keys.json" for name in ("TR1", "TR2", "TR3")}
        made = [ok("governance", "keygen", name, file)[0] for name, file in self.keys.items()]
        self.root = folder / "root.toml"
        self.root.write_text(ROOT + "".join(TRUSTEE.format(**trustee) for trustee in made))

    def sign(self, file: Path, *names: str, home: Path | None = None) -> dict[str, Any]:
        """Let these trustees sign; returns the answer to the last signature."""
        answer: dict[str, Any] = {}
        for name in names:
            [answer] = ok("governance", "sign", file, "--key", self.keys[name], home=home)
        return answer


def found(tmp_path: Path) -> tuple[Office, Path, str]:
    """Make an office; returns it with its signed ROOT and the community."""
    office = Office(tmp_path)
    [new] = ok("governance", "new", "root", office.root)
    signed = Path(new["file"])
    office.sign(signed, "TR1", "TR2")
    return office, signed, new["hash"]


def join(office: Office, root: Path, community: str, code: str) -> Path:
    """Make a home and admit its node. The document is installed there, and a copy stays beside the home."""
    home = office.folder / code.lower()
    bus = f"sqlite:///{office.folder / 'log.db'}"
    [made] = ok("init", "--node", code, "--bus", bus, "--community", community, home=home)
    ok("governance", "install", root, home=home)
    [new] = ok("governance", "new", "node", made["join_request"], home=home)
    document = Path(new["file"])
    ok("governance", "sign", document, home=home)
    office.sign(document, "TR2", "TR3", home=home)
    ok("governance", "install", document, home=home)
    return home


def test_a_root_has_effect_with_the_threshold_of_its_own_trustees(tmp_path: Path) -> None:
    office = Office(tmp_path)
    [new] = ok("governance", "new", "root", office.root)
    signed = Path(new["file"])
    once = office.sign(signed, "TR1")
    unfinished = cli("governance", "check", signed)
    twice = office.sign(signed, "TR3")
    [shown] = ok("governance", "show", signed)

    assert (new["kind"], new["id"], new["version"]) == ("ROOT", "ROOT", 1)
    assert new["missing"] == ["TR1", "TR2", "TR3"]
    assert (once["valid"], once["missing"]) == (False, ["TR2", "TR3"])
    assert unfinished.exit == 1
    assert (twice["valid"], twice["missing"]) == (True, [])
    assert {signature["signer"] for signature in twice["signatures"] if signature["valid"]} == {"TR1", "TR3"}
    assert shown["hash"] == new["hash"]
    assert shown["body"]["threshold"] == 2


def test_two_nodes_join_agree_and_share_a_report(tmp_path: Path) -> None:
    office, root, community = found(tmp_path)
    homes = {code: join(office, root, community, code) for code in ("BZ", "GT")}
    for code, other in (("BZ", "GT"), ("GT", "BZ")):
        [document] = (homes[other] / "documents").glob(f"node-{other.lower()}-*.signed")
        ok("governance", "install", document, home=homes[code])
    written = tmp_path / "bz-gt.toml"
    written.write_text(agreement("BZ-GT", ["BZ", "GT"]))
    [new] = ok("governance", "new", "agreement", written, home=homes["BZ"])
    document = Path(new["file"])
    [by_one] = ok("governance", "sign", document, home=homes["BZ"])
    refused = cli("governance", "install", document, home=homes["BZ"])
    ok("governance", "sign", document, home=homes["GT"])
    for home in homes.values():
        ok("governance", "install", document, home=home)
    data = json.dumps(report(retain_until="2035-01-01")).encode()
    [answer] = ok("publish", "-", home=homes["BZ"], data=data)
    asyncio.run(provision_homes(homes.values()))
    step(*homes.values())
    [received] = ok("search", "--all", home=homes["GT"])

    assert (by_one["valid"], by_one["missing"]) == (False, ["GT"])
    assert (refused.exit, refused.error["code"]) == (2, "signatures_missing")
    assert answer["audience"] == ["GT"]
    assert received["report_id"] == answer["report_id"]


def test_a_document_that_a_node_must_not_install_is_refused_with_its_rule(tmp_path: Path) -> None:
    office, root, community = found(tmp_path)
    home = join(office, root, community, "BZ")
    [document] = (home / "documents").glob("node-bz-*.signed")
    other = ok("init", "--node", "GT", "--bus", "sqlite:///log.db", home=tmp_path / "gt")[0]
    foreign = cli("governance", "new", "node", other["join_request"], home=tmp_path / "gt")
    torn = tmp_path / "torn.signed"
    torn.write_bytes(document.read_bytes()[:-1])
    stranger = tmp_path / "stranger.json"
    ok("governance", "keygen", "TR4", stranger)

    assert foreign.error["code"] == "root_missing"
    assert cli("governance", "check", torn, home=home).error["code"] == "document_malformed"
    assert cli("governance", "check", tmp_path / "no.signed", home=home).error["code"] == "file_unreadable"
    assert cli("governance", "sign", document, "--key", stranger, home=home).error["code"] == "key_not_counted"
    assert cli("governance", "sign", root).error["code"] == "home_missing"
    assert cli("governance", "install", root).error["code"] == "home_missing"
    assert cli("governance", "new", "treaty", root).error["code"] == "usage"
    assert cli("governance", "new", "root", office.root).error["code"] == "file_exists"
    again = cli("governance", "new", "node", other["join_request"].replace("/gt/GT.", "/bz/BZ."), home=home)
    assert (again.exit, again.error["code"]) == (2, "document_version")


def test_a_trustee_s_key_is_a_new_file_of_its_owner_encrypted_if_a_passphrase_is_named(tmp_path: Path) -> None:
    plain, sealed, passphrase = tmp_path / "tr1.json", tmp_path / "tr2.json", tmp_path / "words"
    passphrase.write_text("correct horse battery staple\n")
    passphrase.chmod(0o600)
    [made] = ok("governance", "keygen", "TR1", plain)
    ok("governance", "keygen", "TR2", sealed, "--passphrase-file", passphrase)
    written = tmp_path / "root.toml"
    written.write_text(ROOT.replace("threshold = 2", "threshold = 1") + TRUSTEE.format(id="TR1", public=made["public"]))
    [new] = ok("governance", "new", "root", written)

    assert stat.S_IMODE(plain.stat().st_mode) == stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert len(base64.b64decode(made["public"])) == 32
    assert cli("governance", "keygen", "TR1", plain).error["code"] == "file_exists"
    assert cli("governance", "keygen", "tr1", tmp_path / "x").error["path"] == "ID"
    locked = cli("governance", "sign", new["file"], "--key", sealed)
    opened = cli("governance", "sign", new["file"], "--key", sealed, "--passphrase-file", passphrase)
    by_variable = cli(
        "governance", "sign", new["file"], "--key", sealed, env={"ENLACE_KEYS__PASSPHRASE_FILE": str(passphrase)}
    )
    assert locked.error["code"] == "passphrase_missing"
    assert {opened.error["code"], by_variable.error["code"]} == {"key_not_counted"}
    plain.chmod(0o640)
    assert cli("governance", "sign", new["file"], "--key", plain).error["code"] == "secret_exposed"


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (["--node", "bz", "--bus", "sqlite:///log.db"], "--node"),
        (["--node", "REGISTRY", "--bus", "sqlite:///log.db"], "--node"),
        (["--node", "BZ", "--bus", "log.db"], "--bus"),
        (["--node", "BZ", "--bus", "kafka://nowhere"], "--bus"),
        (["--node", "BZ", "--bus", "sqlite:///log.db", "--community", "AAAA"], "--community"),
        (["--node", "BZ"], "--bus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_home_is_not_made_with_wrong_arguments(tmp_path: Path, options: list[str], path: str) -> None:
    ran = cli("init", *options, home=tmp_path / "home")

    assert (ran.exit, ran.error["path"]) == (2, path)
    assert not (tmp_path / "home").exists()


def test_an_existing_home_is_never_changed(tmp_path: Path) -> None:
    ok("init", "--node", "BZ", "--bus", "sqlite:///log.db", home=tmp_path / "home")
    before = (tmp_path / "home" / "keys.json").read_bytes()
    ran = cli("init", "--node", "BZ", "--bus", "sqlite:///log.db", home=tmp_path / "home")

    assert ran.error["code"] == "file_exists"
    assert (tmp_path / "home" / "keys.json").read_bytes() == before
