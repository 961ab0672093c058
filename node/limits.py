"""Limits and fixed numbers of the wire format (docs/wire-format.md), each with its unit and its reason."""

from typing import Final

RECORD_SIZE_BYTES_MAX: Final = 256 * 1024  # step 1; Kafka's max.message.bytes is 1 MiB, so a record always fits
PATH_SIZE_BYTES_MAX: Final = 320  # ten hashes: a tree of 1024 leaves
HEADER_SIZE_BYTES_MAX: Final = 8 * 1024
BATCH_SIZE_BYTES_MAX: Final = 1024
BATCH_LEAVES_MAX: Final = 1024
PLAINTEXT_SIZE_BYTES_MIN: Final = (
    1024  # shorter plaintexts are padded, so that the length of a short report is not visible
)
PLAINTEXT_SIZE_BYTES_MAX: Final = 258_048  # keeps a record under RECORD_SIZE_BYTES_MAX
CONTENT_OVERHEAD_BYTES: Final = 60  # commitment 32, nonce 12, tag 16
CLOCK_SKEW_MS_MAX: Final = 5 * 60 * 1000  # step 11: sealed_at at most this far after the node's clock
AUDIENCE_KEY_LIFE_MS_MAX: Final = 24 * 60 * 60 * 1000
DAY_MS: Final = 24 * 60 * 60 * 1000
WIRE_VERSION: Final = 1  # as in the domain of each signature and key, "enlace/1 …"
SUITE: Final = 1  # Ed25519, SHA-256, AES-256-GCM, ML-DSA-65, HPKE MLKEM768-X25519; a closed table
GOVERNANCE_IN_FILES: Final = 0  # the state that a batch names while documents are installed as files
