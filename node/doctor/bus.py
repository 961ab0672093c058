"""Examines the bus of a node: whether it answers, and whether its topics are those of the topology."""

from typing import Final

from broker.log import LogError, LogUnusable
from node.answers.error_answer import coded
from node.commands.broker_topics import check
from node.doctor.examination import Examination, bad, fine
from node.errors import EnlaceError
from node.runtime.home import Home

TOPICS_MAX: Final = 5


async def bus(home: Home) -> list[Examination]:
    """Three examinations: `bus`, `topics` and `drift`; the last two only if the bus answers."""
    try:
        drift = (await check(home)).drift
    except (LogError, EnlaceError) as error:
        return [bad("bus", str(error), _hint(error))]
    missing = [difference.topic for difference in drift if difference.setting == "topic"]
    differing = [f"{one.topic} {one.setting} {one.found}" for one in drift if one.setting != "topic"]
    return [
        fine("bus", f"{home.config.bus.url.partition(':')[0]} answers"),
        _listed("topics", missing, "are missing", "no topic of a member is missing"),
        _listed("drift", differing, "differ from the topology", "no setting differs from the topology"),
    ]


def _hint(error: LogError | EnlaceError) -> str:
    """What to do about a bus that cannot be used; a log that is unusable is repaired, not started."""
    known = coded(error) if isinstance(error, LogUnusable) else None
    return (known.hint if known else None) or "start the log, or correct the section [bus] of the configuration"


def _listed(check_name: str, wrong: list[str], what: str, otherwise: str) -> Examination:
    if not wrong:
        return fine(check_name, otherwise)
    more = ", …" if len(wrong) > TOPICS_MAX else ""
    found = f"{len(wrong)} {what}: {', '.join(wrong[:TOPICS_MAX])}{more}"
    return bad(check_name, found, "the operator of the broker provisions the topics, or corrects the cluster")
