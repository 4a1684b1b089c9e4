"""The tree against RFC 6962 written down naively, and the proofs against their verifiers."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.custody import merkle


def naive(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def grow(n: int):
    tree, nodes = merkle.Growing(), {}
    for i in range(n):
        for level, index, value in tree.add(merkle.leaf_hash(b"%d" % i)):
            nodes[level, index] = value
    return tree, lambda level, index: nodes[level, index]


TREE, NODE = grow(130)
ROOTS = [naive([b"%d" % i for i in range(n)]) for n in range(131)]


def test_known_roots():
    """The tree of certificate-transparency's own reference test."""
    data = [
        bytes.fromhex(h)
        for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]
    assert naive(data).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    tree = merkle.Growing()
    for leaf in data:
        list(tree.add(merkle.leaf_hash(leaf)))
    assert tree.root() == naive(data)


@pytest.mark.parametrize("n", range(131))
def test_roots_of_every_beginning(n):
    assert merkle.root(NODE, n) == ROOTS[n]


def test_every_inclusion_proof_holds_and_only_where_it_belongs():
    for size in range(1, 41):
        for seq in range(size):
            proof = merkle.inclusion(NODE, seq, size)
            leaf = merkle.leaf_hash(b"%d" % seq)
            assert merkle.verify_inclusion(leaf, seq, size, proof, ROOTS[size])
            assert not merkle.verify_inclusion(leaf, seq, size, proof, ROOTS[size + 1])
            assert not merkle.verify_inclusion(merkle.leaf_hash(b"x"), seq, size, proof, ROOTS[size])
            assert not merkle.verify_inclusion(leaf, seq, size, [*proof, leaf], ROOTS[size])
            assert not proof or not merkle.verify_inclusion(leaf, seq, size, proof[:-1], ROOTS[size])
            assert size == 1 or not merkle.verify_inclusion(leaf, (seq + 1) % size, size, proof, ROOTS[size])


def test_every_consistency_proof_holds_and_no_other():
    for new in range(1, 41):
        for old in range(new + 1):
            proof = merkle.consistency(NODE, old, new)
            assert merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof), (old, new)
            assert not old or not merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new + 1], proof)
            assert not merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], [*proof, ROOTS[3]])
            if old:
                assert not merkle.verify_consistency(old, new, ROOTS[old - 1], ROOTS[new], proof)


@given(st.integers(-2, 131), st.integers(-2, 131), st.lists(st.sampled_from(ROOTS), max_size=9))
def test_a_proof_out_of_the_air_does_not_hold(a, b, proof):
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"x"), a, b, proof, ROOTS[17])
    assert not merkle.verify_consistency(a, b, ROOTS[5], ROOTS[6], proof)


def test_proofs_are_short():
    assert len(merkle.inclusion(NODE, 17, 130)) <= 8
    assert len(merkle.consistency(NODE, 65, 130)) <= 9
