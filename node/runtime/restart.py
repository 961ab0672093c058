"""Which failures of a daemon's tasks a new process may mend. Pure."""

from broker.log import LogStuck
from node.errors import RestartNeeded


def restart_of(group: BaseExceptionGroup[BaseException]) -> RestartNeeded | None:
    """What a new process may mend; None for everything else, which is a bug."""
    if isinstance(asked := _leaf(group.subgroup(RestartNeeded)), RestartNeeded):
        return asked
    if (stuck := _leaf(group.subgroup(LogStuck))) is not None:
        hint = "a supervisor starts it again; if that does not help, look at the cluster"
        return RestartNeeded("log_stuck", str(stuck), path="bus.url", hint=hint)
    if group.subgroup(MemoryError) is not None:
        hint = "a supervisor starts it again; if that does not help, raise node.memory_mb"
        return RestartNeeded(
            "memory_exhausted", "the limit of node.memory_mb is reached", path="node.memory_mb", hint=hint
        )
    return None


def _leaf(found: BaseException | None) -> BaseException | None:
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
