"""From a report as JSON to a draft: what the node fills in, which reports are the same, what is refused."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.topology import Region, Topology
from node.limits import PLAINTEXT_SIZE_BYTES_MAX
from node.primitives import ZERO_HASH, frame, padded_length
from node.reports.labels import labels_of
from node.reports.references import referred_ids
from node.reports.report_ids import report_id_of_key
from node.reports.rules import check
from node.reports.validate import ReportRefused
from schemas import codes
from schemas.avro import codec
from schemas.types import IntelligenceReport, LabelKind, Reference
from tests.support.samples import (
    NOW_MS,
    REPORT,
    changed,
    draft,
    report,
)

KNOWN = {UUID("2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11").bytes: {"GT"}}
OTHER_DAY_MS = NOW_MS + 40 * 86_400_000


def _refusals(obj: object, **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ReportRefused) as caught:
        draft(obj, **arguments)
    return [(error.path, error.code) for error in caught.value.errors]


def test_the_node_fills_in_what_integrators_leave_out() -> None:
    """Kind, time of intake, region and report id."""
    made = draft()

    assert made.report.kind is LabelKind.REPORT
    assert made.report.created_at == NOW_MS
    assert made.region == "caribbean"
    assert UUID(made.report_id).version == 5
    assert codec.decode(IntelligenceReport, made.payload) == made.report


FILLED_IN = ("kind", "created_at", "references")


@pytest.mark.parametrize("name", FILLED_IN)
def test_a_field_that_the_node_fills_in_is_refused(name: str) -> None:
    """As an unknown key."""
    assert (name, "unknown_key") in _refusals(report(**{name: "REPORT"}))


def test_an_unknown_key_is_refused_with_its_path() -> None:
    """At the top and in nested records, all at once."""
    obj = changed("entities.0.person.shoe_size", 44)
    obj["colour"] = "green"

    assert sorted(_refusals(obj)) == [("colour", "unknown_key"), ("entities[0].person.shoe_size", "unknown_key")]


NOT_OBJECTS: tuple[object, ...] = ([], "report", 7)


@pytest.mark.parametrize("obj", NOT_OBJECTS)
def test_only_an_object_is_a_report(obj: object) -> None:
    """Other JSON is refused as a whole."""
    assert _refusals(obj) == [("", "not_an_object")]


MANDATORY = tuple(name for name in REPORT if name != "place")


@pytest.mark.parametrize("name", MANDATORY)
def test_a_missing_mandatory_field_is_named(name: str) -> None:
    """By its path."""
    assert _refusals(report(**{name: None})) == [(name, "missing")]


def test_the_error_of_an_unknown_code_lists_the_allowed_codes() -> None:
    """So an integrator can correct it without the manual."""
    with pytest.raises(ReportRefused) as caught:
        draft(report(handling=["H9"]))

    assert caught.value.errors[0].allowed == codes.load("handling").ordered
    assert caught.value.exit_code == 1


def test_the_default_region_is_the_first_that_lists_the_originator() -> None:
    """Belize is a member of the Caribbean first, and of Central America too."""
    assert draft(report(region="central-america")).region == "central-america"
    assert draft(originator="GT").region == "central-america"


BAD_REGIONS: tuple[object, ...] = ("europe", "atlantis", 5, None)


@pytest.mark.parametrize("region", BAD_REGIONS)
def test_a_region_that_does_not_list_the_originator_is_refused(region: object) -> None:
    """The error lists the regions of the originator; an originator that no region lists has none."""
    obj = report() | {"region": region}
    with pytest.raises(ReportRefused) as caught:
        draft(obj, originator="XX" if region is None else "BZ")

    assert caught.value.errors[0].path == "region"
    assert caught.value.errors[0].allowed == (
        () if region is None else ("caribbean", "central-america", "transatlantic")
    )


def test_the_same_content_is_the_same_report_on_any_day_in_any_region() -> None:
    """The region, the day, the order of keys and the spelling of identifiers are not content."""
    first = draft()
    spelled = changed("entities.0.identifiers.0.value", "00501-600-1234")
    shuffled = dict(reversed(spelled.items())) | {"region": "transatlantic"}
    again = draft(shuffled, now_ms=OTHER_DAY_MS)

    assert again.report_id == first.report_id
    assert again.content_hash == first.content_hash
    assert again.payload != first.payload


@given(st.sampled_from(["narrative.text", "entities.0.label", "legal_basis"]), st.text("abcxyz", min_size=1))
def test_other_content_is_another_report(path: str, text: str) -> None:
    """In each of these fields."""
    other = draft(changed(path, f"{text}."))

    assert other.content_hash != draft().content_hash
    assert other.report_id != draft().report_id


def test_another_originator_has_another_id_for_the_same_content() -> None:
    """The content hash is the same."""
    assert draft(originator="GT").report_id != draft().report_id
    assert draft(originator="GT").content_hash == draft().content_hash


def test_a_given_report_id_is_kept_in_lower_case() -> None:
    """And does not change the content hash."""
    made = draft(report(report_id="2F1C6B1E-7F0D-4A44-9A58-0C1E1F0A7D11"))

    assert made.report_id == "2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11"
    assert made.content_hash == draft().content_hash


BAD_REPORT_IDS: tuple[object, ...] = ("7", "{2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11}", str(UUID(int=0)), 7)


@pytest.mark.parametrize("text", BAD_REPORT_IDS)
def test_an_invalid_report_id_is_refused(text: object) -> None:
    """It must be the text of a UUID other than the nil UUID."""
    assert {path for path, _ in _refusals(report(report_id=text))} == {"report_id"}


def test_a_report_can_refer_to_messages_that_the_node_knows() -> None:
    """`refers_to` becomes references with their originators."""
    obj: dict[str, Any] = report(refers_to=["2F1C6B1E-7F0D-4A44-9A58-0C1E1F0A7D11"])
    assert referred_ids(obj) == tuple(KNOWN)

    made = draft(obj, resolve_references=KNOWN)

    assert made.report.references == (Reference(originator="GT", message_id=next(iter(KNOWN))),)
    assert made.content_hash != draft().content_hash


BAD_REFERENCES: tuple[tuple[object, str, str], ...] = (
    (["2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d12"], "refers_to[0]", "unknown_message"),
    (["2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11"] * 2, "refers_to[1]", "duplicate"),
    (["message 7"], "refers_to[0]", "wrong_format"),
    ([7], "refers_to[0]", "wrong_format"),
    ("2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11", "refers_to", "wrong_format"),
    (["2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d12"] * 1001, "refers_to", "wrong_format"),
)


@pytest.mark.parametrize(("named", "path", "code"), BAD_REFERENCES)
def test_an_invalid_reference_is_refused(named: object, path: str, code: str) -> None:
    """Unknown, repeated, malformed, or not a list."""
    assert (path, code) in _refusals(report(refers_to=named), resolve_references=KNOWN)


def test_a_malformed_report_refers_to_no_ids() -> None:
    """The caller looks the ids up before it validates the report."""
    nonsense: list[Any] = [None, [], {"refers_to": 7}, {"refers_to": [7, "x"]}]
    assert [referred_ids(obj) for obj in nonsense] == [()] * 4


def test_a_report_that_does_not_fit_into_a_record_is_refused_at_intake() -> None:
    """Narrative and legal basis fit alone but not together; the error names the limit."""
    obj = changed("narrative.text", "x" * 200_000) | {"legal_basis": "y" * 60_000}
    with pytest.raises(ReportRefused) as caught:
        draft(obj)

    assert caught.value.errors[0].code == "too_large"
    assert "258,048" in caught.value.message


def test_the_size_includes_the_labels() -> None:
    """A payload that alone would fit does not fit with its labels."""
    obj = changed("narrative.text", "x" * 200_000) | {"legal_basis": "y" * 50_000}
    room = PLAINTEXT_SIZE_BYTES_MAX - len(draft(obj).payload)
    with pytest.raises(ReportRefused, match="labels and payload are 258,"):
        draft(obj | {"legal_basis": "y" * (50_000 + room - 8)})


def test_the_largest_accepted_report_fits_when_it_is_sealed() -> None:
    """It has the largest padded size."""
    lengths = []
    for size in range(50_000, 60_000, 250):
        obj = changed("narrative.text", "x" * 200_000) | {"legal_basis": "y" * size}
        try:
            made = draft(obj)
        except ReportRefused:
            break
        lengths.append(padded_length(len(frame(codec.encode(labels_of(made.report, ZERO_HASH)), made.payload))))

    assert lengths[-1] == PLAINTEXT_SIZE_BYTES_MAX


def test_the_id_of_an_imported_row_depends_on_its_key_only() -> None:
    """The values of the key columns count, also empty ones; their order does not."""
    first = report_id_of_key("CO", "seizures", {"a": "1", "b": "2"})

    assert first == report_id_of_key("CO", "seizures", {"b": "2", "a": "1"})
    assert len({first, report_id_of_key("CO", "seizures", {"a": "1", "b": ""}), report_id_of_key("CO", "x", {})}) == 3
    assert draft(report_id=first).report_id == first


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
        max_leaves=8,
    ),
    st.sampled_from(sorted(REPORT)),
)
def test_any_value_in_any_field_is_refused_or_obeys_the_rules(nonsense: Any, name: str) -> None:
    """And raises no other exception."""
    try:
        made = draft(report() | {name: nonsense})
    except ReportRefused:
        return
    assert check(made.report) == []


def test_the_topology_is_an_argument() -> None:
    """Another topology has another default region."""
    own = Topology(replication=1, regions=(Region(id="north", members=("BZ",), retention_days=1),))

    assert draft(topology=own).region == "north"
