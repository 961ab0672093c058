"""A mapping for the rows of a table of boats."""

MAPPING = """
id = "boats"
format = "csv"
[select]
default = "BZ"
[occurred]
date = "day"
[[field]]
path = "subjects"
values = ["DRUG_TRAFFICKING"]
[[field]]
path = "narrative.text"
column = "what"
[[field]]
path = "narrative.language"
value = "en"
[[field]]
path = "urgency"
value = "NORMAL"
[[field]]
path = "purpose"
value = "INFORMATION_EXCHANGE"
[[field]]
path = "legal_basis"
value = "Test Act s. 1"
[[field]]
path = "retain_until"
value = "2035-12-31"
[[field]]
path = "evaluation.grid"
value = "4x4"
[[field]]
path = "evaluation.source"
value = "B"
[[field]]
path = "evaluation.information"
value = "2"
[[field]]
path = "handling"
values = ["H0"]
"""
