"""node/access/kept_heads.py: what an auditor kept is read, or refused with its line."""

import base64
from pathlib import Path

import pytest

from node.access.kept_heads import KeptHead, read_kept_heads
from node.errors import UsageError

HASH = bytes(range(32))
TEXT = base64.b64encode(HASH).decode()


def test_answers_and_lines_of_the_file_of_heads_are_read(tmp_path: Path) -> None:
    """Other keys do not matter, nor blank lines, nor an answer about an empty log."""
    file = tmp_path / "heads"
    file.write_text(
        f'{{"entries":3,"head":{{"entry":3,"hash":"{TEXT}","at":"2026-11-27T00:00:00Z"}},"findings":[]}}\n\n'
        f'{{"node":"BZ","entry":7,"hash":"{TEXT}","at":1000,"key_id":"","signature":""}}\n{{"head":null}}\n'
    )

    assert read_kept_heads(file) == [
        KeptHead(entry=3, hash=HASH, at=1_795_737_600_000),
        KeptHead(entry=7, hash=HASH, at=1000),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "junk",
        "[]",
        "{}",
        '{"head":1}',
        f'{{"entry":"3","hash":"{TEXT}"}}',
        '{"entry":3,"hash":"*"}',
        f'{{"entry":0,"hash":"{TEXT}"}}',
        f'{{"entry":{2**63},"hash":"{TEXT}"}}',
        f'{{"entry":3,"hash":"{TEXT}","at":"yesterday"}}',
        "\ud800",
    ],
)
def test_a_line_that_has_no_head_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "heads"
    file.write_bytes(b'{"head":null}\n' + line.encode("utf-8", "surrogatepass") + b"\n")

    with pytest.raises(UsageError, match="line 2") as refused:
        read_kept_heads(file)
    assert (refused.value.code, refused.value.path) == ("head_unreadable", "head")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_kept_heads(tmp_path / "nothing")
    assert refused.value.code == "file_unreadable"


@pytest.mark.parametrize("content", ["", "\n", " \n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    """An auditor whose copy of the heads failed does not get the answer of a comparison."""
    (tmp_path / "heads").write_text(content)
    with pytest.raises(UsageError) as error:
        read_kept_heads(tmp_path / "heads")

    assert (error.value.code, error.value.path) == ("head_unreadable", "head")


def test_the_answer_about_a_log_without_an_entry_is_read(tmp_path: Path) -> None:
    (tmp_path / "heads").write_text('{"entries":0,"head":null}\n')

    assert read_kept_heads(tmp_path / "heads") == []
