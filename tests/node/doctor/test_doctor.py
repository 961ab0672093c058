"""`doctor`: each examination finds its fault, says unknown where nothing can be known, and does not stop the others."""

import datetime
import os
from pathlib import Path
from typing import Any, Final

import pytest

from broker.local.authority import Authority
from node.doctor import machine
from node.doctor.expiry import End, near
from node.limits import DAY_MS
from node.uptime import SinceBoot
from node.verification.clock_rules import ClockProblem, ClockReason, judge_clock
from tests.support.contract import cli
from tests.support.processes import agreement, lab

NOW: Final = 1_790_000_000_000
CHECKS: Final = ["volume", "clock", "disk_space", "permissions", "expiry", "bus", "topics", "drift"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def examined(home: Path, env: dict[str, str] | None = None) -> dict[str, list[dict[str, Any]]]:
    """The examinations by check. The exit code says whether all are well."""
    ran = cli("doctor", home=home, env=env)
    by_check: dict[str, list[dict[str, Any]]] = {}
    for row in ran.objects:
        assert list(row) == ["check", "ok", "found", "hint"]
        by_check.setdefault(row["check"], []).append(row)
    assert ran.exit == (0 if all(row["ok"] for row in ran.objects) else 1)
    return by_check


def wrong(home: Path, check: str, env: dict[str, str] | None = None) -> str:
    """What an examination found, which must not be ok; all checks are made."""
    found = examined(home, env)
    assert not [row for row in found[check] if row["ok"]]
    assert all(row["hint"] for row in found[check])
    return " ".join(row["found"] for row in found[check])


def test_a_whole_home_is_well_and_every_check_is_made(home: Path) -> None:
    found = examined(home)

    assert list(found) == CHECKS
    assert all(row["ok"] for rows in found.values() for row in rows)


@pytest.mark.parametrize("name", ["unsafe-keys.json", "node.toml", "store.db", "."])
def test_a_file_that_others_can_read_is_found(home: Path, name: str) -> None:
    """Before the store is opened, which closes it to them."""
    cli("status", home=home)
    (home / name).chmod(0o755 if name == "." else 0o644)

    assert str((home / name).resolve()) in wrong(home, "permissions")


def test_a_log_that_others_can_read_is_found(home: Path) -> None:
    (home.parent / "log.db").chmod(0o644)

    assert "log.db" in wrong(home, "permissions")


def test_a_key_file_that_is_a_pipe_is_found_and_does_not_hang(home: Path) -> None:
    (home / "unsafe-keys.json").unlink()
    os.mkfifo(home / "unsafe-keys.json", 0o600)

    assert "not a regular file" in wrong(home, "permissions")


def test_a_topic_that_is_missing_is_found(home: Path) -> None:
    (home.parent / "log.db").unlink()
    alone = home.parent / "alone.toml"
    alone.write_text('replication = 1\n[[region]]\nid = "caribbean"\nmembers = ["BZ"]\nretention_days = 3\n')
    cli("broker", "provision", "--topology", alone, home=home)

    assert "intel.central-america.bz" in wrong(home, "topics")


def test_a_bus_that_does_not_answer_is_found_and_the_rest_is_examined(home: Path) -> None:
    found = examined(home, {"ENLACE_BUS__URL": "kafka://127.0.0.1:1"})

    assert [row["ok"] for row in found["bus"]] == [False]
    assert list(found) == CHECKS[:-2]


def test_a_store_that_cannot_be_opened_is_found_and_the_rest_is_examined(home: Path) -> None:
    found = examined(home, {"ENLACE_STORE__URL": "sqlite:////nowhere/store.db"})

    assert [row["ok"] for row in found["store"]] == [False]
    assert {*found} == {*CHECKS, "store"}


def test_documents_that_are_missing_are_found(home: Path) -> None:
    for file in (home / "documents").iterdir():
        file.unlink()

    assert "documents cannot be used" in wrong(home, "expiry")


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (31, None),
        (30, "within 30 days"),
        (7.5, "within 30 days"),
        (7, "within 7 days"),
        (1, "within 1 day"),
        (0, "ended"),
    ],
)
def test_what_ends_soon_is_named_30_7_and_1_day_ahead(days: float, text: str | None) -> None:
    found = near([End(what="the key", at=NOW + int(days * DAY_MS), hint="renew it")], NOW)

    assert [(text in row.found, row.ok) for row in found if text] == ([(True, False)] if text else [])
    assert bool(found) == (text is not None)


def test_a_certificate_that_ends_soon_is_found(home: Path, tmp_path: Path) -> None:
    """A real certificate of a year, made 340 days ago; both files have a certificate that ends."""
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=340)
    Authority(tmp_path / "tls", made).issue("BZ")
    tls = tmp_path / "tls"
    env = {
        "ENLACE_BUS__CA_FILE": str(tls / "ca.pem"),
        "ENLACE_BUS__CERTIFICATE_FILE": str(tls / "BZ.pem"),
        "ENLACE_BUS__KEY_FILE": str(tls / "BZ.key"),
    }
    found = wrong(home, "expiry", env)

    assert "a certificate of bus.certificate_file ends within 30 days" in found
    assert "a certificate of bus.ca_file ends within 30 days" in found


def test_the_node_document_of_an_expired_node_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documents of a lab are valid for ten years."""
    monkeypatch.setattr("node.doctor.examine.now_ms", lambda: NOW + 4000 * DAY_MS)

    assert "the NODE document of BZ ended" in wrong(home, "expiry")


def test_a_clock_that_is_behind_two_others_is_found() -> None:
    """One node alone may be wrong itself."""
    minute, machine_ms = 60_000, SinceBoot(boot="test", ms=1)

    assert machine.clock(judge_clock(NOW, machine_ms, (NOW + 9 * minute, NOW + 8 * minute), None)).ok is False
    assert machine.clock(judge_clock(NOW, machine_ms, (NOW + 9 * minute, NOW - minute), None)).ok is True
    assert machine.clock(None).ok is True


def test_a_clock_that_status_calls_implausible_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examination has the rule of the daemon, and what the daemon knows."""
    found = ClockProblem(reason=ClockReason.STEPPED, message="it was set")
    monkeypatch.setattr("node.integrity.clock_checks.find", lambda *_: found)

    assert "it was set" in wrong(home, "clock")


def test_a_disk_without_space_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.disk_space(tmp_path).ok == (machine.disk_space(tmp_path).hint is None)
    monkeypatch.setattr(machine, "FREE_BYTES_MIN", 1 << 62)

    assert machine.disk_space(tmp_path).ok is False


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A folder as /sys/dev/block, whose device for `tmp_path` is a volume on two parts."""
    number = tmp_path.stat().st_dev
    made = tmp_path / "sys" / f"{os.major(number)}:{os.minor(number)}"
    for part in ("one", "two"):
        (made / "slaves" / part / "dm").mkdir(parents=True)
    return made


def test_an_encrypted_volume_is_seen_below_other_layers(tmp_path: Path, device: Path) -> None:
    """Only if each part is encrypted."""
    assert machine.volume(tmp_path, tmp_path / "sys").found.startswith("unknown")
    (device / "slaves" / "one" / "dm" / "uuid").write_text("CRYPT-LUKS2-1")
    assert machine.volume(tmp_path, tmp_path / "sys").found.startswith("unknown")
    (device / "slaves" / "two" / "dm" / "uuid").write_text("CRYPT-LUKS2-2")

    assert machine.volume(tmp_path, tmp_path / "sys").found == f"{tmp_path} is on an encrypted volume"
    assert machine.volume(tmp_path, tmp_path / "none").found.startswith("unknown")
