"""Decides which failures of a daemon's jobs a new process may repair, and which an operator. Pure."""

from broker.log import LogStuck
from node.errors import RestartNeeded, UsageError


def restart_of(failed: BaseExceptionGroup[BaseException]) -> RestartNeeded | None:
    """The error that asks for a new process; None if the failure is a bug."""
    if isinstance(needed := _leaf(failed.subgroup(RestartNeeded)), RestartNeeded):
        return needed
    if (stuck := _leaf(failed.subgroup(LogStuck))) is not None:
        hint = "a supervisor starts it again; if that does not help, look at the cluster"
        return RestartNeeded("log_stuck", str(stuck), path="bus.url", hint=hint)
    if failed.subgroup(MemoryError) is not None:
        hint = "a supervisor starts it again; if that does not help, raise node.memory_mb"
        return RestartNeeded(
            "memory_exhausted", "the limit of node.memory_mb is reached", path="node.memory_mb", hint=hint
        )
    return None


def refusal_of(failed: BaseExceptionGroup[BaseException]) -> UsageError | None:
    """The error that an operator has to correct, such as a store that is damaged; None if the failure is a bug."""
    leaf = _leaf(failed.subgroup(UsageError))
    return leaf if isinstance(leaf, UsageError) else None


def _leaf(error: BaseException | None) -> BaseException | None:
    """The first exception of a group that is not a group itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
