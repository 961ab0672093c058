"""The rules about the entities of a report together: their ids, and the connections between them. Pure."""

from collections.abc import Sequence

from node.reports.field_checks import FieldChecks
from schemas.types import Connection, Entity


def check_entity_ids(checks: FieldChecks, entities: Sequence[Entity]) -> frozenset[int]:
    """No two entities have one id; returns the ids."""
    ids: set[int] = set()
    for index, entity in enumerate(entities):
        if entity.id in ids:
            checks.add(f"entities[{index}].id", "duplicate", f"another entity has the id {entity.id}")
        ids.add(entity.id)
    return frozenset(ids)


def check_connections(checks: FieldChecks, connections: Sequence[Connection], ids: frozenset[int]) -> None:
    """Connections join entities with one of `ids`. All findings share one list of them, which may be long."""
    known: tuple[str, ...] = ()
    for index, connection in enumerate(connections):
        checks.inside = ("connections", index)
        for end, name in ((connection.from_, "from"), (connection.to, "to")):
            if end not in ids:
                known = known or tuple(map(str, sorted(ids)))
                checks.add(name, "unknown_entity", f"no entity has the id {end}", known)
        checks.term("role", connection.role)
        checks.code("statement", connection.statement, "statements")
