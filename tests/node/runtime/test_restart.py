"""node/runtime/restart.py: which failures of a job need a new process, and which an operator."""

from broker.log import LogStuck
from node.errors import RestartNeeded, UsageError
from node.runtime.restart import refusal_of, restart_of


def failed(error: Exception) -> BaseExceptionGroup[BaseException]:
    """The failure of a task in a group of a group."""
    return BaseExceptionGroup("jobs", [ExceptionGroup("job", [error])])


def test_a_log_that_stays_silent_and_used_up_memory_need_a_new_process() -> None:
    stuck, memory = restart_of(failed(LogStuck("silent"))), restart_of(failed(MemoryError()))

    assert (stuck and stuck.code, memory and memory.code) == ("log_stuck", "memory_exhausted")


def test_a_damaged_store_ends_the_daemon_with_the_error_for_the_operator() -> None:
    """A new process would end in the same way."""
    damaged = UsageError("store_damaged", "the store is damaged")

    assert refusal_of(failed(damaged)) is damaged
    assert restart_of(failed(damaged)) is None


def test_any_other_failure_is_a_bug() -> None:
    assert refusal_of(failed(KeyError("x"))) is None
    assert restart_of(failed(KeyError("x"))) is None
    assert restart_of(failed(RestartNeeded("child_ended", "x"))) is not None
