"""node/mapping/unfilled_places.py: where a person must still decide about a drafted mapping."""

from node.mapping.unfilled_places import unfilled_places

DRAFT = """# A draft for rows.csv. Replace each FILL_IN, and check what was guessed:
id = "rows"

[occurred]
date = "x"  # FILL_IN: no column looks like a date
date_format = "%Y"

# of: CONTRABAND
[[field]]
path = "subjects"
values = ["FILL_IN"]

# FILL_IN: the law that allows the exchange
[[field]]
path = "legal_basis"
value = ""

# ISO 639-1
[[field]]
path = "narrative.language"
value = "en"
"""


def test_values_and_comments_that_ask_for_a_decision_are_listed() -> None:
    found = [(place.line, place.field) for place in unfilled_places(DRAFT)]

    assert found == [(5, "occurred.date"), (11, "subjects"), (16, "legal_basis")]


def test_a_value_that_was_filled_in_is_not_a_place_although_its_comment_stays() -> None:
    filled = DRAFT.replace('["FILL_IN"]', '["CONTRABAND"]').replace('value = ""', 'value = "Act"')

    assert [place.field for place in unfilled_places(filled)] == ["occurred.date"]
