"""node/store on SQLite and PostgreSQL: the same calls get the same answers and leave the same rows."""

from pathlib import Path

from tests.support.store_workload import use_every_function
from tests.support.twin_stores import in_step, public_functions


async def test_every_function_gives_the_same_answer_on_both_databases(tmp_path: Path) -> None:
    """In the course of an exchange with gaps, receipts, rejections and retries; no public function is left out."""
    with in_step() as ran:
        await use_every_function(tmp_path)

    assert public_functions().keys() - ran == set(), "call the new function in tests/support/store_workload.py"
