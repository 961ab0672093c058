"""Recognises what is not read although it is called a spreadsheet: files in the container format OLE2 ([MS-CFB]).

A workbook with a password is such a container, and so is a workbook of Excel 97 to 2003 (XLS).
"""

import struct
from pathlib import Path
from typing import Final

from node.errors import UsageError

_SIGNATURE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_SECTOR_POWERS: Final = (9, 12)  # the size of a sector, as a power of 2
_HEADER_SIZE_BYTES: Final = 512
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


def refuse_ole(path: Path) -> None:
    """Raise UsageError `file_malformed` if the file is such a container, with the way out."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_SIZE_BYTES)
            if not header.startswith(_SIGNATURE):
                return
            names = b""
            if len(header) == _HEADER_SIZE_BYTES:
                [power] = struct.unpack_from("<H", header, 30)
                [directory] = struct.unpack_from("<I", header, 48)
                power = power if power in _SECTOR_POWERS else _SECTOR_POWERS[0]
                file.seek((directory + 1) << power)
                names = file.read(1 << power)
    except OSError:
        return
    if _ENCRYPTED in names:
        reason, hint = "is encrypted with a password", "open it in a spreadsheet, and save it without a password"
    else:
        reason, hint = "is not an XLSX file: it may be one of Excel 97 (XLS)", "save it as XLSX or CSV in a spreadsheet"
    raise UsageError("file_malformed", f"{path} {reason}", path=str(path), hint=hint)
