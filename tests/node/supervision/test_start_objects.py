"""What the start of a service made is not part of later garbage collections."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OBJECTS = "import gc; from node.supervision.start_objects import keep_start_objects; import starlette.applications; "


def test_a_full_collection_does_not_look_at_the_objects_of_the_start() -> None:
    code = OBJECTS + "before = len(gc.get_objects()); keep_start_objects(); print(before, len(gc.get_objects()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())

    assert before > 10_000
    assert after < before / 100


@pytest.mark.parametrize("service", ["node/runtime/daemon.py", "node/cli/gateway.py"])
def test_each_service_keeps_them_before_it_says_that_it_is_ready(service: str) -> None:
    assert re.search(r"keep_start_objects\(\)\n +(say_)?ready\(", (ROOT / service).read_text())
