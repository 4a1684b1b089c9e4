"""The entropy coding of JPEG is read alike in C and in Python, whatever the bytes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson import native
from moisson.carve import huffman, segments
from moisson.reader import Memory
from tests.carve.made import picture

FORMS = (
    {"quality": 90, "subsampling": 0},
    {"quality": 75, "subsampling": 2},
    {"quality": 40, "optimize": True},
    {"quality": 85, "restart_marker_blocks": 5},
)


def shot(form: int) -> tuple[bytes, huffman.Coding, huffman.State]:
    raw = picture("JPEG", form, (60, 44), **FORMS[form])
    layout = segments.survey(Memory(raw))
    assert layout.frame is not None
    code = huffman.coding(Memory(raw), layout.frame, layout.scans[0])
    assert code is not None
    return raw, code, huffman.State(layout.scans[0], 0, 0, (0,) * len(layout.frame.components))


def outcome(decode, raw, code, state):
    try:
        return "full", decode(raw, code, state)
    except huffman.Broken as broken:
        return broken.at, broken.state


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_a_picture_is_read_to_its_last_unit(form):
    raw, code, state = shot(form)
    after = huffman.decode_slowly(raw[:-2], code, state)
    assert after.done == code.mcus
    assert len(raw) - 2 - after.at <= 1


@pytest.mark.skipif(native.code is None, reason="the native code was not built: there was no compiler")
@settings(max_examples=60, deadline=None)
@given(form=st.integers(0, len(FORMS) - 1), seed=st.integers(0, 1 << 32))
def test_c_says_what_python_says(form, seed):
    raw, code, state = shot(form)
    rng = random.Random(seed)
    changed = bytearray(raw[: rng.randint(state.at, len(raw))])
    for _ in range(rng.randrange(4)):
        at = rng.randrange(state.at, len(changed) + 1)
        changed[at : at + rng.choice((0, 1, 7))] = rng.choice((b"", b"\xff", b"\xff\0", b"\xff\xd3", rng.randbytes(9)))
    here = bytes(changed)
    first = outcome(huffman.decode_slowly, here, code, state)
    assert outcome(huffman.decode, here, code, state) == first
    held = first[1]
    assert outcome(huffman.decode, raw, code, held) == outcome(huffman.decode_slowly, raw, code, held)


@pytest.mark.skipif(native.code is None, reason="the native code was not built: there was no compiler")
def test_what_is_no_state_is_refused():
    raw, code, state = shot(0)
    for wrong in (
        state._replace(at=-1),
        state._replace(at=len(raw) + 1),
        state._replace(bits=9),
        state._replace(at=0, bits=3),
        state._replace(done=-1),
        state._replace(levels=(0,)),
    ):
        with pytest.raises(ValueError, match=r"state|levels"):
            huffman.decode(raw, code, wrong)
    table = code.blocks[0][0]
    for blocks in (((table[:9], table, 0),), ((table, table, 3),), code.blocks * 11):
        with pytest.raises(ValueError, match=r"table|blocks"):
            huffman.decode(raw, code._replace(blocks=blocks), state)
