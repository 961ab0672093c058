"""The form of a message in the stream and in webhooks: that of `search`, without the narrative unless it is wanted."""

from typing import Any, Final

from node.answers.plain_json import presentable
from node.commands.search import FoundReport
from node.store.message_search import HeldMessage

NARRATIVE: Final = "narrative"


def item_of(message: HeldMessage) -> dict[str, Any]:
    """A message as `search` answers it, as plain JSON data. It must have its report."""
    if message.report is None:
        raise ValueError("the content of the message was erased")
    item: dict[str, Any] = presentable(
        FoundReport(
            report_id=message.report_id,
            message_id=message.message_id,
            originator=message.originator,
            stream=message.stream,
            sequence=message.sequence,
            created_at=message.created_at,
            received_at=message.received_at,
            report=message.report,
            cursor=message.cursor,
        )
    )
    return item


def without_narrative(item: dict[str, Any]) -> dict[str, Any]:
    """The same item without the narrative of its report."""
    report = {name: value for name, value in item["report"].items() if name != NARRATIVE}
    return {**item, "report": report}
