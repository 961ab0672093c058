"""A key in the name of this node that is seen only in a grant of another node is a finding."""

from pathlib import Path

import structlog.testing

from node.sealing.private_keys import PrivateKeys
from schemas.types import KeyUse
from tests.support.bed import GRANTS, bed
from tests.support.readers import granted
from tests.support.records import entry_changed


async def test_a_grant_that_names_a_key_that_neither_home_nor_documents_have_is_a_finding(tmp_path: Path) -> None:
    """It stands until a grant of the same originator names none."""
    rogue = PrivateKeys.generate("GT", (KeyUse.ENCRYPT,)).newest(KeyUse.ENCRYPT)
    async with bed(tmp_path) as scene:
        before = await scene.findings()
        forged = entry_changed(granted(scene.bz)[1], "GT", key_id=rogue.key_id)
        with structlog.testing.capture_logs() as logged:
            await scene.read(scene.bz.grant(forged), topic=GRANTS)
            await scene.read(
                scene.bz.grant(entry_changed(granted(scene.bz)[1], "GT", key_id=bytes(32))),
                topic=GRANTS,
            )
        found = await scene.findings()
        await scene.read(scene.bz.grant(granted(scene.bz)[1]), topic=GRANTS)

        assert before == []
        assert [code for code, _ in found] == ["own_key_foreign"]
        assert [(event["event"], event["key_id"]) for event in logged] == [("own_key_foreign", rogue.key_id.hex())]
        assert await scene.findings() == []
