"""Nodes on the embedded log that are killed at random moments, on each database."""

from pathlib import Path

import pytest

from tests.support import kills, stores


@pytest.mark.parametrize(
    ("database", "rounds"),
    [
        (stores.SQLITE, kills.ROUNDS),
        (stores.POSTGRESQL, kills.ROUNDS_SAMPLE),
        *(pytest.param(database, kills.ROUNDS_SLOW, marks=pytest.mark.slow) for database in stores.DATABASES),
    ],
)
def test_every_accepted_report_is_stored_once_by_all_entitled_nodes_despite_kills(
    database: str, rounds: int, tmp_path: Path
) -> None:
    """Any of the publishing command, the publishing daemon and the receiving daemons is killed."""
    homes = kills.exchange(tmp_path)
    stores.use(database, homes.values())
    kills.campaign(homes, rounds)
