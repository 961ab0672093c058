"""No key and no plaintext leaves a node: not in log lines, errors, tracebacks, notes or the broker's file."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from node.runtime import logs
from node.store import stream_findings
from schemas.types import LogFormat, LogLevel, LogSection
from tests.node.verification.test_bad_records import CASES, FIRST
from tests.support.bed import bed
from tests.support.community import keys_of
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement, lab

TEXT = "A go-fast boat was seen off the cays."
VESSEL = "Sea Test"
PIECE_SIZE_BYTES = 12  # a piece of a key that cannot appear by accident


def secrets(*keys: bytes) -> Iterator[str]:
    """The plaintexts, and each key in the forms in which a careless log line would show it."""
    yield from (TEXT, VESSEL)
    for key in keys:
        for start in range(0, len(key) - PIECE_SIZE_BYTES + 1, PIECE_SIZE_BYTES):
            piece = key[start : start + PIECE_SIZE_BYTES]
            yield piece.hex()
            yield base64.b64encode(piece).decode()  # pieces begin at multiples of 3, as base64 has them
            yield repr(piece)[2:-1]


def private_keys(*codes: str) -> list[bytes]:
    """Every private key of some nodes."""
    return [key.private for code in codes for key in keys_of(code).keys]


def shown(text: str, *keys: bytes) -> list[str]:
    """The secrets that a text shows."""
    return [secret for secret in secrets(*keys) if secret in text]


def test_the_scan_finds_a_key_and_a_plaintext_in_each_form() -> None:
    """The scan that finds nothing in the tests below finds this."""
    [key, *_] = private_keys("BZ")

    assert len(shown(f"x {key.hex()} y", key)) == len(key) // PIECE_SIZE_BYTES
    assert shown(base64.b64encode(key).decode(), key)
    assert shown(repr({"key": key}), key)
    assert shown(json.dumps({"text": f"said: {TEXT}"})) == [TEXT]


def of_broker(folder: Path) -> bytes:
    """All bytes that the operator of the broker has."""
    return b"".join(file.read_bytes() for file in folder.glob("log.db*"))


async def test_no_attack_makes_a_reader_reveal_a_secret(tmp_path: Path) -> None:
    """Each bad record of test_bad_records.py, at the most detailed log level."""
    async with bed(tmp_path) as scene:
        keys = [*private_keys("BZ", "GT"), scene.key.key]
        with capture_logs() as events:
            await scene.read(scene.bz.message(scene.key, message_id=FIRST))
            for _, make in CASES.values():
                await scene.read(make(scene), scene.bz.message(scene.key))
        refused = await scene.quarantine()
        findings = await scene.gt.store.read(stream_findings.standing)

        assert len(refused) == len(CASES)
        assert events
        assert shown(repr(events), *keys) == []
        assert shown(repr([(kept.entry, kept.record.detail) for kept in refused]), *keys) == []
        assert shown(repr(findings), *keys) == []
    data = of_broker(tmp_path)
    assert data.count(b"intel.caribbean") > len(CASES)
    assert not [secret for secret in (TEXT.encode(), VESSEL.encode(), *keys) if secret in data]


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_traceback_shows_no_local_variable(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    """The frames around a bug in the handling of a message hold keys and payload."""
    [key, *_] = private_keys("BZ")
    plain = TEXT + VESSEL
    logs.configure(LogSection(level=LogLevel.debug, format=form))
    try:
        assert plain
        raise RuntimeError("a bug")
    except RuntimeError:
        structlog.get_logger().exception("bug")
    structlog.reset_defaults()
    said = capsys.readouterr().err

    assert "bug" in said
    assert shown(said, key) == []


def test_a_refused_report_a_broken_log_and_a_bug_reveal_nothing_of_a_payload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, as a supervisor collects it; the answer on stdout names the field and not the narrative."""
    folder = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING",)))
    home, other = folder["BZ"], folder["GT"]
    ok("publish", "-", home=home, data=json.dumps(report()).encode())
    step(home, other)
    refused = cli("publish", "-", home=home, data=json.dumps(report(purpose="NONSENSE")).encode())
    broken = cli("publish", "-", home=home, data=json.dumps(report()).encode()[:-20])

    def bug(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("node.sending.publish.Publisher._answers", bug)
    crashed = [
        cli("publish", "-", home=home, data=json.dumps(report(subjects=["CONTRABAND"])).encode(), json_=json_)
        for json_ in (True, False)
    ]

    assert (refused.exit, broken.exit, [ran.exit for ran in crashed]) == (1, 1, [70, 70])
    for ran in (refused, broken, *crashed):
        assert shown(ran.out + ran.err) == []
