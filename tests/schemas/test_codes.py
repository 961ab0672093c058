"""schemas/codes.py: the code lists are complete and verbatim, have versions, and their codes fit the wire format."""

import pytest

from schemas import codes, schema_files

EXACT = {
    "handling": "H0 H1 H2 H3",
    "grids": "4x4 6x6",
    "source_evaluation_4x4": "A B C X",
    "information_evaluation_4x4": "1 2 3 4",
    "source_evaluation_6x6": "A B C D E F",
    "information_evaluation_6x6": "1 2 3 4 5 6",
    "categories": (
        "SUSPECT CONVICTED POTENTIAL_FUTURE_OFFENDER WITNESS VICTIM_OR_POTENTIAL_VICTIM CONTACT_OR_ASSOCIATE "
        "INFORMATION_PROVIDER"
    ),
    "purposes": (
        "CROSS_CHECKING STRATEGIC_ANALYSIS OPERATIONAL_ANALYSIS INFORMATION_EXCHANGE RESEARCH PUBLIC_INFORMATION"
    ),
    "urgency": "URGENT_DIRECT URGENT_INDIRECT NORMAL",
    "statements": "FACT ASSESSMENT",
    "entity_kinds": ("PERSON ORGANISATION VEHICLE VESSEL AIRCRAFT FIREARM DOCUMENT PHONE ACCOUNT LOCATION EVENT GOODS"),
    "schemes": "PLATE VIN IMO MMSI AIRCRAFT_REGISTRATION SERIAL PASSPORT ID_CARD PHONE IBAN CASE NAME",
}
CELAC = "AG AR BS BB BZ BO BR CL CO CR CU DM DO EC SV GD GT GY HT HN JM MX NI PA PY PE KN LC VC SR TT UY VE"
EU = "AT BE BG HR CY CZ DE DK EE ES FI FR GR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"


@pytest.mark.parametrize("name", EXACT)
def test_a_list_holds_the_codes_of_its_source(name: str) -> None:
    """The codes are in the order of the source."""
    assert " ".join(codes.load(name).ordered) == EXACT[name]


def test_subjects_are_the_thirty_of_europol_and_the_four_of_the_region() -> None:
    """Two of the four are Europol's third and seventh. A list may grow, and it keeps the codes of its first version."""
    subjects = next(listed for listed in codes.released() if listed.name == "subjects").ordered

    assert len(subjects) == 32
    assert set(subjects) <= codes.load("subjects").codes
    assert subjects[2] == "DRUG_TRAFFICKING"
    assert subjects[6] == "TRAFFICKING_IN_HUMAN_BEINGS"
    assert subjects[26] == "ENVIRONMENTAL_CRIME"
    assert subjects[30:] == ("PROTECTED_AREA_ENCROACHMENT", "CONTRABAND")
    named = {"ORGANISED_CRIME", "MONEY_LAUNDERING", "ARMS_TRAFFICKING", "MOTOR_VEHICLE_CRIME", "ROBBERY"}
    assert named <= set(subjects)


def test_countries_and_languages_are_those_of_iso() -> None:
    """249 countries, with all that take part, and 183 languages."""
    assert len(codes.load("countries").codes) == 249
    assert {*CELAC.split(), *EU.split()} <= codes.load("countries").codes
    assert len(codes.load("languages").codes) == 183
    assert {"es", "pt", "fr", "en", "nl"} <= codes.load("languages").codes


@pytest.mark.parametrize("name", codes.names())
def test_a_list_is_complete(name: str) -> None:
    """A list has name, version, source and a text for each code. Each code fits into a string of the wire format."""
    listed = codes.load(name)

    assert listed.name == name
    assert listed.version
    assert listed.source
    assert all(listed.texts.values())
    assert listed.codes == set(listed.ordered)
    assert all(len(code.encode()) <= schema_files.TEXT_BYTES_MAX for code in listed.codes)


def test_an_unknown_list_is_an_error_that_names_those_there_are() -> None:
    """For example after a typing error in a mapping."""
    with pytest.raises(KeyError, match="there are categories"):
        codes.load("categorys")
