"""node/audit/sign_access_log.py: the head of the access log is signed regularly, or a problem says why not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from node.access_chain import head_file, head_rows
from node.access_chain.head_file import HEADS_FILE
from node.audit.sign_access_log import SIGN_SECONDS, AccessSigner
from node.database.engine import Store
from node.errors import Unavailable
from node.health.records import record_problems
from node.sealing.private_keys import PrivateKeys
from node.store import access_log
from node.store.access_log import Consultation, Operation
from node.trust.governance import Governance
from schemas.types import KeyUse
from tests.support.community import T0, Community, keys_of

COMMUNITY = Community(("BZ", "GT"))
STRANGERS = Community(("GT",))


@dataclass(slots=True, kw_only=True)
class Node:
    """A store that is signed, with a clock."""

    store: Store
    file: Path
    now: int = T0 + 1000
    governance: Governance = COMMUNITY.governance
    keys: PrivateKeys = field(default_factory=lambda: keys_of("BZ"))

    def signer(self) -> AccessSigner:
        """A signer as a daemon makes it."""
        return AccessSigner(
            store=self.store,
            keys=self.keys,
            governance=lambda: self.governance,
            clock=lambda: self.now,
            file=self.file,
        )

    async def add(self) -> None:
        """One entry."""
        add = partial(access_log.add, operation=Operation.ERASURE, actor="BZ", subjects=[("s", "d")], now=self.now)
        await self.store.write(add)

    def heads(self) -> list[int]:
        """The entries that the file names."""
        lines = head_file.lines(self.file, until=head_file.size(self.file))
        return [head.entry for head in map(head_file.head_of, lines) if head is not None]

    async def problems(self) -> list[tuple[str, str]]:
        """Code and message of each problem about the access log."""
        found = await self.store.read(partial(record_problems, now=self.now))
        return [(problem.code, problem.message) for problem in found if problem.code.startswith("access")]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node with one entry."""
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    made = Node(store=store, file=tmp_path / HEADS_FILE)
    await made.add()
    yield made
    await store.close()


async def test_the_head_is_signed_at_the_start_then_at_intervals_if_there_is_something_new(node: Node) -> None:
    signer = node.signer()
    for seconds in (0, 1, SIGN_SECONDS - 1, 1, 1, SIGN_SECONDS):
        node.now += seconds * 1000
        await signer.step()
        if seconds == 1:
            await node.add()

    assert node.heads() == [1, 2, 4]
    rows = await node.store.read(partial(head_rows.page, node="BZ", after=0, last=99))
    assert [head.entry for _, head in rows] == [1, 2, 4]
    assert node.file.stat().st_mode & 0o777 == 0o600


async def test_a_log_without_an_entry_is_not_signed(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    await Node(store=store, file=tmp_path / HEADS_FILE).signer().step()
    await store.close()

    assert not (tmp_path / HEADS_FILE).exists()


async def test_a_daemon_that_stops_signs_what_came_last_and_writes_the_counts_of_polls(node: Node) -> None:
    signer = node.signer()
    await signer.step()
    polled = Consultation(query="q", subjects=())
    for _ in range(3):
        await node.store.write(
            partial(
                access_log.add_consultations,
                consultations=[polled],
                actor="token",
                command="search",
                now=node.now,
                poll=True,
            )
        )
    await signer.finish()
    await signer.finish()
    entries = await node.store.read(partial(access_log.entries, after=0, limit=9))

    assert [entry.detail[:40] for entry in entries] == ["d", "search", "search; the same question 2 more times w"]
    assert node.heads() == [1, 3]


@pytest.mark.parametrize(
    ("governance", "keys"),
    [
        (STRANGERS.governance, keys_of("BZ")),
        (COMMUNITY.governance, keys_of("BZ").without(KeyUse.CHECKPOINT)),
        (COMMUNITY.governance, PrivateKeys.generate("BZ")),
    ],
)
async def test_without_a_usable_key_a_problem_says_so_until_the_head_is_signed(
    node: Node, governance: Governance, keys: PrivateKeys
) -> None:
    node.governance, node.keys = governance, keys
    await node.signer().step()
    problems = await node.problems()
    node.governance, node.keys = COMMUNITY.governance, keys_of("BZ")
    await node.signer().step()

    assert [code for code, _ in problems] == ["access_log_unsigned"]
    assert "CHECKPOINT" in problems[0][1]
    assert (await node.problems(), node.heads()) == ([], [1])


async def test_a_newer_key_that_is_not_listed_yet_does_not_keep_an_older_one_from_signing(node: Node) -> None:
    node.keys = keys_of("BZ").with_new(KeyUse.CHECKPOINT)
    await node.signer().step()

    assert (node.heads(), await node.problems()) == ([1], [])


async def test_a_file_that_cannot_be_written_is_a_problem_and_the_store_has_no_head(node: Node) -> None:
    node.file.mkdir()
    await node.signer().step()

    assert [code for code, _ in await node.problems()] == ["access_log_unsigned"]
    assert await node.store.read(partial(head_rows.newest, node="BZ")) is None


async def test_a_full_disk_leaves_whole_heads(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written of a line is removed, and the head is signed when there is room."""
    await node.signer().step()
    await node.add()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("node.access_chain.head_file.os.fsync", full)
        await node.signer().step()
    problems = await node.problems()
    whole = node.file.read_bytes()
    await node.signer().step()

    assert problems[0][1].endswith("No space left on device")
    assert (whole.count(b"\n"), node.heads(), await node.problems()) == (1, [1, 2], [])


async def test_a_kill_between_the_file_and_the_store_loses_no_head(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has the head, the store gets the next one."""

    def killed(*_: object, **__: object) -> None:
        raise Unavailable("store_unavailable", "killed")

    with monkeypatch.context() as patched:
        patched.setattr(head_rows, "put", killed)
        with pytest.raises(Unavailable):
            await node.signer().step()
    await node.signer().step()

    assert node.heads() == [1, 1]
    assert (await node.store.read(partial(head_rows.newest, node="BZ"))) is not None


async def test_a_link_in_place_of_the_file_is_not_followed(node: Node, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    node.file.symlink_to(tmp_path / "other")
    await node.signer().step()

    assert (tmp_path / "other").read_bytes() == b""
    assert [code for code, _ in await node.problems()] == ["access_log_unsigned"]


async def test_the_store_has_the_head_that_is_signed_even_if_rows_of_heads_were_deleted(node: Node) -> None:
    await node.signer().step()
    await node.store.write(lambda db: db.execute(text("DELETE FROM access_head")))
    await node.signer().step()

    assert node.heads() == [1, 1]
