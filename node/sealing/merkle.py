"""The Merkle tree over the entries of a batch (RFC 9162, 2.1). One signature then covers up to 1024 messages.

Pure. Leaf = H(0x00 || entry), node = H(0x01 || left || right). A node without a sibling moves up unchanged.
A path is checked by the complete procedure of 2.1.3.2: the index is below the size, every hash is used, no hash is
missing, and each hash has 32 bytes.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_SIZE_BYTES = 32


def leaf_hash(header_hash: bytes, content_hash: bytes) -> bytes:
    """The leaf of one message. Its entry is H(header) || content_hash."""
    return sha256(b"\x00" + header_hash + content_hash).digest()


def _parent(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def tree(leaves: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """The root (32 bytes) and the path of each leaf: the hashes from the leaf upwards, concatenated.

    ValueError if there are no leaves.
    """
    if not leaves:
        raise ValueError("a Merkle tree needs at least one leaf")
    paths: list[list[bytes]] = [[] for _ in leaves]
    level = list(leaves)
    width = 1  # number of leaves below a full node of this level
    while len(level) > 1:
        for index, path in enumerate(paths):
            sibling = (index // width) ^ 1
            if sibling < len(level):
                path.append(level[sibling])
        paired = [_parent(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
        width *= 2
    return level[0], [b"".join(path) for path in paths]


def path_is_valid(*, leaf: bytes, index: int, size: int, path: bytes, root: bytes) -> bool:
    """Whether `path` proves that `leaf` is at `index` in the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(path) % HASH_SIZE_BYTES:
        return False
    position, last, current = index, size - 1, leaf
    for start in range(0, len(path), HASH_SIZE_BYTES):
        if last == 0:
            return False
        sibling = path[start : start + HASH_SIZE_BYTES]
        if position & 1 or position == last:
            current = _parent(sibling, current)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            current = _parent(current, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and current == root
