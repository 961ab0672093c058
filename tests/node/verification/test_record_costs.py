"""Time and memory that one record costs a reader are bounded, whatever its originator writes into it.

A child process measures the records of tests/support/bombs.py: CPU time, and the memory of Python.
"""

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

CPU_SECONDS_MAX = 0.6  # measured 0.13; other tests take turns on the same core and empty its caches
BYTES_MAX = 20_000_000  # a record of 256 KiB with the smallest identifiers decodes to 28,000 objects
REFUSED_SECONDS_MAX = 0.1  # measured 0.01

FIRST_FINDING = {
    "connections to nowhere": "payload_malformed",
    "names that are not normalised": "payload_malformed",
    "unknown codes and a malformed end": "payload_malformed",
    "one code a thousand times": "payload_malformed",
    "birth dates that are none": "payload_malformed",
    "blanks": "payload_malformed",
    "unknown codes": "payload_code_unknown",
}
LAWFUL = ("short", "identifiers", "identifiers of a country", "names in Cyrillic", "names in Chinese", "a long text")


@cache
def costs() -> dict[str, dict[str, Any]]:
    """What each record cost, by its name."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.bombs"], capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {line["name"]: line for line in lines}


def test_no_record_costs_more_than_the_bounds() -> None:
    """Neither a lawful nor an unlawful one."""
    above = {
        name: cost
        for name, cost in costs().items()
        if cost["cpu_seconds"] > CPU_SECONDS_MAX or cost["peak_bytes"] > BYTES_MAX
    }

    assert above == {}
    assert len(costs()) > 25
    assert max(cost["bytes"] for cost in costs().values()) > 250_000


@pytest.mark.parametrize("name", FIRST_FINDING)
def test_an_unlawful_report_is_refused_at_its_first_finding(name: str) -> None:
    """A thousand findings cost no more than one."""
    cost = costs()[name]

    assert cost["decided"] == FIRST_FINDING[name]
    assert cost["cpu_seconds"] < REFUSED_SECONDS_MAX


@pytest.mark.parametrize("name", LAWFUL)
def test_a_lawful_report_of_any_size_is_stored(name: str) -> None:
    """The bounds refuse nothing that the schema allows."""
    assert costs()[name]["decided"] == "stored"
