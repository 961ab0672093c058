"""Mistakes of a careless operator."""

import sqlite3
from contextlib import closing
from pathlib import Path

from node.commands.quarantine import purge_quarantine
from node.limits import DAY_MS
from node.trust.document_files import DOCUMENTS_FOLDER, file_name
from node.trust.signed_document import parse
from node.undecided.quarantine_filter import EVERYTHING
from schemas.types import DocumentKind
from tests.campaign import recovery
from tests.campaign.attack import By, Phases, attack
from tests.campaign.running import RunningNode
from tests.campaign.setting import STREAMS
from tests.campaign.sightings import Trace, Where
from tests.campaign.world import HOUR_MS, ROWS, World
from tests.support.community import T0, YEAR, document, keys_of, listed, node_body, signed


@attack(3, By.OPERATOR)
async def installs_a_document_late(made: World) -> Phases:
    """The NODE document of another member is missing for a while, and garbage comes first."""
    victim = made.victim()
    other = made.dice.choice(made.others(victim))
    while not await made.drained([victim]):
        yield ()
    first = made.community.governance.nodes[other.code][0]  # later versions have no effect without it
    name = next(file_name(parsed) for data in made.community.documents if (parsed := parse(data)).hash == first.hash)
    path, aside = victim.path / DOCUMENTS_FOLDER / name, victim.path / name
    victim.takes_reports = False
    path.rename(aside)
    if made.dice.random() < 0.5:
        made.broker.write(made.honest_topic(other), [b"garbage %d" % number for number in range(ROWS + 5)])
    missed = Trace(Where.QUARANTINE, ("key_unknown",), victim.code)
    yield (missed,)
    while not missed.is_in(frozenset(made.seen.seen)):
        yield ()
    aside.rename(path)
    yield ()
    victim.takes_reports = True


@attack(13, By.OPERATOR)
async def puts_an_old_copy_of_the_store_back(made: World) -> Phases:
    """The node has sent more since. It seals nothing until its operator adopts what the log has."""
    victim = made.victim()
    while not await made.drained([victim]):
        yield ()
    copy = made.folder / f"{victim.code}.copy"
    made.still_needed_by.add(victim.code)
    _copy(victim, copy)
    yield ()
    while not await made.drained([victim]):
        yield ()
    await recovery.put_copy_back(victim, copy)
    yield (Trace(Where.UNAVAILABLE, ("head_behind",), victim.code),)
    yield ()
    await recovery.adopt(victim)
    yield ()
    made.still_needed_by.remove(victim.code)


def _copy(node: RunningNode, file: Path) -> None:
    source, copy = sqlite3.connect(node.path / "store.db"), sqlite3.connect(file)
    with closing(source), closing(copy):
        source.backup(copy)


@attack(13, By.OPERATOR)
async def loses_the_home_and_restores_it(made: World) -> Phases:
    """From a backup that was taken while the node ran."""
    victim = made.victim()
    while not await made.drained([victim]):
        yield ()
    file = made.folder / f"{victim.code}.backup"
    made.still_needed_by.add(victim.code)
    await recovery.backup(victim, file)
    yield ()
    while not await made.drained([victim]):
        yield ()
    await recovery.restore(victim, file)
    made.seen.add(victim.code, Where.STATUS, "restored")
    yield (Trace(Where.STATUS, ("restored",), victim.code),)
    yield ()
    made.still_needed_by.remove(victim.code)


@attack(14, By.OPERATOR)
async def lets_the_clock_go_back(made: World) -> Phases:
    """By hours: what others seal comes from the future, and is held until the clock is right."""
    victim = made.victim()
    victim.clock.ahead_ms = -made.dice.randint(2, 9) * HOUR_MS
    trace = Trace(Where.PENDING, ("future",), victim.code)
    yield (trace,)
    while not trace.is_in(frozenset(made.seen.seen)):  # another attack may keep what others seal away from the victim
        yield ()
    victim.clock.ahead_ms = 0


@attack(14, By.OPERATOR)
async def lets_the_clock_go_ahead(made: World) -> Phases:
    """By more than a year: nothing is sealed under it, and nothing that is read is lost for ever."""
    victim = made.victim()
    victim.clock.ahead_ms = 400 * DAY_MS
    victim.takes_reports = False
    alarm = Trace(Where.LOG, ("clock_implausible",), victim.code)
    yield (alarm,)
    while not alarm.is_in(frozenset(made.seen.seen)):  # others must have sealed before it is clear
        yield ()
    victim.clock.ahead_ms = 0
    victim.takes_reports = True


@attack(17, By.OPERATOR)
async def renews_a_document_at_the_last_moment(made: World) -> Phases:
    """Warnings come before it ends."""
    victim = made.victim()
    _new_version(made, victim, 2, until=made.now + 6 * DAY_MS)
    yield (Trace(Where.LOG, ("expires_soon",), victim.code),)
    yield ()
    _new_version(made, victim, 3, until=T0 + YEAR)


def _new_version(made: World, node: RunningNode, version: int, *, until: int) -> None:
    governance = made.community.governance
    body = node_body(listed(keys_of(node.code)), STREAMS)
    draft = document(DocumentKind.NODE, node.code, body, governance, version=version, from_=made.now, until=until)
    made.install(parse(signed(draft, governance, "TR1", "TR2")))
    if made.community.governance.problems:
        raise AssertionError(f"the version has no effect: {made.community.governance.problems}")


@attack(18, By.OPERATOR)
async def forgets_to_start_the_daemon(made: World) -> Phases:
    """The others go on, and the node catches up later."""
    victim = made.victim()
    victim.is_wanted = False
    await victim.stop()
    yield (Trace(Where.STATUS, ("daemon_down",), victim.code),)
    for _ in range(made.dice.randint(0, 2)):
        yield ()
    victim.is_wanted = True


@attack(19, By.OPERATOR)
async def purges_everything_that_was_refused(made: World) -> Phases:
    """Codes and digests stay."""
    victim = made.victim()
    other = made.dice.choice(made.others(victim))
    made.broker.write(made.honest_topic(other), [b"garbage %d" % number for number in range(5)])
    yield ()
    while victim.node is None:
        yield ()
    await purge_quarantine(victim.opened.store, EVERYTHING, actor="ana")
    yield (Trace(Where.QUARANTINE, ("framing_invalid",), victim.code),)


@attack(20, By.OPERATOR)
async def lets_others_read_the_key_file(made: World) -> Phases:
    """The node does not start until only its owner can read the file."""
    victim = made.victim()
    keys = victim.path / victim.home.config.keys.file
    keys.chmod(0o644)
    await victim.stop()
    yield (Trace(Where.EXIT, ("secret_exposed",), victim.code),)
    keys.chmod(0o600)


@attack(20, By.OPERATOR)
async def lets_others_read_the_store(made: World) -> Phases:
    """The node closes the file to them, and says so."""
    victim = made.victim()
    await victim.stop()
    (victim.path / "store.db").chmod(0o644)
    yield (Trace(Where.LOG, ("file_was_exposed",), victim.code),)


@attack(23, By.OPERATOR)
async def takes_the_key_file_away(made: World) -> Phases:
    """Reports are taken in without it. The daemon does not start until it is back."""
    victim = made.victim()
    while victim.node is None:
        yield ()
    keys = victim.path / victim.home.config.keys.file
    aside = victim.path / "keys.aside"
    await victim.stop()
    keys.rename(aside)
    accepted = await victim.accept_alone("A report that was handed in without keys.", "DRUG_TRAFFICKING")
    made.accepted += [accepted] if accepted is not None else []
    if accepted is None:
        raise AssertionError("the intake needs no private key")
    yield (Trace(Where.EXIT, ("secret_unreadable", "keys_unreadable", "file_unreadable"), victim.code),)
    aside.rename(keys)
