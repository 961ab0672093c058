"""node/database/postgres_claim.py: one session has the claim to a store, until its connection ends."""

from collections.abc import Iterator

import pytest

from node.database.backend import Backend, StoreOptions
from node.database.engine import backend_at
from node.errors import Unavailable
from tests.support import postgres

END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"


@pytest.fixture
def backend() -> Iterator[Backend]:
    made = backend_at(postgres.database(), StoreOptions())
    yield made
    made.writer.dispose()
    made.reader.dispose()


def test_the_second_claim_is_refused_until_the_first_is_released(backend: Backend) -> None:
    """And the one who has it keeps it."""
    first, second = backend.claim(), backend.claim()

    assert [first.take(), second.take(), first.take()] == [True, False, True]
    first.release()
    assert [second.take(), first.take()] == [True, False]
    second.release()


def test_a_connection_that_ended_has_lost_the_claim(backend: Backend) -> None:
    """The owner learns it, and gets the claim again only if it is free."""
    first, second = backend.claim(), backend.claim()
    assert first.take()
    with backend.writer.connect() as connection:
        connection.exec_driver_sql(END_SESSIONS)

    assert second.take()
    with pytest.raises(Unavailable, match="ended"):
        first.take()
    assert not first.take()
    second.release()
    assert first.take()
    first.release()
