"""The files of examples/ work unchanged, and differ where they should."""

import json
from pathlib import Path

import pytest

from broker.topology import default, default_region
from node.mapping.load_mapping import load
from node.reports.validate import validate
from node.toml_reader import convert, parse_toml
from schemas import codes
from schemas.types import AgreementFile, AgreementStatus, LabelKind
from tests.support.samples import NOW_MS

EXAMPLES = Path(__file__).parents[2] / "examples"
AGREEMENTS = sorted((EXAMPLES / "agreements").glob("*.toml"))
MAPPINGS = sorted((EXAMPLES / "mappings").glob("*.toml"))
REPORTS = sorted((EXAMPLES / "reports").glob("*.json"))
NODES = frozenset(["BZ", "GT", "MX", "CO", "ES", "BR", "PE", "VE", "EC", "JM", "DO", "HT", "PA", "NL"])


def _agreement(path: Path) -> AgreementFile:
    return convert(AgreementFile, parse_toml(path.read_text("utf-8"), file=path.name), file=path.name)


@pytest.mark.parametrize("path", AGREEMENTS, ids=lambda path: path.stem)
def test_an_agreement_names_parties_and_codes_that_exist(path: Path) -> None:
    """An unknown code would match nothing, without an error."""
    agreement = _agreement(path)

    assert path.stem == agreement.id.lower()
    assert set(agreement.parties) <= NODES
    assert list(agreement.parties) == sorted(set(agreement.parties))
    for clause in agreement.clause:
        assert {*clause.from_, *clause.to} <= set(agreement.parties)
        for values, lawful in (
            (clause.regions, {region.id for region in default().regions}),
            (clause.subjects, codes.load("subjects").codes),
            (clause.types, {kind.value for kind in LabelKind}),
            (clause.categories, codes.load("categories").codes),
            (clause.handling, codes.load("handling").codes),
            (clause.purposes, codes.load("purposes").codes),
        ):
            assert values == ("*",) or (values and set(values) <= lawful), clause.id


def test_the_agreements_differ_in_everything_that_a_clause_looks_at() -> None:
    """Twenty or more, of all nodes, no two alike; among them expired, future and suspended ones."""
    agreements = [_agreement(path) for path in AGREEMENTS]
    clauses = [clause for agreement in agreements for clause in agreement.clause]

    assert len(agreements) >= 20
    assert {party for agreement in agreements for party in agreement.parties} == NODES
    for name in ("regions", "subjects", "handling", "purposes", "categories", "retention_days_max"):
        assert len({getattr(clause, name) for clause in clauses}) >= 4, name
    assert len({agreement.not_before for agreement in agreements}) >= 3
    assert {agreement.status for agreement in agreements} == {AgreementStatus.IN_FORCE, AgreementStatus.SUSPENDED}
    assert len({agreement.id for agreement in agreements}) == len(agreements)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_synthetic_report_is_accepted_from_the_node_in_its_name(path: Path) -> None:
    """`bz-chiquibul-camp.json` is Belize's."""
    originator = path.stem.split("-")[0].upper()
    obj = json.loads(path.read_text("utf-8"))
    made = validate(obj, originator=originator, topology=default(), now_ms=NOW_MS, resolve_references={})

    assert originator in NODES
    assert made.region == obj.get("region", default_region(default(), originator))


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)
def test_a_mapping_is_read_strictly_and_found_in_order(path: Path) -> None:
    """Every key, path and table of it is known."""
    assert load(path.read_text("utf-8"), file=path.name).key == ("*",)
