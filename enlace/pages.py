"""Goes through the pages of a list, and through a long list of questions. Pure.

Each page is asked for when the items before it are used up. A page that could not be read is asked for again; the
cursor is that of the last page, so no item comes twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from enlace import requests
from enlace.answers import Answer, Checked, Message, decode, decode_object
from enlace.effects import Give, Program, Reply, Request
from enlace.errors import AnswerMalformed
from enlace.requests import IDENTIFIERS_MAX, Why
from enlace.retries import Chance, RetryPolicy, answered

RequestAfter = Callable[[str | None], Request]
"""The request for the page after a cursor."""


class Results(Answer, frozen=True, kw_only=True):
    """The answers to the identifiers of one request."""

    results: tuple[Checked, ...]


class Page(Answer, frozen=True, kw_only=True):
    """One page of messages."""

    messages: tuple[Message, ...]
    next: str | None = None


def messages(request_after: RequestAfter, *, after: str | None, policy: RetryPolicy, chance: Chance) -> Program[None]:
    """Give each message of the list after the cursor `after`."""
    while True:
        reply: Reply = yield from answered(request_after(after), policy, chance)
        page = decode(Page, reply.body)
        for message in page.messages:
            yield Give(message)
        if page.next is None:
            return
        after = _moved_on(after, page.next)


def objects(
    request_after: RequestAfter, key: str, *, after: str | None, policy: RetryPolicy, chance: Chance
) -> Program[None]:
    """Give each object of a list whose pages have their items under `key`."""
    while True:
        reply: Reply = yield from answered(request_after(after), policy, chance)
        page = decode_object(reply.body)
        items, following = page.get(key), page.get("next")
        if not isinstance(items, list) or not isinstance(following, str | None):
            raise AnswerMalformed("answer_malformed", f"the answer has no list of {key}")
        for item in items:
            yield Give(item)
        if following is None:
            return
        after = _moved_on(after, following)


def _moved_on(before: str | None, after: str) -> str:
    if after == before:
        raise AnswerMalformed("answer_malformed", "the list does not move on: two pages have the same cursor")
    return after


def check(
    identifiers: Sequence[Mapping[str, str | None]], why: Why, *, policy: RetryPolicy, chance: Chance
) -> Program[list[Checked]]:
    """The answers to identifiers, in their order."""
    found: list[Checked] = []
    for asked in _parts(identifiers):
        reply: Reply = yield from answered(requests.check(asked, why), policy, chance)
        results = decode(Results, reply.body).results
        if len(results) != len(asked):
            message = f"{len(asked)} identifiers were asked, and {len(results)} answered"
            raise AnswerMalformed("answer_malformed", message)
        found += results
    return found


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), IDENTIFIERS_MAX):
        yield items[first : first + IDENTIFIERS_MAX]
