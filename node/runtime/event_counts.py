"""Counts the log events that other parties can cause: the first one is a line, and the next ones are counted.

- Events are counted by name, by who is concerned (originator, topic or recipient), and by code. These have few values.
- After INTERVAL_SECONDS a group that has counted something is logged as `events_repeated`, and counts on. A group that
  has counted nothing is forgotten, so its next event is a line again.
- No count is lost: when the daemon ends, it logs what was counted until then.
"""

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

log = structlog.get_logger()

COUNTED: Final = frozenset(
    {
        "caller_refused",
        "connection_turned_away",
        "gap_found",
        "handshake_failed",
        "message_waits_too_long",
        "originator_paused",
        "own_stream_foreign",
        "receipt_ignored",
        "record_not_read_back",
        "record_quarantined",
        "records_deferred",
        "records_lost",
        "rejection_reported",
        "stream_blocked",
        "stream_fault",
        "stream_stalled",
    }
)
"""The events that others can cause as often as they like."""

INTERVAL_SECONDS: Final = 60.0
GROUPS_MAX: Final = 10_000  # members times codes are far fewer; what is above is counted together
_CONCERNED: Final = ("originator", "topic", "recipient", "stream")
_CODES: Final = ("code", "reason", "step")


@dataclass(slots=True, kw_only=True)
class _Group:
    """What was counted since the last line."""

    since: float
    level: str
    times: int = 0
    records: int = 0


_Name = tuple[str, str, str]
_TOGETHER: Final[_Name] = ("several", "", "")


class EventCounts:
    """The counts of one process: a processor of structlog, and `write`, which logs what was counted."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._groups: dict[_Name, _Group] = {}

    def __call__(self, _logger: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Let the first event of a group pass; count the others and drop them."""
        if event["event"] not in COUNTED:
            return event
        name = _name_of(event)
        if name not in self._groups and len(self._groups) >= GROUPS_MAX:
            name = _TOGETHER
        group = self._groups.get(name)
        if group is None:
            self._groups[name] = _Group(since=self._seconds(), level=level)
            return event
        group.times += 1
        group.records += event.get("records", 1)
        raise structlog.DropEvent

    def write(self, *, everything: bool = False) -> None:
        """Log the counts of the groups whose interval has ended, or of all groups."""
        now = self._seconds()
        for name, group in list(self._groups.items()):
            if not everything and now - group.since < INTERVAL_SECONDS:
                continue
            del self._groups[name]
            if group.times:
                _log(name, group, now)
                self._groups[name] = _Group(since=now, level=group.level)


def _name_of(event: MutableMapping[str, Any]) -> _Name:
    concerned = next((str(event[field]) for field in _CONCERNED if field in event), "")
    return str(event["event"]), concerned, next((str(event[field]) for field in _CODES if field in event), "")


def _log(name: _Name, group: _Group, now: float) -> None:
    """Log at the level of the events, so that a configured level shows or hides both."""
    event, concerned, code = name
    counted = {"of": event, "concerned": concerned, "code": code, "times": group.times, "records": group.records}
    seconds = round(now - group.since)
    if group.level == "error":
        log.error("events_repeated", **counted, seconds=seconds)
    else:
        log.warning("events_repeated", **counted, seconds=seconds)
