"""Nodes on the embedded log that are killed at random moments."""

from pathlib import Path

import pytest

from tests.support import kills


@pytest.mark.parametrize("rounds", [kills.ROUNDS, pytest.param(kills.ROUNDS_SLOW, marks=pytest.mark.slow)])
def test_every_accepted_report_is_stored_once_by_all_entitled_nodes_despite_kills(rounds: int, tmp_path: Path) -> None:
    """Any of the publishing command, the publishing daemon and the receiving daemons is killed."""
    kills.campaign(kills.exchange(tmp_path), rounds)
