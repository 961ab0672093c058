"""What is taken out of node/verification/verify.py in turn: name, text, what stands there instead, the test that
turns red.
"""

from typing import Final

from tests.mutations.row import Rows

BODIES: Final = "tests/node/verification/test_open_types.py"
VERIFY: Final = "tests/node/verification/test_verify.py"
VERIFY_MEMORY: Final = "tests/node/verification/test_verify_memory.py"
VERIFY_REGISTRY: Final = "tests/node/verification/test_verify_registry.py"
ENVELOPE_BATCH: Final = f"{VERIFY}::test_an_envelope_or_batch_that_breaks_a_rule_is_refused_with_its_code"
BATCH_COSTS: Final = f"{VERIFY_MEMORY}::test_a_batch_costs_one_verification_of_its_signature"
REGISTRY_NEEDS: Final = f"{VERIFY_REGISTRY}::test_the_registry_needs_no_node_document_and_no_governance_before_its_own"
WHAT_NO: Final = f"{VERIFY}::test_what_no_governance_state_can_make_right_is_refused_and_not_held"
REMEMBERED_SIGNATURE: Final = f"{VERIFY}::test_a_remembered_signature_does_not_move_a_record_to_another_place"
REMEMBERED_SIGNATURE_EXCUSES: Final = (
    "tests/node/verification/test_verify_memory.py::test_a_remembered_signature_excuses_no_look_at_the_key"
)
LEAF_NO: Final = f"{VERIFY}::test_a_leaf_is_no_inner_node_of_the_tree"
EMPTY_CONTENT: Final = f"{VERIFY}::test_empty_content_is_refused_even_if_its_hash_was_signed"
BYTE_BODY: Final = f"{BODIES}::test_each_byte_of_a_body_counts"
KEY_NO: Final = f"{VERIFY}::test_a_key_that_no_document_lists_is_valid_at_no_time"
KEY_NODE: Final = f"{VERIFY}::test_key_and_node_document_are_valid_from_their_beginning_to_before_their_end"
KEY_VALID: Final = f"{VERIFY}::test_a_key_is_valid_only_while_a_node_document_is"
RECEIPT_LIMITS: Final = f"{BODIES}::test_a_receipt_at_its_limits_is_verified"
BATCH_NAMES: Final = f"{VERIFY}::test_a_batch_that_names_a_governance_state_that_is_not_here_is_held"
NOBODY_BUT: Final = f"{VERIFY}::test_nobody_but_the_registry_writes_governance"
NODE_WRITES: Final = f"{VERIFY}::test_a_node_writes_only_the_streams_of_its_document"
HEADER_LENGTH: Final = f"{VERIFY}::test_a_header_or_length_that_does_not_fit_a_sealed_type_is_refused"
WHAT_VERIFIED: Final = f"{VERIFY}::test_what_is_verified_is_what_was_read"
HEADER_DOES: Final = f"{BODIES}::test_a_header_that_does_not_fit_its_open_stream_is_refused"

ROWS: Final[Rows] = {
    "verify: batch is None": (
        "if batch is None:",
        "if False:",
        f"{ENVELOPE_BATCH}[batch of more than 1 KiB]",
    ),
    "verify: always batch is None": (
        "if batch is None:",
        "if True:",
        BATCH_COSTS,
    ),
    "verify: step check_suite(batch)": (
        "check_suite(batch)  # 3",
        "pass  # 3",
        f"{ENVELOPE_BATCH}[suite 0]",
    ),
    "verify: batch.governance != GOVERNANCE_IN_FILES": (
        "if batch.governance != GOVERNANCE_IN_FILES and batch.originator != REGISTRY:",
        "if True and batch.originator != REGISTRY:",
        f"{ENVELOPE_BATCH}[no content]",
    ),
    "verify: batch.originator != REGISTRY": (
        "if batch.governance != GOVERNANCE_IN_FILES and batch.originator != REGISTRY:",
        "if batch.governance != GOVERNANCE_IN_FILES and True:",
        f"{REGISTRY_NEEDS}[2]",
    ),
    "verify: step check_before_holding(sealed, batch, governance)": (
        "check_before_holding(sealed, batch, governance)",
        "pass",
        f"{WHAT_NO}[forged signature]",
    ),
    "verify: step check_signature(sealed, check_sealing_key(batch, governance))": (
        "check_signature(sealed, check_sealing_key(batch, governance))",
        "pass",
        f"{ENVELOPE_BATCH}[key of a trustee]",
    ),
    "verify: step memory.put(memory_key, batch)": (
        "memory.put(memory_key, batch)",
        "pass",
        BATCH_COSTS,
    ),
    "verify: step check_place(batch, place)": (
        "else:\n        check_place(batch, place)",
        "else:\n        pass",
        REMEMBERED_SIGNATURE,
    ),
    "verify: step check_sealing_key(batch, governance)": (
        "check_place(batch, place)\n        check_sealing_key(batch, governance)",
        "check_place(batch, place)\n        pass",
        REMEMBERED_SIGNATURE_EXCUSES,
    ),
    "verify: step check_path(sealed, batch, header_hash)": (
        "check_path(sealed, batch, header_hash)",
        "pass",
        LEAF_NO,
    ),
    "verify: step check_content(sealed)": (
        "check_content(sealed)",
        "pass",
        EMPTY_CONTENT,
    ),
    "check_content: not sealed.content": (
        "if not sealed.content or digest(sealed.content) != sealed.content_hash:  # 6",
        "if False or digest(sealed.content) != sealed.content_hash:  # 6",
        EMPTY_CONTENT,
    ),
    "check_content: digest(sealed.content) != sealed.content_hash": (
        "if not sealed.content or digest(sealed.content) != sealed.content_hash:  # 6",
        "if not sealed.content or False:  # 6",
        f"{ENVELOPE_BATCH}[other content]",
    ),
    "verify: header.sealing is None": (
        "if header.sealing is None:",
        "if False:",
        f"{BYTE_BODY}[RECEIPT]",
    ),
    "check_key_validity: key is None": (
        "if key is None or not key.valid_at(t):",
        "if False or not key.valid_at(t):",
        KEY_NO,
    ),
    "check_key_validity: not key.valid_at(t)": (
        "if key is None or not key.valid_at(t):",
        "if key is None or False:",
        f"{KEY_NODE}[at the end of the key]",
    ),
    "check_key_validity: batch.originator != REGISTRY": (
        "if batch.originator != REGISTRY and (document is None or not document.valid_at(t)):",
        "if True and (document is None or not document.valid_at(t)):",
        f"{REGISTRY_NEEDS}[1]",
    ),
    "check_key_validity: document is None": (
        "if batch.originator != REGISTRY and (document is None or not document.valid_at(t)):",
        "if batch.originator != REGISTRY and (False or not document.valid_at(t)):",
        KEY_VALID,
    ),
    "check_key_validity: not document.valid_at(t)": (
        "if batch.originator != REGISTRY and (document is None or not document.valid_at(t)):",
        "if batch.originator != REGISTRY and (document is None or False):",
        f"{KEY_NODE}[at the end of the NODE document]",
    ),
    "check_framing: len(value) > RECORD_SIZE_BYTES_MAX": (
        "if len(value) > RECORD_SIZE_BYTES_MAX:  # 1",
        "if False:  # 1",
        f"{ENVELOPE_BATCH}[a byte above the limit]",
    ),
    "check_framing: code framing_invalid": (
        'raise Rejected("framing_invalid", error.reason) from None',
        'raise Rejected("governance_stale", error.reason) from None',
        f"{ENVELOPE_BATCH}[empty]",
    ),
    "check_framing: len(sealed.path) % merkle.HASH_SIZE_BYTES": (
        "if len(sealed.path) % merkle.HASH_SIZE_BYTES or len(sealed.path) > PATH_SIZE_BYTES_MAX:",
        "if False or len(sealed.path) > PATH_SIZE_BYTES_MAX:",
        f"{ENVELOPE_BATCH}[path of 31 bytes]",
    ),
    "check_batch: code batch_malformed": (
        'raise Rejected("batch_malformed", error.reason) from None',
        'raise Rejected("governance_stale", error.reason) from None',
        f"{ENVELOPE_BATCH}[size 0]",
    ),
    "check_batch: batch.first_sequence <= SEQUENCE_MAX": (
        "if not 1 <= batch.size <= BATCH_LEAVES_MAX or not 1 <= batch.first_sequence <= SEQUENCE_MAX:",
        "if not 1 <= batch.size <= BATCH_LEAVES_MAX or not 1 <= batch.first_sequence:",
        f"{ENVELOPE_BATCH}[sequence 2^63-1]",
    ),
    "check_batch: (batch.previous == ZERO_HASH) != (batch.first_sequence == 1)": (
        "if (batch.previous == ZERO_HASH) != (batch.first_sequence == 1):",
        "if False:",
        f"{ENVELOPE_BATCH}[first sequence 1 with a previous]",
    ),
    "check_batch: batch.stream == GOVERNANCE": (
        "if batch.stream == GOVERNANCE and batch.governance != batch.first_sequence - 1:",
        "if True and batch.governance != batch.first_sequence - 1:",
        BATCH_NAMES,
    ),
    "check_batch: batch.governance != batch.first_sequence - 1": (
        "if batch.stream == GOVERNANCE and batch.governance != batch.first_sequence - 1:",
        "if batch.stream == GOVERNANCE and True:",
        NOBODY_BUT,
    ),
    "check_batch: batch.community != community": (
        "if batch.community != community:",
        "if False:",
        f"{ENVELOPE_BATCH}[foreign community]",
    ),
    "check_batch: step check_place(batch, place)": (
        'raise Rejected("community_mismatch", "the batch belongs to another community")\n    check_place(batch, place)',
        'raise Rejected("community_mismatch", "the batch belongs to another community")\n    pass',
        f"{ENVELOPE_BATCH}[other stream]",
    ),
    "check_place: (batch.stream, batch.originator) != (place.stream, place.originator)": (
        "if (batch.stream, batch.originator) != (place.stream, place.originator):",
        "if False:",
        f"{ENVELOPE_BATCH}[other stream]",
    ),
    "check_suite: batch.suite != SUITE": (
        "if batch.suite != SUITE:",
        "if False:",
        f"{ENVELOPE_BATCH}[suite 0]",
    ),
    "check_before_holding: (key := governance.key(batch.key_id)) is not None": (
        "if (key := governance.key(batch.key_id)) is not None:",
        "if False:",
        f"{WHAT_NO}[forged signature]",
    ),
    "check_before_holding: step check_key_use(key, batch)": (
        "if (key := governance.key(batch.key_id)) is not None:\n        check_key_use(key, batch)",
        "if (key := governance.key(batch.key_id)) is not None:\n        pass",
        f"{WHAT_NO}[key of another node]",
    ),
    "check_before_holding: step check_signature(sealed, key)": (
        "check_signature(sealed, key)",
        "pass",
        f"{WHAT_NO}[forged signature]",
    ),
    "check_sealing_key: key is None": (
        "if key is None:",
        "if False:",
        f"{ENVELOPE_BATCH}[key that no document lists]",
    ),
    "check_sealing_key: step check_key_use(key, batch)": (
        'raise Rejected("key_unknown", "no document here lists the key")\n    check_key_use(key, batch)',
        'raise Rejected("key_unknown", "no document here lists the key")\n    pass',
        f"{ENVELOPE_BATCH}[key of a trustee]",
    ),
    "check_sealing_key: not governance.may_write(batch.originator, batch.stream, batch.sealed_at)": (
        "if not governance.may_write(batch.originator, batch.stream, batch.sealed_at):",
        "if False:",
        NODE_WRITES,
    ),
    "check_key_use: key.node != batch.originator": (
        "if key.node != batch.originator or key.use is not KeyUse.SEAL:",
        "if False or key.use is not KeyUse.SEAL:",
        f"{ENVELOPE_BATCH}[key of another node]",
    ),
    "check_key_use: key.use is not KeyUse.SEAL": (
        "if key.node != batch.originator or key.use is not KeyUse.SEAL:",
        "if key.node != batch.originator or False:",
        f"{ENVELOPE_BATCH}[key of another use]",
    ),
    "check_signature: not public_keys.verify_ed25519": (
        'if not public_keys.verify_ed25519(key.public, sealed.signature, frame("enlace/1 batch", sealed.batch)):  # 4',
        "if False:  # 4",
        f"{ENVELOPE_BATCH}[signature of zeros]",
    ),
    "check_path: not merkle.path_is_valid( # 5 leaf=leaf, index=sealed.index, size=batch.size, path=sealed....": (
        "if not merkle.path_is_valid(  # 5\n"
        "        leaf=leaf, index=sealed.index, size=batch.size, path=sealed.path, root=batch.root\n"
        "    ):",
        "if False:",
        LEAF_NO,
    ),
    "check_header: code header_malformed": (
        'raise Rejected("header_malformed", error.reason) from None',
        'raise Rejected("governance_stale", error.reason) from None',
        f"{HEADER_LENGTH}[grant 0]",
    ),
    "check_header: is_intel(batch.stream)": (
        "if is_intel(batch.stream):",
        "if False:",
        WHAT_VERIFIED,
    ),
    "check_header: always is_intel(batch.stream)": (
        "if is_intel(batch.stream):",
        "if True:",
        RECEIPT_LIMITS,
    ),
    "check_header: step check_sealed_header(header, sealed.content)": (
        "check_sealed_header(header, sealed.content)",
        "pass",
        f"{HEADER_LENGTH}[content of 59 bytes]",
    ),
    "check_header: header.type is not OPEN_KINDS[batch.stream].header_type": (
        "header.type is not OPEN_KINDS[batch.stream].header_type",
        "False",
        f"{HEADER_DOES}[type of another stream]",
    ),
    "check_header: header.sealing is not None": (
        "or header.sealing is not None",
        "or False",
        f"{HEADER_DOES}[sealing]",
    ),
    "check_header: header.refers_to": (
        "or header.refers_to",
        "or False",
        f"{HEADER_DOES}[refers to a message]",
    ),
    "check_header: header.expires_at": (
        "or header.refers_to\n        or header.expires_at",
        "or header.refers_to\n        or False",
        f"{HEADER_DOES}[expires]",
    ),
    "check_sealed_header: header.type not in SEALED_TYPES": (
        "if header.type not in SEALED_TYPES or header.sealing is None:",
        "if False or header.sealing is None:",
        f"{HEADER_LENGTH}[grant on an intel stream]",
    ),
    "check_sealed_header: header.sealing is None": (
        "if header.type not in SEALED_TYPES or header.sealing is None:",
        "if header.type not in SEALED_TYPES or False:",
        f"{HEADER_LENGTH}[no sealing]",
    ),
    "check_sealed_header: (header.type in REFERRING_TYPES) != bool(header.refers_to)": (
        "if (header.type in REFERRING_TYPES) != bool(header.refers_to):",
        "if False:",
        f"{HEADER_LENGTH}[recall of nothing]",
    ),
    "check_sealed_header: header.expires_at <= 0": (
        "if header.expires_at <= 0 or header.expires_at % DAY_MS or header.sealing.grant < 1:",
        "if False or header.expires_at % DAY_MS or header.sealing.grant < 1:",
        f"{HEADER_LENGTH}[expires_at 0]",
    ),
    "check_sealed_header: header.expires_at % DAY_MS": (
        "if header.expires_at <= 0 or header.expires_at % DAY_MS or header.sealing.grant < 1:",
        "if header.expires_at <= 0 or False or header.sealing.grant < 1:",
        f"{HEADER_LENGTH}[expires_at before its midnight]",
    ),
    "check_sealed_header: padded_length(length) != length": (
        "if not PLAINTEXT_SIZE_BYTES_MIN <= length <= PLAINTEXT_SIZE_BYTES_MAX or padded_length(length) != length:",
        "if not PLAINTEXT_SIZE_BYTES_MIN <= length <= PLAINTEXT_SIZE_BYTES_MAX or False:",
        f"{HEADER_LENGTH}[content of no padded length]",
    ),
    "check_batch: not is_stream(batch.stream)": (
        "if not is_stream(batch.stream):",
        "if False:",
        f"{ENVELOPE_BATCH}[stream that does not exist]",
    ),
}
