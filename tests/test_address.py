from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.address import Address, Layer, bytes_at, decode, encode, named, text_at
from moisson.errors import AddressError

names = st.text(st.characters(), min_size=1) | st.binary(min_size=1).map(lambda b: b.decode("utf-8", "surrogateescape"))
layers = st.one_of(
    st.integers(0, 999).map(lambda n: Layer("p", str(n))),
    st.tuples(st.integers(0), st.none() | st.integers(0)).map(lambda t: bytes_at(*t)),
    st.tuples(st.integers(0), st.integers(0)).map(lambda t: text_at(*t)),
    st.tuples(st.sampled_from(["zip", "tar", "dir", "m", "pst"]), names).map(lambda t: named(*t)),
    st.sampled_from(["gzip", "luks", "slack"]).map(Layer),
)
addresses = st.builds(
    Address, st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True), st.lists(layers, max_size=6).map(tuple)
)


@given(addresses)
def test_what_is_printed_parses_to_the_same(address):
    assert Address.parse(str(address)) == address


@given(names)
def test_any_name_survives_as_a_locator(name):
    assert "/" not in encode(name)
    assert encode(decode(encode(name))) == encode(name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_decodable_name_comes_back_unchanged(name):
    assert decode(encode(name)) == name


@given(addresses, layers)
def test_parent_undoes_child(address, layer):
    child = address.child(layer)
    assert child.parent == address
    assert address.holds(child)
    assert not child.holds(address)


@pytest.mark.parametrize("text", ["", "/p1", "E1/", "E1/P2", "E1/zip:", "E1/@", "E1/@x", "E 1", "E1//t:1+2"])
def test_nonsense_is_refused(text):
    with pytest.raises(AddressError):
        Address.parse(text)


def test_the_examples_of_the_handbook():
    address = Address.parse("E17/p2/ntfs:4711-128-4/zip:word%2Fdocument.xml/t:1012+28")
    assert [layer.scheme for layer in address.layers] == ["p", "ntfs", "zip", "t"]
    assert address.layers[2].name == "word/document.xml"
    assert address.layers[-1].span == (1012, 28)
    assert Address.parse("E17/@53277184/gzip/@120+31").layers[0].span == (53277184, None)
