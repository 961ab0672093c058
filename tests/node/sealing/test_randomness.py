"""A node accepts and seals nothing if its source of randomness repeats values or returns too few bytes."""

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


def restarting(period: int) -> Callable[[int], bytes]:
    """A source that starts again after `period` values, like a copy of a virtual machine."""
    draws = 0

    def draw(size: int) -> bytes:
        nonlocal draws
        draws += 1
        return (draws % period).to_bytes(12, "big").ljust(size, b"\1")

    return draw


STUCK = {"constant": constant, "starts again": restarting(5), "short": lambda size: os.urandom(size - 1)}


@pytest.mark.parametrize("source", STUCK.values(), ids=STUCK)
def test_a_source_that_repeats_values_or_returns_too_few_bytes_is_refused(source: Callable[[int], bytes]) -> None:
    random = NonRepeatingRandom(source)
    with pytest.raises(Unavailable) as error:
        _ = [random(size) for size in (32, 16, 12, 32, 16, 12)]
    assert error.value.code == "randomness_failed"


def test_a_constant_source_is_refused_at_the_first_value() -> None:
    """A known key is not safe to use even once."""
    with pytest.raises(Unavailable):
        NonRepeatingRandom(constant)(32)


def test_a_working_source_is_never_refused_and_the_memory_is_bounded() -> None:
    random = NonRepeatingRandom(os.urandom)

    assert {len(random(size)) for size in (12, 16, 32) * 4000} == {12, 16, 32}
    assert len(random._seen) == DRAWS_REMEMBERED_MAX


def test_a_value_too_short_to_compare_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least 12 bytes"):
        NonRepeatingRandom(os.urandom)(11)


def test_a_node_with_a_constant_source_accepts_nothing_and_seals_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`publish` exits with 4. A report accepted before stays unsealed, and is sent when the source works again."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING",)))["BZ"]
    ok("publish", "-", home=home, data=json.dumps(report()).encode())

    with monkeypatch.context() as stuck:
        stuck.setattr("node.system_random.os.urandom", constant)
        refused = cli("publish", "-", home=home, data=json.dumps(report(subjects=["CONTRABAND"])).encode())
        with pytest.raises(Unavailable, match="repeats values"):
            step(home)
    [status] = ok("status", home=home)

    assert (refused.exit, refused.error["code"]) == (4, "randomness_failed")
    assert status["outbox"] == {"accepted": 1, "sealed": 0, "sent": 0}
    step(home)
    assert len(ok("search", "--all", home=home)) == 1
