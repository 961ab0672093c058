"""Work on a whole store concerns each of its tables."""

import subprocess
import sys
from pathlib import Path

from node import database
from node.integrity import all_tables

FOLDER = Path(database.__file__).parents[1]
COUNT = "import {module}; from node.integrity.all_tables import TABLES; print(len(TABLES))"


def test_each_module_of_tables_is_a_group() -> None:
    modules = {path.stem for path in FOLDER.glob("*/*_tables.py")} - {"all_tables"}

    assert {group.__name__.rpartition(".")[2] for group in all_tables.GROUPS} == modules


def test_a_process_that_imports_nothing_else_knows_all_tables() -> None:
    """In a test process other tests have imported everything already."""
    command = [sys.executable, "-c", COUNT.format(module="node.integrity.copy_store")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)

    assert int(ran.stdout) == len(all_tables.TABLES)
    assert "access_log" in {table.name for table in all_tables.TABLES}
