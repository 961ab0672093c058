"""The reports of a large file are those of its whole content, and the file is never in memory as a whole."""

import os
import tracemalloc
from pathlib import Path

import pytest

from node.errors import UsageError
from node.handing_in.report_file import items_of_file
from node.reports.ndjson import ITEM_SIZE_BYTES_MAX, parse_lines
from node.terminal.report_input import item_batches

LONG = b'{"a": "' + b"x" * ITEM_SIZE_BYTES_MAX + b'"}'
PRETTY = b"{\n" + b'"a": [1, 2, 3],\n' * 70_000 + b'"b": 1\n}\n'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"a": 1}\n{"b": 2}\n',
        b'{"a": 1}\n' * 120_000,
        b'{"a": 1}\r\n' + LONG + b'\r\n{"b": 2}',
        b"\xef\xbb\xbf" + LONG + b"\n\n7\n",
        b"\n\n" + PRETTY,
        PRETTY + b'{"c": 3}\n',
        b"[\n" + PRETTY,
    ],
    ids=["empty", "small", "lines", "long line", "marked", "one large report", "bad lines", "list"],
)
def test_the_items_of_a_file_are_those_of_its_whole_content(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "reports"
    file.write_bytes(data)

    with file.open("rb") as source:
        assert list(items_of_file(source)) == list(parse_lines(data))


def test_a_large_file_is_refused_without_being_in_memory(tmp_path: Path) -> None:
    """A file of 64 MB without a line end takes the memory of some pieces."""
    file = tmp_path / "zeros"
    with file.open("wb") as sparse:
        sparse.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    try:
        [[(line, error)]] = item_batches(str(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (line, getattr(error, "code", None)) == (1, "too_large")
    assert peak < 16 * 1024 * 1024


def test_a_pipe_that_is_named_as_a_file_is_read_as_it_comes() -> None:
    """A shell gives the output of a command as such a file."""
    reader, writer = os.pipe()
    try:
        os.write(writer, b'{"a": 1}\n')
        batches = item_batches(f"/dev/fd/{reader}")

        assert next(batches) == [(1, {"a": 1})]
        os.close(writer)
        assert list(batches) == []
    finally:
        os.close(reader)


def test_a_folder_is_not_a_file_of_reports(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        list(item_batches(str(tmp_path)))

    assert (caught.value.code, caught.value.path) == ("file_unreadable", "FILE")
