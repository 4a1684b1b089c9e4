"""The Merkle tree of RFC 6962, section 2: roots and proofs out of the hashes of its complete subtrees."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Node = Callable[[int, int], bytes]

EMPTY = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sha256(b"\1" + left + right).digest()


class Growing:
    """A tree that only grows: the complete subtrees at its right edge, largest first."""

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        self.size, self.edge = size, list(edge)

    def add(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Append a leaf hash; gives each subtree it completes as (level, index, hash), the leaf itself first."""
        level, index, carry = 0, self.size, leaf
        yield level, index, carry
        while index & 1:
            carry = node_hash(self.edge.pop(), carry)
            level, index = level + 1, index >> 1
            yield level, index, carry
        self.edge.append(carry)
        self.size += 1

    def root(self) -> bytes:
        """The root over everything so far."""
        return _fold(self.edge)


def edge(size: int) -> list[tuple[int, int]]:
    """Level and index of the complete subtrees that make up a tree, largest first."""
    parts, start = list[tuple[int, int]](), 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            parts.append((level, start >> level))
            start += 1 << level
    return parts


def root(node: Node, size: int) -> bytes:
    """The root of the first `size` entries; `node(level, index)` gives the hash of a complete subtree."""
    return _fold([node(level, index) for level, index in edge(size)])


def inclusion(node: Node, seq: int, size: int) -> list[bytes]:
    """The audit path of RFC 6962 2.1.1 for entry `seq` in the tree of `size` entries."""
    return _path(node, seq, 0, size)


def consistency(node: Node, old: int, new: int) -> list[bytes]:
    """The proof of RFC 6962 2.1.2 that the tree of `old` entries is a beginning of that of `new`."""
    return [] if old in (0, new) else _subproof(node, old, 0, new, whole=True)


def verify_inclusion(leaf: bytes, seq: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """True if `proof` leads from a leaf hash at place `seq` to the root of a tree of `size` (RFC 9162 2.1.3.2)."""
    if not 0 <= seq < size:
        return False
    at, last, value = seq, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            value = node_hash(sibling, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and value == expected


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """True if `proof` shows that the tree of `new` entries only adds to that of `old` (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _fold(parts: Sequence[bytes]) -> bytes:
    if not parts:
        return EMPTY
    value = parts[-1]
    for left in reversed(parts[:-1]):
        value = node_hash(left, value)
    return value


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _span(node: Node, start: int, size: int) -> bytes:
    """The hash of entries `start` to `start + size`; `start` is a multiple of the power of two at or above `size`."""
    return _fold([node(level, (start >> level) + index) for level, index in edge(size)])


def _path(node: Node, seq: int, start: int, size: int) -> list[bytes]:
    if size <= 1:
        return []
    half = _split(size)
    if seq < half:
        return [*_path(node, seq, start, half), _span(node, start + half, size - half)]
    return [*_path(node, seq - half, start + half, size - half), _span(node, start, half)]


def _subproof(node: Node, old: int, start: int, size: int, *, whole: bool) -> list[bytes]:
    if old == size:
        return [] if whole else [_span(node, start, size)]
    half = _split(size)
    if old <= half:
        return [*_subproof(node, old, start, half, whole=whole), _span(node, start + half, size - half)]
    return [*_subproof(node, old - half, start + half, size - half, whole=False), _span(node, start, half)]
