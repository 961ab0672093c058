"""Translates an error of a service for users of the command line.

A service names the field that is wrong (`since`) and does not know any command. This module holds, for each command,
how the command line spells its fields, and the hints that mention options or other commands. Pure. Rules:

- A path that is not in the table of its command stays: it names a key of a file or a field of a report.
- A hint of the service stays. A hint from here is added only where the service gave none.
- One exception: the gateway names the header of a token, and the command line names its option instead.
"""

from dataclasses import dataclass
from typing import Final

from node.errors import EnlaceError, Refused, UsageError

_ID: Final = {"id": "ID"}
_SHOWN: Final = "`enlace search` shows the reports with their ids"
_QUARANTINED: Final = "`enlace quarantine list` shows what is"
_WEBHOOKS: Final = "`enlace webhook list` shows the webhooks"
_QUARANTINE: Final = {"code": "--code", "originator": "--originator", "stream": "--stream"}

SPELLINGS: Final[dict[str, dict[str, str]]] = {
    "check": {"purpose": "--purpose", "reason": "--reason"},
    "backup": {"file": "FILE"},
    "db copy": {"from": "FROM", "to": "TO"},
    "access list": {"since": "--since", "until": "--until", "operation": "--operation", "after": "--after"},
    "access verify": {"head": "--head", "file": "--backup"},
    "restore": {"file": "FILE", "home": "--home", "to": "store.url"},
    "audit replay": {"bus": "--bus", "documents": "--documents", "stream": "--stream", "until": "--until"},
    "findings acknowledge": {**_ID, "reason": "--reason"},
    "governance install": {"home": "--home"},
    "follow": {"after": "--after", "originator": "--originator", "subject": "--subject"},
    "governance keygen": _ID,
    "explain": {"code": "CODE"},
    "governance sign": {"key": "--key"},
    "import": {"report_file": "--report"},
    "init": {"node": "--node"},
    "lab": {"agreements": "--agreements", "nodes": "--nodes"},
    "policy explain": {"at": "--at", "from": "--from", "to": "--to"},
    "outbox resend": {**_ID, "to": "--to"},
    "outbox withdraw": _ID,
    "pending drop": {**_ID, "originator": "--originator"},
    "pending list": {"originator": "--originator"},
    "quarantine list": _QUARANTINE,
    "quarantine purge": {**_ID, **_QUARANTINE, "before": "--before"},
    "quarantine summary": _QUARANTINE,
    "quarantine retry": _ID,
    "reread": {"topic": "TOPIC", "from": "--from"},
    "quarantine show": _ID,
    "receipts": _ID,
    "search": {
        "after": "--after",
        "identifier": "--identifier",
        "originator": "--originator",
        "purpose": "--purpose",
        "reason": "--reason",
        "since": "--since",
        "subject": "--subject",
        "text": "--text",
    },
    "token create": {"name": "--name", "scope": "--scope", "days": "--days", "rate": "--rate"},
    "token revoke": _ID,
    "show": {**_ID, "purpose": "--purpose", "reason": "--reason"},
    "webhook create": {
        "originators": "--originator",
        "purpose": "--purpose",
        "reason": "--reason",
        "secret": "--secret-file",
        "subjects": "--subject",
        "url": "URL",
    },
    "webhook delete": _ID,
    "webhook deliveries": _ID,
    "webhook resend": _ID,
}
"""Command -> field of its service -> option or argument as the command line spells it."""


_CREDENTIAL: Final = "name its file with --token-file or ENLACE_TOKEN_FILE; an administrator creates tokens"

OF_GATEWAY: Final = {
    "Authorization": "--token-file",
    "gateway": "--gateway",
    "token_file": "--token-file",
    "ca_file": "--ca-file",
    "include_expired": "--include-expired",
    "Last-Event-ID": "--after",
    "purpose": "--purpose",
    "reason": "--reason",
    "Enlace-Purpose": "--purpose",
    "Enlace-Reason": "--reason",
}
"""Fields of commands that work through a gateway, in every command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """What a user of the command line can do about an error."""

    hint: str
    code: str | None = None
    """None: every code of the kind."""

    kind: type[EnlaceError] = EnlaceError


WAYS_OUT: Final[dict[str, tuple[WayOut, ...]]] = {
    "audit replay": (
        WayOut(code="home_missing", hint="give --bus URL and --documents FOLDER, or a node's --home DIR for both"),
    ),
    "db copy": (WayOut(code="store_too_old", hint="call `enlace db upgrade` on its home first"),),
    "restore": (WayOut(code="store_not_empty", hint="name another database in ENLACE_STORE__URL"),),
    "governance install": (WayOut(code="home_missing", hint="give --home DIR or set ENLACE_HOME"),),
    "governance sign": (
        WayOut(code="home_missing", hint="give --key FILE or --home DIR"),
        WayOut(
            code="key_not_counted",
            hint="give --key with the file that `enlace keys separate` made, or set keys.agree_file",
        ),
    ),
    "policy explain": (
        WayOut(kind=Refused, hint="`enlace publish --dry-run` lists everything that is wrong with a report"),
        WayOut(code="not_json", kind=UsageError, hint="--report takes one JSON object"),
        WayOut(code="not_an_object", kind=UsageError, hint="--report takes one JSON object"),
        WayOut(code="too_large", kind=UsageError, hint="--report takes one JSON object"),
    ),
    "outbox resend": (WayOut(code="not_found", hint=f"{_SHOWN}; `enlace outbox list` shows those not yet in the log"),),
    "outbox withdraw": (WayOut(code="not_found", hint="`enlace outbox list` shows what can be withdrawn"),),
    "pending drop": (WayOut(code="not_found", hint="`enlace pending list` shows what waits or is held"),),
    "quarantine purge": (WayOut(code="not_found", hint=_QUARANTINED),),
    "quarantine retry": (WayOut(code="not_found", hint=_QUARANTINED),),
    "quarantine show": (WayOut(code="not_found", hint=_QUARANTINED),),
    "receipts": (
        WayOut(code="not_originator", hint="`enlace show ID` shows its outcome at this node"),
        WayOut(code="not_found", hint=_SHOWN),
    ),
    "reread": (WayOut(code="topic_unknown", hint="`enlace status` lists the topics"),),
    "token revoke": (WayOut(code="not_found", hint="`enlace token list` shows the tokens"),),
    "show": (WayOut(code="not_found", hint=f"{_SHOWN}; `enlace withheld list` shows those that were withheld"),),
    "webhook delete": (WayOut(code="not_found", hint=_WEBHOOKS),),
    "webhook deliveries": (WayOut(code="not_found", hint=_WEBHOOKS),),
    "webhook resend": (WayOut(code="not_found", hint=_WEBHOOKS),),
}
"""Command -> its ways out; the first one that fits is used."""


def command_of(arguments: list[str]) -> str:
    """The command that arguments name, as `policy explain`; empty for one that is in neither table."""
    known = SPELLINGS.keys() | WAYS_OUT.keys()
    names = (" ".join(arguments[:length]) for length in (2, 1))
    return next((name for name in names if name in known), "")


def worded(error: EnlaceError, command: str) -> EnlaceError:
    """Set path and hint of `error` for the command line; returns the same error, so that its class stays."""
    fitting = (way.hint for way in WAYS_OUT.get(command, ()) if _fits(way, error))
    error.hint = _CREDENTIAL if error.path == "Authorization" else error.hint or next(fitting, None)
    if error.path is not None:
        error.path = (OF_GATEWAY | SPELLINGS.get(command, {})).get(error.path, error.path)
    return error


def _fits(way: WayOut, error: EnlaceError) -> bool:
    return isinstance(error, way.kind) and way.code in (None, error.code)
