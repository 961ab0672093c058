"""`token create`, `token list` and `token revoke`: the tokens by which integrators use the gateway.

Tokens with the same name are of the same integrator, so a token can be replaced without a gap: make the next one, hand
it over, revoke the old one. The text of a token is shown when it is made and is not kept.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from node.answers.plain_json import TimeMs
from node.credentials import token_rows
from node.credentials.token_rows import TokenRow
from node.database.engine import Store, Transaction
from node.errors import Refused, UsageError
from node.integrators.scopes import read_scopes
from node.integrators.token_text import ID_FORM, ID_SIZE_BYTES, SECRET_SIZE_BYTES, digest_of, token_text
from node.limits import DAY_MS
from schemas.excerpts import excerpt

DAYS_DEFAULT: Final = 365
DAYS_MAX: Final = 1825  # five years; a system that is forgotten must not keep its right for ever
RATE_DEFAULT: Final = 1000
RATE_MAX: Final = 100_000  # requests a second; far above what a node can answer
NAME_CHARACTERS_MAX: Final = 64
TOKENS_MAX: Final = 10_000  # ended ones included, as they stay
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_REFUSED_CHARACTERS: Final = "()"  # the access log writes `token NAME (ID)` and `LOGIN (uid N)`


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What an administrator wants."""

    name: str
    scopes: Sequence[str]
    days: int = DAYS_DEFAULT
    rate: int = RATE_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedToken:
    """A token without its text."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: TimeMs
    rate: int
    """Requests a second."""

    state: str
    """`valid`, `expired` or `revoked`."""

    created_at: TimeMs
    created_by: str
    used_at: TimeMs | None
    """Its last use, to the minute."""

    revoked_at: TimeMs | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedToken:
    """A new token, with its text."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: TimeMs
    rate: int
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedToken:
    """A token that is not valid any more."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: TimeMs
    revoked_at: TimeMs | None


async def create_token(
    store: Store, new: NewToken, *, actor: str, now: int, random: Callable[[int], bytes]
) -> CreatedToken:
    """Make a token at `now` (ms). Raises UsageError that names the wrong field, and Refused `tokens_too_many`."""
    granted = read_scopes(new.scopes)
    _check_number(new.days, "days", DAYS_MAX)
    _check_number(new.rate, "rate", RATE_MAX)
    token_id, secret = random(ID_SIZE_BYTES), random(SECRET_SIZE_BYTES)
    row = TokenRow(
        id=token_id.hex(),
        name=_checked_name(new.name),
        digest=digest_of(token_id.hex(), secret),
        scopes=" ".join(granted),
        rate=new.rate,
        created_at=now,
        created_by=actor,
        expires_at=now + new.days * DAY_MS,
    )
    await store.write(lambda db: _add(db, row))
    return CreatedToken(
        id=row.id,
        name=row.name,
        scopes=tuple(granted),
        expires_at=row.expires_at,
        rate=new.rate,
        token=token_text(token_id, secret),
    )


async def list_tokens(store: Store, *, now: int) -> list[ListedToken]:
    """All tokens, the oldest first; those that ended are among them."""
    return [
        ListedToken(
            id=row.id,
            name=row.name,
            scopes=tuple(row.scopes.split()),
            expires_at=row.expires_at,
            rate=row.rate,
            state=state_of(row, now),
            created_at=row.created_at,
            created_by=row.created_by,
            used_at=row.used_at,
            revoked_at=row.revoked_at,
        )
        for row in await store.read(token_rows.every)
    ]


async def revoke_token(store: Store, token_id: str, *, actor: str, now: int) -> RevokedToken:
    """Revoke a token; a running gateway refuses it from the next request on. Again, it changes nothing.

    Raises UsageError for a text that is not an id, and Refused `not_found`.
    """
    wanted = token_id.strip().lower()
    if not ID_FORM.fullmatch(wanted):  # the text is not repeated: it may be a whole token
        hint = "an id has 12 hexadecimal digits; it is the part of the token between its two underscores"
        raise UsageError("usage", "this is not the id of a token", path="id", hint=hint)

    def work(db: Transaction) -> TokenRow | None:
        token_rows.revoke(db, wanted, by=actor, now=now)
        return token_rows.by_ids(db, [wanted]).get(wanted)

    row = await store.write(work)
    if row is None:
        raise Refused("not_found", f"there is no token {excerpt(wanted)}", path="id")
    return RevokedToken(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def state_of(row: TokenRow, now: int) -> str:
    """What a token is worth at `now` (ms)."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if now >= row.expires_at else "valid"


def _add(db: Transaction, row: TokenRow) -> None:
    if token_rows.count(db) >= TOKENS_MAX:
        message = f"the store has {TOKENS_MAX:,} tokens, and keeps ended ones because the access log names them"
        raise Refused("tokens_too_many", message, path="name", hint="use one token for each system, not for each call")
    token_rows.add(db, row)


def _checked_name(name: str) -> str:
    text = unicodedata.normalize("NFC", name)
    wrong = next(
        (char for char in text if unicodedata.category(char) in _REFUSED_CATEGORIES or char in _REFUSED_CHARACTERS), ""
    )
    if wrong or not text or text != text.strip() or len(text) > NAME_CHARACTERS_MAX:
        raise UsageError(
            "value_invalid",
            "the name of an integrator has 1 to 64 printable characters, no parentheses, and no space at its ends",
            path="name",
            hint="name the system that uses the token, such as border-control",
        )
    return text


def _check_number(value: int, field: str, most: int) -> None:
    if not 1 <= value <= most:
        raise UsageError("value_invalid", f"{value} is not a number from 1 to {most:,}", path=field)
