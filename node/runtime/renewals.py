"""What has to be renewed at a node: documents, keys and certificates, and foreign keys in its name.

The rules are in node/trust/expiry.py. Each warning is logged once for each threshold while the daemon runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from broker.streams import GOVERNANCE
from node.database.engine import Store, Transaction
from node.errors import UsageError
from node.files import TEXT_SIZE_BYTES_MAX, read_file
from node.runtime.home import Home
from node.sealing import certificates
from node.stages import StreamId
from node.store import stream_findings
from node.trust.expiry import EXPIRED, Ending, ExpiryWarning, endings, foreign_keys, warnings
from node.trust.governance import Governance
from node.verification.judge import Judge

log = structlog.get_logger()

FOREIGN: Final = "own_document_foreign"


def certificates_of(home: Home) -> tuple[Path, ...]:
    """The files of the certificates that the bus asks for and that the gateway shows; none without TLS."""
    files = (home.config.bus.certificate_file, home.config.gateway.certificate_file)
    return tuple(home.path / file for file in files if file is not None)


def renewals(governance: Governance, node: str, files: Sequence[Path], now: int) -> list[ExpiryWarning]:
    """What ends within 30 days, or has ended, at `now` in ms; `files` are certificates."""
    of_files = [ending for file in files for ending in _of_certificate(file)]
    return warnings([*endings(governance, node, now), *of_files], now)


def _of_certificate(file: Path) -> list[Ending]:
    try:
        ends = certificates.ends_of(read_file(file, TEXT_SIZE_BYTES_MAX))
    except (UsageError, ValueError):
        return []  # what uses the file reports it
    return [Ending(subject=f"certificate {file.name}", ends_at=min(ends), essential=True)] if ends else []


@dataclass(slots=True, kw_only=True)
class RenewalWatch:
    """Looks at the renewals of one node; remembers what was logged."""

    store: Store
    judge: Callable[[], Judge]
    certificates: Sequence[Path]
    clock: Callable[[], int]
    _logged: set[tuple[str, int]] = field(default_factory=set)

    async def step(self) -> None:
        """Log what is new, and write the finding about foreign keys. Raises Unavailable."""
        judge, now = self.judge(), self.clock()
        for warning in renewals(judge.governance, judge.node, self.certificates, now):
            if (warning.subject, warning.days) not in self._logged:
                self._logged.add((warning.subject, warning.days))
                _log(warning)
        foreign = foreign_keys(judge.governance, judge.node, judge.holds, now)
        place = StreamId(stream=GOVERNANCE, originator=judge.node)
        if await self.store.read(lambda db: stream_findings.stands(db, FOREIGN, place)) != bool(foreign):
            await self.store.write(lambda db: _write(db, place, bool(foreign), now))
        for key in foreign:
            if (key.key_id.hex(), 0) not in self._logged:
                self._logged.add((key.key_id.hex(), 0))
                log.error("own_document_foreign", use=key.use.value, key_id=key.key_id.hex())


def _log(warning: ExpiryWarning) -> None:
    if warning.code == EXPIRED:
        log.error("expired_document", subject=warning.subject, ends_at=warning.ends_at)
    else:
        log.warning("expires_soon", subject=warning.subject, days=warning.days, ends_at=warning.ends_at)


def _write(db: Transaction, place: StreamId, stands: bool, now: int) -> None:
    """Add or close the finding, unless another process did."""
    if stands:
        stream_findings.note(db, FOREIGN, place, sequence=None, position=None, now=now)
    else:
        stream_findings.close(db, FOREIGN, place, now)
