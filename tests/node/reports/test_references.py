"""A reference is an originator and a message id: no originator can take over the references to another."""

from uuid import UUID

import pytest

from node.reports.references import read_references, referred_ids
from schemas.field_errors import FieldError
from schemas.types import Reference

ID = "2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11"
BYTES = UUID(ID).bytes


def read(item: object, *originators: str) -> Reference | FieldError:
    """The reference of one item at BZ, where messages of these originators have the id."""
    errors: list[FieldError] = []
    references = read_references([item], {BYTES: set(originators)}, own="BZ", errors=errors)
    return errors[0] if errors else references[0]


@pytest.mark.parametrize(
    ("item", "originators", "named"),
    [
        (ID, ("GT",), "GT"),
        (ID.upper(), ("GT",), "GT"),
        (f"GT:{ID}", ("GT", "MX"), "GT"),
        (f"MX:{ID}", ("GT", "MX"), "MX"),
        (ID, ("BZ", "MX"), "BZ"),
        (f"MX:{ID}", ("BZ", "MX"), "MX"),
    ],
)
def test_an_item_names_one_message(item: str, originators: tuple[str, ...], named: str) -> None:
    """An id alone is that of the node's own message: other originators can see it and use it again."""
    assert read(item, *originators) == Reference(originator=named, message_id=BYTES)


def test_an_id_that_two_other_originators_use_is_refused_with_what_may_be_written() -> None:
    """Neither of them is preferred: the one that reuses the id may have been read first."""
    error = read(ID, "MX", "GT")

    assert isinstance(error, FieldError)
    assert (error.code, error.path, error.allowed) == (
        "ambiguous_message",
        "refers_to[0]",
        (f"GT:{ID}", f"MX:{ID}"),
    )


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (f"ES:{ID}", "unknown_message"),
        (f"gt:{ID}", "wrong_format"),
        (f":{ID}", "wrong_format"),
        (f"GT:{ID} ", "wrong_format"),
        ("GT:", "wrong_format"),
    ],
)
def test_an_item_that_names_no_message_is_refused(item: str, code: str) -> None:
    """Also an id that this node knows from another originator only."""
    error = read(item, "GT")

    assert isinstance(error, FieldError)
    assert error.code == code


def test_the_ids_of_both_forms_are_looked_up_once() -> None:
    assert referred_ids({"refers_to": [ID, f"GT:{ID}", f"MX:{ID}"]}) == (BYTES,)
