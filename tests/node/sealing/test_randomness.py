"""A source of randomness that is stuck, or runs short, seals nothing and accepts nothing."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from node.errors import Unavailable
from node.sealing.randomness import DRAWS_REMEMBERED_MAX, NonRepeatingRandom
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement, lab


def constant(size: int) -> bytes:
    return bytes(size)


def forked(period: int) -> Callable[[int], bytes]:
    """Begins again after some draws, as the copy of a seeded machine does."""
    draws = 0

    def draw(size: int) -> bytes:
        nonlocal draws
        draws += 1
        return (draws % period).to_bytes(12, "big").ljust(size, b"\1")

    return draw


STUCK = {"constant": constant, "begins again": forked(5), "short": lambda size: os.urandom(size - 1)}


@pytest.mark.parametrize("source", STUCK.values(), ids=STUCK)
def test_a_source_that_repeats_itself_or_runs_short_is_refused(source: Callable[[int], bytes]) -> None:
    random = NonRepeatingRandom(source)
    with pytest.raises(Unavailable) as error:
        _ = [random(size) for size in (32, 16, 12, 32, 16, 12)]
    assert error.value.code == "randomness_failed"


def test_a_constant_source_gives_not_even_one_draw() -> None:
    """A key that is known is not better for having been used once."""
    with pytest.raises(Unavailable):
        NonRepeatingRandom(constant)(32)


def test_a_sound_source_goes_on_for_ever_and_its_memory_is_bounded() -> None:
    random = NonRepeatingRandom(os.urandom)

    assert {len(random(size)) for size in (12, 16, 32) * 4000} == {12, 16, 32}
    assert len(random._seen) == DRAWS_REMEMBERED_MAX


def test_a_draw_that_may_repeat_by_chance_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least 12 bytes"):
        NonRepeatingRandom(os.urandom)(11)


def test_a_node_whose_randomness_is_stuck_accepts_nothing_and_seals_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 4, nothing in the outbox; what was accepted before waits unsealed, and leaves when the source is sound."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING",)))["BZ"]
    ok("publish", "-", home=home, data=json.dumps(report()).encode())

    with monkeypatch.context() as stuck:
        stuck.setattr("node.system_random.os.urandom", constant)
        refused = cli("publish", "-", home=home, data=json.dumps(report(subjects=["CONTRABAND"])).encode())
        with pytest.raises(Unavailable, match="repeats itself"):
            step(home)
    [status] = ok("status", home=home)

    assert (refused.exit, refused.error["code"]) == (4, "randomness_failed")
    assert status["outbox"] == {"accepted": 1, "sealed": 0, "sent": 0}
    step(home)
    assert len(ok("search", "--all", home=home)) == 1
