"""What operators do after an attack, by the functions behind the commands of the manual."""

from functools import partial
from pathlib import Path
from shutil import copy2
from unittest.mock import patch

from node.runtime.open_node import open_node
from node.trust.document_files import DOCUMENT_SUFFIX, DOCUMENTS_FOLDER
from node.upkeep import adopt as adopting
from node.upkeep import backup as saving
from node.upkeep import restore as restoring
from tests.campaign.running import RunningNode


async def adopt(node: RunningNode) -> None:
    """End the daemon, adopt what the log has, and let the daemon start again: `enlace adopt`."""
    await node.stop()
    with patch.object(adopting, "open_node", partial(open_node, now=node.clock)):
        await adopting.adopt(node.home)


async def backup(node: RunningNode, file: Path) -> None:
    """Take a backup while the daemon runs: `enlace backup`."""
    await saving.backup(node.home, file, with_keys=True)


async def restore(node: RunningNode, file: Path) -> None:
    """Put the backup in the place of the home, with the documents that the node had last: `enlace restore`."""
    await node.stop()
    lost = node.path.with_name(f"{node.path.name}.lost")
    node.path.rename(lost)
    with patch.object(adopting, "open_node", partial(open_node, now=node.clock)):
        await restoring.restore(node.path, file)
    for path in (lost / DOCUMENTS_FOLDER).glob(f"*{DOCUMENT_SUFFIX}"):
        copy2(path, node.path / DOCUMENTS_FOLDER / path.name)


async def put_copy_back(node: RunningNode, file: Path) -> None:
    """What a careless operator does instead: copy an old store over the newer one."""
    await node.stop()
    _replace(node.path / "store.db", file)


def _replace(store: Path, file: Path) -> None:
    for name in ("", "-wal", "-shm"):
        Path(f"{store}{name}").unlink(missing_ok=True)
    copy2(file, store)
