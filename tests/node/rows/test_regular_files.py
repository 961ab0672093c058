"""A file of rows is read more than once, so a pipe is refused, and is not waited for."""

import os
from pathlib import Path

import pytest

from node.errors import UsageError
from node.rows.guess_format import guess_format
from node.rows.read_rows import opened_rows
from node.rows.row import RowFormat
from node.rows.source_file import SourceFile
from node.terminal.progress import rows_of
from schemas.types import MappingFormat


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe without a writer."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("format_", MappingFormat)
def test_the_rows_of_a_pipe_are_not_read(pipe: Path, format_: MappingFormat) -> None:
    source = SourceFile(path=pipe, format=RowFormat(format=format_))
    with pytest.raises(UsageError) as caught, opened_rows(source):
        pass

    assert (caught.value.code, caught.value.path) == ("file_unreadable", str(pipe))
    assert caught.value.hint is not None


def test_the_format_of_a_pipe_is_not_guessed(pipe: Path) -> None:
    with pytest.raises(UsageError) as caught:
        guess_format(pipe)

    assert caught.value.code == "file_unreadable"


def test_the_progress_of_an_import_does_not_read_a_pipe(pipe: Path) -> None:
    """It would take the rows away, or wait for ever."""
    with rows_of(pipe) as on_progress:
        on_progress(1)
