"""The access log after a restore and after an adoption: it goes on, and a verification finds what was lost, only."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement, lab, publish, running, settle


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """BZ has sent a report, and its daemon signed the end of the access log."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    publish(made["BZ"], "alfa")
    with running(made["BZ"]):
        settle(made["BZ"])
    return made


def verified(home: Path, *options: str | Path) -> dict[str, Any]:
    [answer] = cli("access", "verify", *options, home=home).objects
    return answer


def codes(answer: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in answer["findings"]]


def test_after_a_restore_the_log_is_whole_and_goes_on(homes: dict[str, Path], tmp_path: Path) -> None:
    """Heads up to the backup fit; the daemon signs what comes after it."""
    bz, gt = homes["BZ"], homes["GT"]
    ok("backup", tmp_path / "bz.backup", "--with-keys", home=bz)
    before = verified(bz)
    (tmp_path / "kept").write_text(json.dumps(before))
    publish(bz, "bravo")
    with running(bz):
        settle(bz)
    shutil.rmtree(bz)
    ok("restore", tmp_path / "bz.backup", home=bz)
    restored = verified(bz, "--head", tmp_path / "kept")
    publish(bz, "charlie")
    with running(bz, gt):
        settle(bz, gt)
    after = verified(bz, "--head", tmp_path / "kept")

    assert (codes(before), codes(restored), codes(after)) == ([], [], [])
    assert before["signed"]["entry"] <= restored["signed"]["entry"] < after["signed"]["entry"]
    assert after["unsigned"] == 0
    assert after["entries"] > before["entries"]


def test_a_head_that_was_kept_after_the_backup_shows_that_entries_were_lost(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """A restore loses the entries since the backup; an auditor must learn of it, at once and later."""
    bz = homes["BZ"]
    ok("backup", tmp_path / "bz.backup", "--with-keys", home=bz)
    for text in ("bravo", "charlie"):
        publish(bz, text)
    with running(bz):
        settle(bz)
    (tmp_path / "kept").write_text(json.dumps(verified(bz)))
    shutil.rmtree(bz)
    ok("restore", tmp_path / "bz.backup", home=bz)
    restored = verified(bz, "--head", tmp_path / "kept")
    for number in range(8):
        publish(bz, f"delta {number}")
    later = verified(bz, "--head", tmp_path / "kept")

    assert (codes(restored), codes(later)) == (["access_log_cut"], ["access_head_differs"])


def test_a_store_that_is_older_than_the_home_contradicts_the_signed_heads(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """As when a snapshot of the database alone came back. The adoption goes on with it, and hides nothing of it."""
    bz = homes["BZ"]
    for suffix in ("", "-wal", "-shm"):
        if (bz / f"store.db{suffix}").exists():
            shutil.copy(bz / f"store.db{suffix}", tmp_path)
    publish(bz, "bravo")
    with running(bz):
        settle(bz)
    for suffix in ("", "-wal", "-shm"):
        (bz / f"store.db{suffix}").unlink(missing_ok=True)
        if (tmp_path / f"store.db{suffix}").exists():
            shutil.copy(tmp_path / f"store.db{suffix}", bz)
    [adopted] = ok("adopt", home=bz)
    found = verified(bz)

    assert [stream["stream"] for stream in adopted["adopted"]] == ["intel.caribbean"]
    assert codes(found) == ["access_log_cut"]


def test_after_an_adoption_of_a_whole_node_the_log_is_whole(homes: dict[str, Path], tmp_path: Path) -> None:
    """A copy of the home that is older than the log."""
    bz, gt = homes["BZ"], homes["GT"]
    shutil.copytree(bz, tmp_path / "copy")
    publish(bz, "bravo")
    step(bz, gt)
    shutil.rmtree(bz)
    (tmp_path / "copy").rename(bz)
    ok("adopt", home=bz)
    again = json.dumps(report(narrative={"text": "bravo", "language": "en"})).encode()
    [repeated] = ok("publish", "-", home=bz, data=again)
    with running(bz, gt):
        settle(bz, gt)

    assert repeated["outcome"] == "duplicate"
    assert codes(verified(bz)) == []
    assert verified(bz)["unsigned"] == 0
