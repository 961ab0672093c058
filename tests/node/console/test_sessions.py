"""When a session begins and ends."""

import itertools

import pytest

from node.console.sessions import IDLE_MS_MAX, SESSION_MS_MAX, SESSIONS_MAX, Sessions
from node.integrators.caller import Caller
from node.integrators.scopes import ALL

CALLER = Caller(name="ana", scopes=ALL, actor="token ana (1)", token_id="1")
NOW = 1_000_000


@pytest.fixture
def sessions() -> Sessions:
    """Sessions with ids that differ."""
    numbers = itertools.count(1)
    return Sessions(lambda size: next(numbers).to_bytes(size, "big"))


def test_a_session_is_found_by_its_id_only(sessions: Sessions) -> None:
    """Another id, or the hash under which it is kept, finds nothing."""
    id_, session = sessions.begin(CALLER, NOW)
    assert sessions.seen(id_, NOW) is session
    assert sessions.seen(id_[:-1] + "x", NOW) is None
    assert sessions.seen("", NOW) is None


def test_a_session_without_requests_ends(sessions: Sessions) -> None:
    """Each request prolongs it; the end of the idle time does not."""
    id_, _ = sessions.begin(CALLER, NOW)
    assert sessions.seen(id_, NOW + IDLE_MS_MAX - 1) is not None
    assert sessions.seen(id_, NOW + 2 * IDLE_MS_MAX - 2) is not None
    assert sessions.seen(id_, NOW + 3 * IDLE_MS_MAX - 2) is None
    assert len(sessions) == 0


def test_a_session_ends_after_a_shift_even_if_it_is_used(sessions: Sessions) -> None:
    """Requests do not prolong it beyond its longest time."""
    id_, _ = sessions.begin(CALLER, NOW)
    for time in range(NOW, NOW + SESSION_MS_MAX, IDLE_MS_MAX // 2):
        assert sessions.seen(id_, time) is not None
    assert sessions.seen(id_, NOW + SESSION_MS_MAX) is None


def test_at_the_limit_the_session_that_waited_longest_ends(sessions: Sessions) -> None:
    """The number of sessions is limited, and the newest login works."""
    first, _ = sessions.begin(CALLER, NOW)
    second, _ = sessions.begin(CALLER, NOW)
    sessions.seen(first, NOW + 5)
    for _ in range(SESSIONS_MAX - 2):
        sessions.begin(CALLER, NOW + 6)
    last, _ = sessions.begin(CALLER, NOW + 7)
    assert len(sessions) == SESSIONS_MAX
    assert [sessions.seen(id_, NOW + 8) is not None for id_ in (first, second, last)] == [True, False, True]


def test_a_form_belongs_to_one_session(sessions: Sessions) -> None:
    """The text of another session, an empty one and one that cannot be encoded are refused."""
    _, one = sessions.begin(CALLER, NOW)
    _, other = sessions.begin(CALLER, NOW)
    assert one.carries(one.form_token)
    assert not any(one.carries(text) for text in (other.form_token, "", "\ud800"))


def test_a_session_shows_no_secret_of_itself(sessions: Sessions) -> None:
    """The text of its forms is not in its own text, which a log might have."""
    _, session = sessions.begin(CALLER, NOW)
    assert session.form_token not in repr(session)
