"""From the address of a bus to its log. For the daemon, the command line and tests alone, which choose.

sqlite:///FILE          the embedded log; a relative FILE (three slashes) belongs to `folder`, four slashes are absolute
kafka://HOST:PORT,...   Apache Kafka
"""

from pathlib import Path
from typing import Final

from broker.log import Log

SQLITE: Final = "sqlite:///"
KAFKA: Final = "kafka://"


def open_log(url: str, folder: Path) -> Log:
    """The log at `url`; nothing is opened or asked yet. `ValueError` for an address that names none."""
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        from broker.embedded import EmbeddedLog

        return EmbeddedLog(folder / url.removeprefix(SQLITE))
    raise ValueError(f"bus address {url!r} must be sqlite:///FILE or kafka://HOST:PORT,...")
