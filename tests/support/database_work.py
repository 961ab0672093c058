"""Measures the work of SQLite in a block without a clock: statements, and steps of its virtual machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event

STEPS_TOGETHER = 10


@dataclass
class Work:
    """What the transactions of a block cost, whichever store they are of."""

    statements: int = 0
    steps: int = 0
    is_over: bool = False

    def step(self) -> int:
        """SQLite calls this after each STEPS_TOGETHER steps; 0 lets the statement go on."""
        if not self.is_over:
            self.steps += STEPS_TOGETHER
        return 0


@contextmanager
def counted() -> Iterator[Work]:
    """Count the work of the block."""
    work = Work()
    watched: list[Any] = []

    def before(connection: Connection, *_: object) -> None:
        work.statements += 1
        driver = connection.connection.driver_connection
        if driver is not None and all(driver is not known for known in watched):
            watched.append(driver)
            driver.set_progress_handler(work.step, STEPS_TOGETHER)

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield work
    finally:
        work.is_over = True  # the connections keep calling it; some of them are closed
        event.remove(Engine, "before_cursor_execute", before)
