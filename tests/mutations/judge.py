"""What is taken out of node/verification/judge.py in turn: name, text, what stands there instead, the test that
turns red.
"""

from typing import Final

from tests.mutations.row import Rows

AUDIENCE: Final = "tests/node/sharing/test_grants.py"
BAD_RECORDS: Final = "tests/node/verification/test_bad_records.py"
JUDGE: Final = "tests/node/verification/test_judge.py"
OPENING: Final = "tests/node/verification/test_opening.py"
RECORD_WITHOUT: Final = f"{JUDGE}::test_a_record_without_a_value_is_refused"
WHAT_HELD: Final = f"{BAD_RECORDS}::test_what_is_held_for_governance_leaves_no_trace"
BAD_RECORD: Final = f"{BAD_RECORDS}::test_a_bad_record_ends_with_its_code_and_the_next_good_one_is_stored"
WHAT_HELD_NOT: Final = f"{OPENING}::test_what_is_held_is_not_opened"
LAWFUL_GRANT: Final = f"{AUDIENCE}::test_a_lawful_grant_is_counted"
GRANT_LAWFUL: Final = f"{AUDIENCE}::test_a_grant_that_is_lawful_for_no_message_is_refused_when_it_arrives"
TWO_RECIPIENTS: Final = f"{AUDIENCE}::test_two_recipients_cannot_have_different_keys_under_one_id"
RECALL_VERIFIED: Final = f"{OPENING}::test_a_recall_is_verified_and_counted"
WHAT_EXPIRED: Final = f"{OPENING}::test_what_expired_and_no_clause_covers_is_withheld_for_the_clause"
WHAT_EXPIRED_BEFORE: Final = f"{OPENING}::test_what_expired_before_it_was_read_is_withheld"

ROWS: Final[Rows] = {
    "authenticate: not value": (
        "if not value:",
        "if False:",
        f"{RECORD_WITHOUT}[none]",
    ),
    "authenticate: isinstance(record, HeldForGovernance)": (
        "if isinstance(record, HeldForGovernance):",
        "if False:",
        WHAT_HELD,
    ),
    "authenticate: step check_key_validity(record, self.governance, record.batch.sealed_at)": (
        "check_key_validity(record, self.governance, record.batch.sealed_at)",
        "pass",
        f"{BAD_RECORD}[sealed when the document had ended]",
    ),
    "decide: (held := held_from_the_future(record, now)) is not None": (
        "if (held := held_from_the_future(record, now)) is not None:",
        "if False:",
        WHAT_HELD_NOT,
    ),
    "held_from_the_future: record.batch.sealed_at <= now + CLOCK_SKEW_MS_MAX": (
        "if record.batch.sealed_at <= now + CLOCK_SKEW_MS_MAX:",
        "if True:",
        WHAT_HELD_NOT,
    ),
    "decide: not record.is_sealed_type": (
        "if not record.is_sealed_type:",
        "if False:",
        f"{LAWFUL_GRANT}[BZ]",
    ),
    "try_grant: record.grant is not None": (
        "if record.grant is not None:",
        "if False:",
        f"{GRANT_LAWFUL}[of no use]",
    ),
    "try_grant: not isinstance(entry, (Waiting, NotAddressed))": (
        "if not isinstance(entry, (Waiting, NotAddressed)):",
        "if False:",
        f"{GRANT_LAWFUL}[of no use]",
    ),
    "try_grant: step check_entry(grant, entry, self.governance)": (
        "check_entry(grant, entry, self.governance)",
        "pass",
        f"{GRANT_LAWFUL}[of no use]",
    ),
    "try_grant: step self.audience_keys.key(grant, entry)": (
        "self.audience_keys.key(grant, entry)",
        "pass",
        TWO_RECIPIENTS,
    ),
    "admit: kind.needs_clause": (
        "if batch.originator != self.node and kind.needs_clause:",
        "if batch.originator != self.node and True:",
        f"{RECALL_VERIFIED}[lawful]",
    ),
    'admit: decided.outcome != "allowed"': (
        'if decided.outcome != "allowed":',
        "if False:",
        WHAT_EXPIRED,
    ),
    "admit: opened.verified.header.expires_at <= now": (
        "if opened.verified.header.expires_at <= now:",
        "if False:",
        f"{WHAT_EXPIRED_BEFORE}[1830297600000-withheld expired]",
    ),
    "admit: kind.storage is not Storage.MESSAGE": (
        "if kind.storage is not Storage.MESSAGE:",
        "if False:",
        f"{RECALL_VERIFIED}[lawful]",
    ),
}
