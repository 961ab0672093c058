"""Two stores that work in step, SQLite and PostgreSQL: every function of node/store runs on both with the same values.

The answers are compared at once, and all rows at the end. So each test of the exchange can compare the databases.
"""

import importlib
import inspect
import pkgutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any, Final, TypeVar
from unittest.mock import patch

from sqlalchemy import select, update

from node import access_chain as access_chain_package
from node import credentials as credentials_package
from node import outgoing as outgoing_package
from node import retention as retention_package
from node import store as store_package
from node import undecided as undecided_package
from node import webhooks as webhooks_package
from node.database.backend import StoreOptions
from node.database.engine import Store, Transaction
from node.database.metadata import metadata
from node.database.record_tables import pending
from tests.support import postgres

ONE_WRITER: Final = StoreOptions(connections_max=2)
T = TypeVar("T")
_here = threading.local()


def modules() -> list[ModuleType]:
    """The modules of the packages whose functions work on a transaction."""
    packages = (
        access_chain_package,
        store_package,
        undecided_package,
        outgoing_package,
        webhooks_package,
        credentials_package,
        retention_package,
    )
    return [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for package in packages
        for found in pkgutil.iter_modules(package.__path__)
    ]


def public_functions() -> dict[str, Callable[..., Any]]:
    """Every function of node/store that works on a transaction, as `module.function`."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in modules()
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
        if next(iter(inspect.signature(function).parameters), "") == "db"
    }


class TwinStore(Store):
    """A store on SQLite whose transactions run on a second store too."""

    def __init__(self, first: Store, second: Store) -> None:
        self.first = first
        self.second = second

    @classmethod
    async def of(cls, sqlite: str, postgresql: str) -> "TwinStore":
        """Both stores at their URLs."""
        return cls(await Store.open(sqlite), await Store.open(postgresql, ONE_WRITER))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Both transactions are committed, or both rolled back."""
        return await self.second.write(lambda second: self.first._write(lambda first: _in_step(first, second, work)))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Each sees one state."""
        return await self.second.read(lambda second: self.first._read(lambda first: _in_step(first, second, work)))

    async def close(self) -> None:
        """Compare all rows and close both."""

        def rows(db: Transaction) -> dict[str, list[str]]:
            return {table.name: sorted(map(str, db.execute(select(table)))) for table in metadata.sorted_tables}

        try:
            assert await self.first.read(rows) == await self.second.read(rows)
        finally:
            await self.first.close()
            await self.second.close()


def _in_step(first: Transaction, second: Transaction, work: Callable[[Transaction], T]) -> T:
    _here.second = second
    try:
        return work(first)
    finally:
        _here.second = None


@contextmanager
def in_step() -> Iterator[set[str]]:
    """Each store of an exchange is a twin inside the block; yields the names of the functions that ran on both."""
    ran: set[str] = set()

    async def open_twin(url: str) -> Store:
        return await TwinStore.of(url, postgres.database())

    with contextmanager(_patched)(ran), patch("tests.support.exchange.open_store", open_twin):
        yield ran


def _patched(ran: set[str]) -> Iterator[None]:
    patches = []
    for name, function in public_functions().items():
        attribute = name.partition(".")[2]
        patches.append(patch(f"{function.__module__}.{attribute}", _on_both(name, function, ran)))
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


def _on_both(name: str, function: Callable[..., Any], ran: set[str]) -> Callable[..., Any]:
    @wraps(function)
    def call(db: Transaction, *arguments: Any, **named: Any) -> Any:
        second = getattr(_here, "second", None)
        if second is None:
            return function(db, *arguments, **named)
        arguments = tuple(list(value) if isinstance(value, Iterator) else value for value in arguments)
        named = {key: list(value) if isinstance(value, Iterator) else value for key, value in named.items()}
        _here.second = None  # functions that this one calls run on the same database
        try:
            mine, theirs = _answer(function, db, arguments, named), _answer(function, second, arguments, named)
        finally:
            _here.second = second
        assert theirs == mine, f"{name}: {theirs} on PostgreSQL, {mine} on SQLite"
        ran.add(name)
        if name == "pending_records.put":
            _give_equal_ids(db, second)
        if isinstance(mine, _Raised):
            raise mine.error
        return mine

    return call


class _Raised:
    """A function raised an error; equal for errors of the same class."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Raised) and type(other.error) is type(self.error)

    def __hash__(self) -> int:
        return hash(type(self.error))


def _answer(function: Callable[..., Any], db: Transaction, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        return function(db, *arguments, **named)
    except LookupError as error:
        return _Raised(error)
    except Exception as error:
        if type(error).__module__.startswith("node."):
            return _Raised(error)
        raise


def _give_equal_ids(first: Transaction, second: Transaction) -> None:
    """Each database numbers its own rows: SQLite gives the number of a deleted row again, PostgreSQL does not."""
    ids = first.execute(select(pending.c.topic, pending.c.position, pending.c.id)).all()
    second.execute(update(pending).values(id=-pending.c.id))
    for topic, position, id_ in ids:
        second.execute(update(pending).where(pending.c.topic == topic, pending.c.position == position).values(id=id_))
