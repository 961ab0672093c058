"""The sessions of the console: who is logged in, for how long, and why this person reads reports.

In memory: a restart of the gateway ends all sessions. Pure: time and random bytes are arguments. Rules:

- a cookie holds a random id; here only its hash is kept;
- a session ends after a time without a request, after a time in all, at log-out, and when its token ends;
- a form carries the session's own random text, and a POST without it does nothing;
- at the limit, the session without a request for the longest time ends.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from node.commands.justification import Justification
from node.integrators.caller import Caller

IDLE_MS_MAX: Final = 15 * 60 * 1000  # without a request: an unattended desk must not stay open
SESSION_MS_MAX: Final = 8 * 60 * 60 * 1000  # in all: one shift
SESSIONS_MAX: Final = 1_000
ID_BYTES: Final = 32


@dataclass(slots=True, kw_only=True)
class Session:
    """One login."""

    caller: Caller
    form_token: str = field(repr=False)
    """What each form of the session has to carry."""

    begun_at: int
    seen_at: int
    why: Justification = field(default_factory=Justification)
    """Purpose and reason for which this person reads reports; the access log keeps them."""

    def is_over(self, now: int) -> bool:
        """Whether the session ended by itself."""
        return now - self.seen_at >= IDLE_MS_MAX or now - self.begun_at >= SESSION_MS_MAX

    def carries(self, form_token: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode("utf-8", "surrogatepass"))


class Sessions:
    """Every session of one gateway."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._by_hash: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._by_hash)

    def begin(self, caller: Caller, now: int) -> tuple[str, Session]:
        """A new session, and the id for its cookie."""
        self._drop_over(now)
        if len(self._by_hash) >= SESSIONS_MAX:
            del self._by_hash[min(self._by_hash, key=lambda hash_: self._by_hash[hash_].seen_at)]
        id_ = self._random(ID_BYTES).hex()
        session = Session(caller=caller, form_token=self._random(ID_BYTES).hex(), begun_at=now, seen_at=now)
        self._by_hash[_hash(id_)] = session
        return id_, session

    def seen(self, id_: str, now: int) -> Session | None:
        """The session of a cookie, which goes on from `now` (ms); None if there is no such session."""
        session = self._by_hash.get(_hash(id_))
        if session is None:
            return None
        if session.is_over(now):
            self.end(id_)
            return None
        session.seen_at = now
        return session

    def end(self, id_: str) -> None:
        """End the session of a cookie, if there is one."""
        self._by_hash.pop(_hash(id_), None)

    def _drop_over(self, now: int) -> None:
        self._by_hash = {hash_: session for hash_, session in self._by_hash.items() if not session.is_over(now)}


def _hash(id_: str) -> bytes:
    return hashlib.sha256(id_.encode("utf-8", "surrogatepass")).digest()
