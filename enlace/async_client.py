"""The client with `await`.

Each method makes a rule of enlace/operations.py, and the session runs it. Every method may raise the errors of
enlace/errors.py.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from enlace import operations
from enlace.answers import Checked, Event, ItemAnswer, Message, Preview, Published, ReportState
from enlace.async_session import AsyncSession
from enlace.batches import LINES_IN_BATCH
from enlace.operations import Identifier
from enlace.report_json import Report
from enlace.requests import Texts, Why
from enlace.retries import RetryPolicy
from enlace.settings import TIMEOUT_SECONDS, File, settings_of
from enlace.waiting import STORED_TIMEOUT_SECONDS

PAGE_SIZE = 100


class AsyncClient:
    """A client of the gateway of one node, in one event loop. Several tasks may use it.

    `gateway` is `https://HOST:PORT`, `http://127.0.0.1:PORT` or `unix:PATH`; without it, ENLACE_GATEWAY. The token
    comes from `token`, `token_file`, ENLACE_TOKEN_FILE or ENLACE_TOKEN; a socket of this machine needs none. `ca_file`
    names the authority of the gateway's certificate; `certificate_file` and `key_file` are the client's own.
    """

    def __init__(
        self,
        gateway: str | None = None,
        *,
        token: str | None = None,
        token_file: File | None = None,
        ca_file: File | None = None,
        certificate_file: File | None = None,
        key_file: File | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: RetryPolicy | None = None,
    ) -> None:
        """Raises InvalidCall. Nothing is sent yet."""
        settings = settings_of(
            gateway,
            token=token,
            token_file=token_file,
            ca_file=ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            timeout_seconds=timeout_seconds,
            policy=retries or RetryPolicy(),
        )
        self._policy = settings.policy
        self._session = AsyncSession(settings)

    def __repr__(self) -> str:
        """With the address and without the token."""
        return f"AsyncClient({str(self._session.settings.address)!r})"

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def publish(self, report: Report, *, idempotency_key: str | None = None) -> Published:
        """Hand in one report. When this returns, the report is safe in the node's outbox.

        A repeated attempt has the same idempotency key, so nothing is published twice. Raises Refused with `errors`.
        """
        return await self._session.run(operations.publish(report, idempotency_key, self._policy))

    async def preview(self, report: Report) -> Preview:
        """Who would get a report, and why others would not. Nothing is kept. Raises Refused with `errors`."""
        return await self._session.run(operations.preview(report, self._policy))

    def publish_many(
        self, reports: Iterable[Report] | AsyncIterable[Report], *, batch_size: int = LINES_IN_BATCH
    ) -> AsyncGenerator[ItemAnswer]:
        """Hand in many reports; one answer for each, in their order, as the node gives them.

        A report that is not valid has the outcome `refused` and its errors; the next ones go on. After a break of the
        connection, the reports without an answer are sent again, and may be answered with `duplicate`.
        """
        return self._session.each(operations.publish_many(batch_size, self._policy), reports)

    async def report_state(self, report_id: str) -> ReportState:
        """How far an own report is, and what became of it at each recipient."""
        return await self._session.run(operations.report_state(report_id, self._policy))

    async def wait_until_stored(
        self, report_id: str, recipients: Sequence[str] = (), *, timeout_seconds: float = STORED_TIMEOUT_SECONDS
    ) -> ReportState:
        """Wait until `recipients`, or all of them, have stored an own report. Raises NotStored and TimedOut."""
        asking = operations.wait_until_stored(report_id, recipients, timeout_seconds, self._policy)
        return await self._session.run(asking)

    def messages(
        self,
        *,
        purpose: str,
        reason: str,
        text: Texts | None = None,
        identifier: Texts | None = None,
        country: str | None = None,
        originator: Texts | None = None,
        subject: Texts | None = None,
        since: str | None = None,
        page_size: int = PAGE_SIZE,
        after: str | None = None,
    ) -> AsyncGenerator[Message]:
        """The reports that the node holds and that match, in the order of their arrival; asks page by page.

        All filters must match, and of several values of one filter any. Identifiers are `SCHEME=VALUE`. `after` is the
        cursor of a message.
        """
        filters = {"text": text, "identifier": identifier, "country": country, "originator": originator}
        filters |= {"subject": subject, "since": since}
        why = Why(purpose=purpose, reason=reason)
        asking = operations.messages(filters, page_size=page_size, after=after, why=why, policy=self._policy)
        return self._session.each(asking)

    async def message(self, id_: str, *, purpose: str, reason: str) -> Message:
        """The report with this report id or message id, with the decision of the node about it. Raises NotFound."""
        why = Why(purpose=purpose, reason=reason)
        return await self._session.run(operations.message(id_, why, self._policy))

    async def check(self, identifiers: Iterable[Identifier], *, purpose: str, reason: str) -> list[Checked]:
        """Whether a report is here about each identifier, in their order."""
        why = Why(purpose=purpose, reason=reason)
        return await self._session.run(operations.check(identifiers, why, self._policy))

    def stream(
        self,
        *,
        purpose: str,
        reason: str,
        subject: Texts | None = None,
        originator: Texts | None = None,
        content: bool = False,
        last_event_id: str | None = None,
    ) -> AsyncGenerator[Event]:
        """Each message that arrives after the event `last_event_id`, or from now on. Does not end by itself.

        It goes on over breaks of the connection; no event is lost and none comes twice. Keep the `id` of the last event
        that you have processed, and give it after a restart. The narrative is there with `content` only.
        """
        filters = {"subject": subject, "originator": originator}
        why = Why(purpose=purpose, reason=reason)
        asking = operations.stream(filters, content=content, last_event_id=last_event_id, why=why, policy=self._policy)
        return self._session.each(asking)

    async def status(self) -> dict[str, Any]:
        """Outbox, streams, counts, findings and problems of the node, as the command `status`."""
        return await self._session.run(operations.status(self._policy))

    def withheld(self) -> AsyncGenerator[dict[str, Any]]:
        """The messages that the node opened and may not keep."""
        return self._session.each(operations.listed("/v1/withheld", "withheld", {}, policy=self._policy))

    def quarantine(self) -> AsyncGenerator[dict[str, Any]]:
        """The records that the node refused."""
        return self._session.each(operations.listed("/v1/quarantine", "quarantine", {}, policy=self._policy))

    def agreements(self) -> AsyncGenerator[dict[str, Any]]:
        """The agreements that the node knows."""
        return self._session.each(operations.listed("/v1/agreements", "agreements", {}, policy=self._policy))

    def webhooks(self) -> AsyncGenerator[dict[str, Any]]:
        """The webhooks, with the state of their deliveries."""
        return self._session.each(operations.listed("/v1/webhooks", "webhooks", {}, policy=self._policy))

    async def add_webhook(
        self, url: str, secret: str, *, subjects: Sequence[str] = (), originators: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Register a webhook. Needs the scope admin."""
        return await self._session.run(operations.add_webhook(url, secret, subjects, originators, self._policy))

    async def remove_webhook(self, id_: str) -> None:
        """Remove a webhook. Needs the scope admin."""
        await self._session.run(operations.remove_webhook(id_, self._policy))
