"""Finds the drafts that cannot be sealed, by sealing each of them alone. Pure.

A draft can be damaged in the store, have an audience that no grant has room for, or meet a fault of the program. It
must not stop the drafts after it. What other documents would mend concerns every draft, and is not found here.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from node.sending.addressed_drafts import address_drafts
from node.sending.seal_drafts import DraftSealer
from node.store.own_grants import OwnGrant
from node.store.own_reports import UnsealedDraft
from node.store.set_aside import Obstacle
from node.verification.own_work import SealingRefused, check_own_work
from schemas.avro.codec import BadMessage

OBSTACLES: Final = (ValueError, BadMessage)
"""What encoding and decoding raise, besides SealingRefused."""

_NO_EARLIER: Final[Mapping[bytes, OwnGrant]] = {}


def find_obstacles(rows: Iterable[UnsealedDraft], sealer: DraftSealer) -> dict[int, Obstacle]:
    """Why drafts cannot be sealed, by draft id; nothing for those that can. Nothing of the sealed bytes is kept."""
    found = {row.id: _obstacle(row, sealer) for row in rows}
    return {id_: obstacle for id_, obstacle in found.items() if obstacle is not None}


def _obstacle(row: UnsealedDraft, sealer: DraftSealer) -> Obstacle | None:
    judge = sealer.judge
    try:
        drafts = address_drafts([row], originator=judge.node, governance=judge.governance, now=sealer.now)
        check_own_work(sealer.seal(drafts, _NO_EARLIER).batches, judge)
    except SealingRefused as error:
        return None if error.concerns_documents else Obstacle(code=error.rejected, reason=error.message)
    except BadMessage as error:
        return Obstacle(code="draft_damaged", reason=error.reason)
    except ValueError as error:
        return Obstacle(code="draft_unsealable", reason=str(error))
    return None
