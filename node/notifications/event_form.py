"""The form of a message in the stream and in webhooks: that of `search`, without the narrative unless it is wanted."""

from typing import Any, Final

from node.answers.plain_json import presentable
from node.commands.search import found_report
from node.store.message_search import HeldMessage

NARRATIVE: Final = "narrative"


def item_of(message: HeldMessage) -> dict[str, Any]:
    """A message as `search` answers it, as plain JSON data. It must have its report."""
    item: dict[str, Any] = presentable(found_report(message))
    return item


def without_narrative(item: dict[str, Any]) -> dict[str, Any]:
    """The same item without the narrative of its report."""
    report = {name: value for name, value in item["report"].items() if name != NARRATIVE}
    return {**item, "report": report}
