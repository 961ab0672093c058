"""The part of step 16 that asks whether a decoded payload keeps the rules of its type. Pure."""

from node.errors import Rejected
from node.reports import rules
from schemas.types import IntelligenceReport


def check_report(report: IntelligenceReport) -> None:
    """Reject a report that intake would have refused.

    If nothing is wrong but unknown codes, a later version may know them: that rejection has a code of its own.
    """
    problems = rules.first_finding(report)
    if not problems:
        return
    where = f"{problems[0].path}: {problems[0].code}"
    if rules.only_codes_are_unknown(report, problems):
        raise Rejected("payload_code_unknown", where)
    raise Rejected("payload_malformed", where)
