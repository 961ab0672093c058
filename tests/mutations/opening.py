"""What is taken out of node/verification/opening.py in turn: name, text, what stands there instead, the test that
turns red.
"""

from typing import Final

from tests.mutations.row import Rows

AUDIENCE: Final = "tests/node/sharing/test_grants.py"
BINDING: Final = "tests/node/verification/test_binding.py"
OPENING: Final = "tests/node/verification/test_opening.py"
MESSAGE_WAITS: Final = f"{AUDIENCE}::test_a_message_waits_for_its_grant"
GRANT_SAME: Final = f"{AUDIENCE}::test_a_grant_of_the_same_key_by_another_node_opens_nothing"
GRANT_ANOTHER: Final = f"{AUDIENCE}::test_a_grant_of_another_key_is_unlawful"
WHO_NO: Final = f"{AUDIENCE}::test_a_node_without_an_entry_is_not_addressed"
ENTRY_UNDER: Final = f"{AUDIENCE}::test_an_entry_under_the_key_of_another_recipient_is_unlawful"
WHO_ONLY: Final = f"{BINDING}::test_who_has_only_the_seal_key_cannot_change_a_header"
CONTENT_WAS: Final = f"{OPENING}::test_content_that_was_not_sealed_so_is_refused"
LABELS_HEADER: Final = f"{OPENING}::test_labels_header_and_payload_must_say_the_same"
RECALL_VERIFIED: Final = f"{OPENING}::test_a_recall_is_verified_and_counted"
MESSAGE_DOES: Final = f"{OPENING}::test_a_message_that_does_not_open_is_refused_in_one_way"
ORIGINATOR_HOLDS: Final = f"{OPENING}::test_the_originator_holds_its_own_whatever_the_clauses_say"

ROWS: Final[Rows] = {
    "open_message: grant is None": (
        "if grant is None:",
        "if False:",
        MESSAGE_WAITS,
    ),
    "open_message: always grant is None": (
        "if grant is None:",
        "if True:",
        GRANT_SAME,
    ),
    "open_message: (grant.sequence, grant.body.audience_key_id) != (sealing.grant, sealing.audience_ke...": (
        "if sealing is None or (grant.sequence, grant.body.audience_key_id) != (sealing.grant, sealing.audien"
        "ce_key_id):",
        "if sealing is None or False:",
        GRANT_ANOTHER,
    ),
    "open_message: isinstance(entry, (Waiting, NotAddressed))": (
        "if isinstance(entry, (Waiting, NotAddressed)):",
        "if False:",
        WHO_NO,
    ),
    "open_message: (waiting := check_lawful(grant, entry, sealed_at=record.batch.sealed_at, governance...": (
        "if (waiting := check_lawful(grant, entry, sealed_at=record.batch.sealed_at, governance=governance)) "
        "is not None:",
        "if False:",
        ENTRY_UNDER,
    ),
    "open_content: step check_commitment(content, key)": (
        "check_commitment(content, key)",
        "pass",
        f"{WHO_ONLY}[a recall]",
    ),
    'check_commitment: not hmac.compare_digest(expand(key, "enlace/1 commitment"), content[:32])': (
        'if not hmac.compare_digest(expand(key, "enlace/1 commitment"), content[:32]):',
        "if False:",
        f"{WHO_ONLY}[a recall]",
    ),
    "decrypt: code decryption_failed": (
        'raise Rejected("decryption_failed", "the tag does not hold") from None',
        'raise Rejected("governance_stale", "the tag does not hold") from None',
        f"{CONTENT_WAS}[tag]",
    ),
    "decrypt: len(plain) != padded_length(used)": (
        "if len(plain) != padded_length(used) or plain.count(0, used) != len(plain) - used:",
        "if False or plain.count(0, used) != len(plain) - used:",
        f"{CONTENT_WAS}[padded too far]",
    ),
    "decrypt: plain.count(0, used) != len(plain) - used": (
        "if len(plain) != padded_length(used) or plain.count(0, used) != len(plain) - used:",
        "if len(plain) != padded_length(used) or False:",
        f"{CONTENT_WAS}[a third frame]",
    ),
    "check_labels_and_payload: digest(labels_bytes) != labels_hash": (
        "if digest(labels_bytes) != labels_hash:",
        "if False:",
        f"{LABELS_HEADER}[labels of another hash]",
    ),
    "check_labels_and_payload: code payload_malformed": (
        'raise Rejected("payload_malformed", f"labels: {error.reason}") from None',
        'raise Rejected("governance_stale", f"labels: {error.reason}") from None',
        f"{LABELS_HEADER}[no labels]",
    ),
    "check_labels_and_payload: labels.created_at > record.batch.sealed_at": (
        "if labels.created_at > record.batch.sealed_at:",
        "if False:",
        f"{RECALL_VERIFIED}[created after it was sealed]",
    ),
    "_decode_payload: code payload_schema_unknown": (
        'raise Rejected("payload_schema_unknown", "the payload has a schema that this version does not know")'
        " from None",
        'raise Rejected("governance_stale", "the payload has a schema that this version does not know") from None',
        f"{LABELS_HEADER}[payload of another schema]",
    ),
    "_decode_payload: code payload_malformed": (
        'raise Rejected("payload_malformed", error.reason) from None',
        'raise Rejected("governance_stale", error.reason) from None',
        f"{LABELS_HEADER}[no payload]",
    ),
    "check_labels_and_payload: kind.check is not None": (
        "if kind.check is not None:\n        kind.check(value)",
        "pass",
        f"{LABELS_HEADER}[an entity twice]",
    ),
    "check_labels_and_payload: not labels_agree(kind, record, labels, value)": (
        "if not labels_agree(kind, record, labels, value):",
        "if False:",
        f"{MESSAGE_DOES}[wrong labels]",
    ),
    "labels_agree: labels.kind in kind.label_kinds": (
        "labels.kind in kind.label_kinds\n",
        "True\n",
        f"{RECALL_VERIFIED}[of another kind]",
    ),
    "labels_agree: (labels.retain_until + 1) * DAY_MS == record.header.expires_at": (
        "(labels.retain_until + 1) * DAY_MS == record.header.expires_at",
        "True",
        f"{LABELS_HEADER}[expires a day later]",
    ),
    "labels_agree: kind.labels_of is None": (
        "(kind.labels_of is None or labels == kind.labels_of(payload, labels.salt))",
        "(True or labels == kind.labels_of(payload, labels.salt))",
        f"{MESSAGE_DOES}[wrong labels]",
    ),
    "labels_agree: labels == kind.labels_of(payload, labels.salt)": (
        "(kind.labels_of is None or labels == kind.labels_of(payload, labels.salt))",
        "(kind.labels_of is None or True)",
        f"{MESSAGE_DOES}[wrong labels]",
    ),
    "labels_agree: kind.region_of is None": (
        "(kind.region_of is None or intel_stream(kind.region_of(payload)) == record.batch.stream)",
        "(True or intel_stream(kind.region_of(payload)) == record.batch.stream)",
        f"{LABELS_HEADER}[region of another stream]",
    ),
    "labels_agree: intel_stream(kind.region_of(payload)) == record.batch.stream": (
        "(kind.region_of is None or intel_stream(kind.region_of(payload)) == record.batch.stream)",
        "(kind.region_of is None or True)",
        f"{LABELS_HEADER}[region of another stream]",
    ),
}
