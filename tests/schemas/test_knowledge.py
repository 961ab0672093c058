"""schemas/knowledge.py: the digest changes with what can be read in payloads, and with nothing else."""

from pathlib import Path
from unittest.mock import patch

from schemas import codes, knowledge, schema_files
from tests.support.code_lists import code_lists_without


def test_the_same_program_has_the_same_digest() -> None:
    assert knowledge.digest() == knowledge.digest()
    assert len(knowledge.digest()) == 32


def test_each_code_counts_and_a_version_alone_does_not(tmp_path: Path) -> None:
    """A list with another version, source or text makes no record readable that was not."""
    with code_lists_without(tmp_path / "same"):
        assert codes.load("subjects").version == "0"
        same = knowledge.digest()
    with code_lists_without(tmp_path / "fewer", subjects="CONTRABAND"):
        fewer = knowledge.digest()

    assert (same == knowledge.digest(), fewer == knowledge.digest()) == (True, False)


def test_a_released_payload_schema_counts() -> None:
    with patch.object(schema_files, "released", lambda: {}):
        without = knowledge.digest()

    assert without != knowledge.digest()
