"""Opens a dropped file of reports, and refuses one that cannot be such a file.

It is read bit by bit: a file that filled the memory would end the daemon at each of its starts.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from node.errors import UsageError
from node.handing_in.report_file import PIECE_SIZE_BYTES

FILE_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024
LINES_MAX: Final = 500_000  # a report has more than 128 bytes; of line ends alone, the account would have gigabytes
LOOKED_AT_BYTES: Final = 4_096
_LINE_END: Final = re.compile(rb"[\r\n]")


@contextmanager
def opened_reports(file: Path) -> Iterator[BinaryIO]:
    """The file. Raises UsageError if this account may not read it."""
    try:
        source = file.open("rb")
    except PermissionError as error:
        raise UsageError("file_unreadable", f"{file.name}: {error.strerror}") from None
    with source:
        yield source


def check_reports(source: BinaryIO) -> None:
    """Raise UsageError if the file is too large, no text, or has too many lines; it is at its beginning afterwards."""
    if os.fstat(source.fileno()).st_size > FILE_SIZE_BYTES_MAX:
        raise UsageError("file_too_large", f"the file is larger than {FILE_SIZE_BYTES_MAX:,} bytes")
    if b"\x00" in source.read(LOOKED_AT_BYTES):
        raise UsageError("file_malformed", "the file is not text in UTF-8")
    source.seek(0)
    ends = 0
    while piece := source.read(PIECE_SIZE_BYTES):
        ends += len(_LINE_END.findall(piece))
        if ends > LINES_MAX:
            raise UsageError("file_too_large", f"the file has more than {LINES_MAX:,} line ends")
    source.seek(0)
