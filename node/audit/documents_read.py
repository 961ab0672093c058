"""What identifies the folder of documents that a replay reads: the number of its files and a digest of all of them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from node.files import read_file
from node.trust.document_files import DOCUMENT_SUFFIX
from node.trust.signed_document import DOCUMENT_SIZE_BYTES_MAX
from node.trust.stops_known import KNOWN_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsRead:
    """The documents that were read."""

    files: int
    sha256: str
    """Of a text with a line for each file, first documents, then notes about them, each by name.

    A line is the SHA-256 of the file, two spaces, its name, and a line feed.
    """


def documents_read(folder: Path) -> DocumentsRead:
    """Read every file of the folder that a replay depends on. Raises UsageError."""
    paths = [path for suffix in (DOCUMENT_SUFFIX, KNOWN_SUFFIX) for path in sorted(folder.glob(f"*{suffix}"))]
    lines = [f"{sha256(read_file(path, DOCUMENT_SIZE_BYTES_MAX)).hexdigest()}  {path.name}\n" for path in paths]
    return DocumentsRead(files=len(paths), sha256=sha256("".join(lines).encode()).hexdigest())
