"""The CPU time of each stage within a run.

During the run, the functions at which a stage starts are replaced by functions that measure. The time of an inner stage
does not count for the outer one. The compared runs are not measured in this way, because it costs time.
"""

import functools
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from broker.embedded.log import EmbeddedLog
from node.database.engine import Store
from node.reports import rules
from node.sealing import merkle, public_keys, seal
from node.sending import addressed_drafts, publish, seal_drafts
from node.sharing import grants, policy, recipients
from node.verification import (
    judge,
    open_types,
    opening,
    verify,
)
from schemas.avro import codec

CODEC: Final = "codec"
CRYPTOGRAPHY: Final = "cryptography"
POLICY: Final = "policy"
DATABASE: Final = "database"
LOG: Final = "log"
REST: Final = "rest"
STAGES: Final = (CODEC, CRYPTOGRAPHY, POLICY, DATABASE, LOG, REST)

_ENTRANCES: Final[tuple[tuple[str, Any, str], ...]] = (
    (CODEC, codec, "decode"),
    (CODEC, codec, "encode"),
    (CODEC, codec, "sorted_set"),
    (CRYPTOGRAPHY, public_keys, "verify_ed25519"),
    (CRYPTOGRAPHY, merkle, "leaf_hash"),
    (CRYPTOGRAPHY, merkle, "path_is_valid"),
    (CRYPTOGRAPHY, merkle, "tree"),
    (CRYPTOGRAPHY, opening, "open_content"),
    (CRYPTOGRAPHY, opening, "message_key"),
    (CRYPTOGRAPHY, opening, "digest"),
    (CRYPTOGRAPHY, verify, "digest"),
    (CRYPTOGRAPHY, seal, "digest"),
    (CRYPTOGRAPHY, seal, "expand"),
    (CRYPTOGRAPHY, seal, "seal_content"),
    (CRYPTOGRAPHY, seal_drafts, "make_grants"),
    (CRYPTOGRAPHY, grants.AudienceKeys, "key"),
    (POLICY, policy, "decide"),
    (POLICY, recipients.RecipientCache, "decide"),
    (POLICY, publish, "labels_of"),
    (POLICY, addressed_drafts, "labels_of"),
    (CODEC, addressed_drafts, "audience_hash"),
    (POLICY, addressed_drafts, "audience_of"),
    (POLICY, rules, "check"),
    (POLICY, opening, "labels_agree"),
    (POLICY, opening, "check_lawful"),
    (POLICY, judge, "check_key_validity"),
    (POLICY, open_types, "check_body"),
    (LOG, EmbeddedLog, "append"),
    (LOG, EmbeddedLog, "fetch"),
)


class Accounts:
    """CPU seconds of this process by stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._stack = [REST]
        self._since = time.process_time()

    def enter(self, stage: str) -> None:
        """Start a stage; the time until now belongs to the outer stage."""
        self._book()
        self._stack.append(stage)

    def leave(self) -> None:
        """End a stage; the time until now belongs to it."""
        self._book()
        self._stack.pop()

    def _book(self) -> None:
        now = time.process_time()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now


@contextmanager
def accounting() -> Iterator[Accounts]:
    """Measure the stages while the block runs."""
    accounts = Accounts()
    before: list[tuple[Any, str, Any]] = []
    for stage, owner, name in _ENTRANCES:
        original = inspect.getattr_static(owner, name)
        before.append((owner, name, original))
        setattr(owner, name, _counted(original, stage, accounts))
    for name in ("read", "write"):
        original = inspect.getattr_static(Store, name)
        before.append((Store, name, original))
        setattr(Store, name, _counted(original, DATABASE, accounts))
    try:
        yield accounts
    finally:
        for owner, name, original in reversed(before):
            setattr(owner, name, original)


def _counted(original: Callable[..., Any], stage: str, accounts: Accounts) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def awaited(*arguments: Any, **named: Any) -> Any:
            accounts.enter(stage)
            try:
                return await original(*arguments, **named)
            finally:
                accounts.leave()

        return awaited

    @functools.wraps(original)
    def called(*arguments: Any, **named: Any) -> Any:
        accounts.enter(stage)
        try:
            return original(*arguments, **named)
        finally:
            accounts.leave()

    return called
