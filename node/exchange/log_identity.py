"""Whether a topic is the one that was read before: a topic that was made anew has other records at the same positions.

A position means something only together with the record before it. The node keeps the digest of the last record that
it read of each topic, and compares it before it goes on reading.
"""

from collections.abc import Mapping
from typing import Final

from broker.log import Log
from node.primitives import digest
from node.store.read_positions import Mark

WAIT_SECONDS: Final = 1.0  # the records are there: only a slow log needs this long
RECORDS_AT_ONCE: Final = 500


async def replaced_topics(bus: Log, marks: Mapping[str, Mark]) -> list[str]:
    """The topics whose record before the position is another one now.

    A topic that does not return the record is not among them: the log reports its fault when it is read.
    Raises LogUnavailable.
    """
    left = {topic: mark for topic, mark in marks.items() if mark.position > 0}
    replaced = []
    while left:
        asked = {topic: mark.position - 1 for topic, mark in left.items()}
        answers = await bus.fetch(asked, records_max=RECORDS_AT_ONCE, wait_seconds=WAIT_SECONDS)
        for answer in answers:
            mark = left.pop(answer.topic, None)
            if mark is None or not answer.entries:
                continue
            first = answer.entries[0]
            if first.position == mark.position - 1 and digest(first.value or b"") != mark.digest:
                replaced.append(answer.topic)
        if not answers:
            break
    return replaced
