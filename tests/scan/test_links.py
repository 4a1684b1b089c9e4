"""The places in a network that raw bytes name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moisson.scan import links
from moisson.selectors.kind import Context

_SIGNS = ["a", "B", "9", ".", "/", "?", "%", ">", " ", '"', "\\", "é", "\u0627", "€", "😀", "\x7f"]


@given(st.lists(st.sampled_from(_SIGNS)).map("".join), st.binary(max_size=3))
def test_a_url_of_plain_signs_ends_where_one_of_all_signs_does(text, rest):
    data = b"see https://example.org/" + text.encode() + rest
    whole = links._URL.match(data, 12)
    marks = list(links._link(data, 4, 12, Context()))
    found = links._read_link(data[4 : whole.end()])
    assert [(m.start, m.end, m.value) for m in marks] == [(4, 4 + found[2], found[1])]


def test_a_long_url_ends_at_its_bound():
    data = b"https://example.org/" + b"a" * 3000
    assert [m.end for m in links._link(data, 0, 8, Context())] == [8 + 2048]
