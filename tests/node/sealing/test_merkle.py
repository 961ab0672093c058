"""Merkle paths: each leaf verifies in a tree of each size, and nothing else does."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.sealing import merkle


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(sha256(b"h%d" % i).digest(), sha256(b"c%d" % i).digest()) for i in range(size)]


def naive_root(nodes: list[bytes]) -> bytes:
    """The definition of RFC 9162, 2.1.1: split at the largest power of two below n."""
    if len(nodes) == 1:
        return nodes[0]
    split = 1 << ((len(nodes) - 1).bit_length() - 1)
    return sha256(b"\x01" + naive_root(nodes[:split]) + naive_root(nodes[split:])).digest()


@pytest.mark.parametrize("size", [*range(1, 131), 1023, 1024])
def test_the_root_is_that_of_the_recursive_definition(size: int) -> None:
    root, _ = merkle.tree(leaves(size))

    assert root == naive_root(leaves(size))


@pytest.mark.parametrize("size", range(1, 131))
def test_each_leaf_verifies_at_its_own_index_only(size: int) -> None:
    nodes = leaves(size)
    root, paths = merkle.tree(nodes)

    for index, (leaf, path) in enumerate(zip(nodes, paths, strict=True)):
        accepted = [
            i for i in range(-1, size + 1) if merkle.path_is_valid(leaf=leaf, index=i, size=size, path=path, root=root)
        ]
        assert accepted == [index]


@pytest.mark.parametrize("size", range(1, 131))
def test_a_path_with_a_missing_surplus_or_short_hash_is_refused(size: int) -> None:
    nodes = leaves(size)
    root, paths = merkle.tree(nodes)

    for index, (leaf, path) in enumerate(zip(nodes, paths, strict=True)):
        wrong = [path + bytes(32), path + path[-32:], path[:-1], path + b"\x00", bytes(32) + path]
        if path:
            wrong += [path[:-32], path[32:]]
        for bad in wrong:
            if bad != path:
                assert not merkle.path_is_valid(leaf=leaf, index=index, size=size, path=bad, root=root)


def sides(index: int, size: int) -> tuple[bool, ...]:
    """For each sibling from the leaf upwards, whether it is on the left (RFC 9162, 2.1.3.1)."""
    if size == 1:
        return ()
    split = 1 << ((size - 1).bit_length() - 1)
    return (*sides(index, split), False) if index < split else (*sides(index - split, size - split), True)


@pytest.mark.parametrize("size", range(1, 131))
def test_a_wrong_size_is_refused_unless_it_gives_the_same_hashes_on_the_same_sides(size: int) -> None:
    """Such a size gives this leaf the same path. The signature covers size and root, so the size cannot be changed."""
    nodes = leaves(size)
    root, paths = merkle.tree(nodes)

    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        accepted = {
            wrong
            for wrong in range(132)
            if merkle.path_is_valid(leaf=nodes[index], index=index, size=wrong, path=paths[index], root=root)
        }
        assert accepted == {wrong for wrong in range(index + 1, 132) if sides(index, wrong) == sides(index, size)}
        assert size in accepted


@pytest.mark.parametrize("size", range(1, 131))
def test_a_path_with_any_other_hash_leaf_or_root_is_refused(size: int) -> None:
    nodes = leaves(size)
    root, paths = merkle.tree(nodes)

    for index in {0, size // 2, size - 1}:
        leaf, path = nodes[index], paths[index]
        for start in range(0, len(path), 32):
            bad = path[:start] + bytes([path[start] ^ 1]) + path[start + 1 :]
            assert not merkle.path_is_valid(leaf=leaf, index=index, size=size, path=bad, root=root)
        for bad_leaf, bad_root in ((root[::-1], root), (leaf, root[::-1]), (leaf, root[:31])):
            assert not merkle.path_is_valid(leaf=bad_leaf, index=index, size=size, path=path, root=bad_root)


@given(size=st.integers(1, 200), other=st.integers(1, 1024), data=st.data())
def test_a_path_is_refused_in_a_tree_whose_shape_gives_another_path(size: int, other: int, data: st.DataObject) -> None:
    """A size that needs another number of hashes for the index is refused."""
    index = data.draw(st.integers(0, size - 1))
    nodes = leaves(size)
    root, paths = merkle.tree(nodes)
    _, other_paths = merkle.tree(leaves(other))
    valid = merkle.path_is_valid(leaf=nodes[index], index=index, size=other, path=paths[index], root=root)

    if index >= other or len(other_paths[index]) != len(paths[index]):
        assert not valid


def test_an_empty_root_and_leaf_are_refused() -> None:
    assert not merkle.path_is_valid(leaf=b"", index=0, size=0, path=b"", root=b"")


def test_a_tree_without_leaves_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle.tree([])
