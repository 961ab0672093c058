"""What is taken out of node/sharing/grants.py in turn: name, text, what stands there instead, the test that turns
red.
"""

from typing import Final

from tests.mutations.row import Rows

AUDIENCE: Final = "tests/node/sharing/test_grants.py"
BINDING: Final = "tests/node/verification/test_binding.py"
SEVERAL_OWN: Final = f"{AUDIENCE}::test_the_last_own_entry_whose_private_key_is_here_counts"
CONTENT_ONE: Final = f"{BINDING}::test_content_of_one_originator_signed_by_another_does_not_open"
ENTRY_UNDER: Final = f"{AUDIENCE}::test_a_message_waits_if_no_document_here_lists_the_key_of_its_entry"
ENTRY_UNDER_KEY: Final = f"{AUDIENCE}::test_an_entry_under_the_key_of_another_recipient_is_unlawful"
GRANT_LAWFUL: Final = f"{AUDIENCE}::test_a_grant_that_is_lawful_for_no_message_is_refused_when_it_arrives"
ENTRY_COUNTS: Final = f"{AUDIENCE}::test_an_entry_is_lawful_as_the_wire_format_defines"
AGREEMENT_LACKS: Final = f"{AUDIENCE}::test_an_agreement_that_lacks_a_signature_is_not_known"
CLAUSE_NAMED: Final = f"{AUDIENCE}::test_each_clause_named_is_in_force_when_the_message_is_sealed"
KEY_UNWRAPPED: Final = f"{AUDIENCE}::test_a_key_is_unwrapped_once_and_the_least_recently_used_one_is_dropped"
WRAP_ANYTHING: Final = f"{AUDIENCE}::test_a_wrap_of_another_key_is_an_audience_key_mismatch"
TWO_RECIPIENTS: Final = f"{AUDIENCE}::test_two_recipients_cannot_have_different_keys_under_one_id"

ROWS: Final[Rows] = {
    "own_entry: entry.recipient == node": (
        "own = [entry for entry in grant.body.entries if entry.recipient == node]",
        "own = [entry for entry in grant.body.entries if True]",
        f"{SEVERAL_OWN}[one of two]",
    ),
    "own_entry: not own": (
        "if not own:",
        "if False:",
        f"{SEVERAL_OWN}[one of two]",
    ),
    "own_entry: holds(entry.key_id)": (
        "held = [entry for entry in own if holds(entry.key_id)]",
        "held = [entry for entry in own if True]",
        f"{SEVERAL_OWN}[one of two]",
    ),
    "own_entry: held": (
        'return held[-1] if held else Waiting(reason="private_key")',
        'return held[-1] if False else Waiting(reason="private_key")',
        CONTENT_ONE,
    ),
    "check_entry: key is not None": (
        "if key is not None and (key.node != entry.recipient or key.use is not KeyUse.ENCRYPT):",
        "if True and (key.node != entry.recipient or key.use is not KeyUse.ENCRYPT):",
        ENTRY_UNDER,
    ),
    "check_entry: key.node != entry.recipient": (
        "if key is not None and (key.node != entry.recipient or key.use is not KeyUse.ENCRYPT):",
        "if key is not None and (False or key.use is not KeyUse.ENCRYPT):",
        ENTRY_UNDER_KEY,
    ),
    "check_entry: key.use is not KeyUse.ENCRYPT": (
        "if key is not None and (key.node != entry.recipient or key.use is not KeyUse.ENCRYPT):",
        "if key is not None and (key.node != entry.recipient or False):",
        f"{GRANT_LAWFUL}[for a key of another use]",
    ),
    "check_entry: grant.sealed_at <= grant.body.use_until": (
        "if not grant.sealed_at <= grant.body.use_until <= grant.sealed_at + AUDIENCE_KEY_LIFE_MS_MAX:",
        "if not grant.body.use_until <= grant.sealed_at + AUDIENCE_KEY_LIFE_MS_MAX:",
        f"{GRANT_LAWFUL}[of no use]",
    ),
    "check_entry: grant.body.use_until <= grant.sealed_at + AUDIENCE_KEY_LIFE_MS_MAX": (
        "if not grant.sealed_at <= grant.body.use_until <= grant.sealed_at + AUDIENCE_KEY_LIFE_MS_MAX:",
        "if not grant.sealed_at <= grant.body.use_until:",
        f"{GRANT_LAWFUL}[used for more than 24 hours]",
    ),
    "check_lawful: grant.sealed_at <= sealed_at": (
        "if not grant.sealed_at <= sealed_at <= grant.body.use_until:",
        "if not sealed_at <= grant.body.use_until:",
        f"{ENTRY_COUNTS}[used before it was granted]",
    ),
    "check_lawful: sealed_at <= grant.body.use_until": (
        "if not grant.sealed_at <= sealed_at <= grant.body.use_until:",
        "if not grant.sealed_at <= sealed_at:",
        f"{ENTRY_COUNTS}[used after its end]",
    ),
    "check_lawful: key is None": (
        "if key is None or None in known:",
        "if False or None in known:",
        ENTRY_UNDER,
    ),
    "check_lawful: None in known": (
        "if key is None or None in known:",
        "if key is None or False:",
        AGREEMENT_LACKS,
    ),
    "check_lawful: named is None": (
        "if named is None or grant.originator not in named[1].from_ or entry.recipient not in named[1].to:",
        "if False or grant.originator not in named[1].from_ or entry.recipient not in named[1].to:",
        f"{ENTRY_COUNTS}[a clause that the agreement does not have]",
    ),
    "check_lawful: grant.originator not in named[1].from_": (
        "if named is None or grant.originator not in named[1].from_ or entry.recipient not in named[1].to:",
        "if named is None or False or entry.recipient not in named[1].to:",
        f"{ENTRY_COUNTS}[a clause from another originator]",
    ),
    "check_lawful: entry.recipient not in named[1].to": (
        "if named is None or grant.originator not in named[1].from_ or entry.recipient not in named[1].to:",
        "if named is None or grant.originator not in named[1].from_ or False:",
        f"{ENTRY_COUNTS}[a clause to another recipient]",
    ),
    "check_lawful: not named[0].in_force(sealed_at)": (
        "if not named[0].in_force(sealed_at):",
        "if False:",
        f"{CLAUSE_NAMED}[at its end]",
    ),
    "key: (known := self._keys.get(name)) is not None": (
        "if (known := self._keys.get(name)) is not None:",
        "if False:",
        KEY_UNWRAPPED,
    ),
    "key: step self._keys.move_to_end(name)": (
        "self._keys.move_to_end(name)",
        "pass",
        KEY_UNWRAPPED,
    ),
    "key: code audience_key_mismatch": (
        'raise Rejected("audience_key_mismatch", "the wrap does not open with the recipient\'s key") from None',
        'raise Rejected("governance_stale", "the wrap does not open with the recipient\'s key") from None',
        f"{WRAP_ANYTHING}[zeros]",
    ),
    "key: audience_key_id(key, self._community, originator) != body.audience_key_id": (
        "if audience_key_id(key, self._community, originator) != body.audience_key_id:",
        "if False:",
        TWO_RECIPIENTS,
    ),
    "key: len(self._keys) > AUDIENCE_KEYS_REMEMBERED_MAX": (
        "if len(self._keys) > AUDIENCE_KEYS_REMEMBERED_MAX:",
        "if False:",
        KEY_UNWRAPPED,
    ),
    "key: step self._keys.popitem(last=False)": (
        "self._keys.popitem(last=False)",
        "pass",
        KEY_UNWRAPPED,
    ),
}
