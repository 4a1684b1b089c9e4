from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.engine.spool import Spool


@settings(max_examples=30, deadline=None)
@given(pieces=st.lists(st.binary(max_size=200), max_size=40), memory=st.sampled_from([0, 100, 1 << 20]))
def test_what_goes_in_comes_out_in_order_wherever_it_waits(pieces, memory):
    spool = Spool(memory)
    for piece in pieces:
        spool.add(piece)
    assert list(spool) == pieces
    assert list(spool) == pieces
    spool.close()
    assert list(spool) == []
