"""Nodes on the embedded log that are killed at random moments."""

from pathlib import Path

import pytest

from tests.support import kills


@pytest.mark.parametrize("rounds", [kills.ROUNDS, pytest.param(kills.ROUNDS_SLOW, marks=pytest.mark.slow)])
def test_what_was_accepted_is_stored_once_by_all_entitled_whoever_is_killed(rounds: int, tmp_path: Path) -> None:
    """The publishing command, the publishing and the receiving daemon, in any choice."""
    kills.campaign(kills.exchange(tmp_path), rounds)
