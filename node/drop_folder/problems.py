"""The problems of a drop folder, as `status` lists them: it cannot be used, files failed, or files stand."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from node.database.engine import Store, Transaction
from node.drop_folder.folder import ACCOUNT, DropPlaces, names_in
from node.outgoing import standing_faults
from node.outgoing.standing_faults import StandingFault

STANDING_MS_MAX: Final = 15 * 60 * 1000  # a larger file is written within this time
SUBJECT_CHARACTERS_MAX: Final = 128
CODES: Final = ("drop_folder_unusable", "drop_files_failed", "drop_files_stand")


class Problems:
    """What was noted in the store."""

    def __init__(self, store: Store, subject: str) -> None:
        self._store = store
        self._subject = subject[-SUBJECT_CHARACTERS_MAX:]
        self._noted: Mapping[str, str] | None = None

    async def look(self, places: DropPlaces, standing: Mapping[str, int], now: int) -> None:
        """Note how many files failed, and how many stand for too long. Raises Unavailable and OSError."""
        found: dict[str, str] = {}
        failed = sum(not name.endswith(ACCOUNT) for name in names_in(places.failed))
        if failed:
            found["drop_files_failed"] = f"{failed} files are in {places.failed}; the account beside each says why"
        late = [name for name, since in standing.items() if now - since > STANDING_MS_MAX]
        if late:
            message = (
                f"{len(late)} files are not taken: they grow, are locked, cannot be moved, or have too long a name"
            )
            found["drop_files_stand"] = message
        await self.note(found, now)

    async def note(self, found: Mapping[str, str], now: int) -> None:
        """Note these problems, and forget the others. Raises Unavailable."""
        if found != self._noted:
            await self._store.write(partial(self._write, found=found, now=now))
            self._noted = dict(found)

    def _write(self, db: Transaction, found: Mapping[str, str], now: int) -> None:
        for code in CODES:
            if code not in found:
                standing_faults.end(db, code, [self._subject])
        standing_faults.put(
            db,
            [
                StandingFault(code=code, subject=self._subject, since=now, message=message)
                for code, message in found.items()
            ],
        )
