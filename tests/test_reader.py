from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import LimitError
from moisson.reader import Memory, Reader, Window


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
def test_a_window_is_the_slice_padded_with_zeros(data, offset, size):
    window = Window(Memory(data), offset, size)
    assert b"".join(Reader(window).chunks(7)) == data[offset : offset + size].ljust(size, b"\0")


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 320), st.integers(0, 99)), max_size=8))
def test_the_file_reads_as_a_file_in_memory_does(data, moves):
    ours, theirs = Reader.of(data).file(), io.BytesIO(data)
    for at, n in moves:
        assert ours.seek(at) == theirs.seek(at)
        assert ours.read(n) == theirs.read(n)


def test_too_much_at_once_is_refused():
    with pytest.raises(LimitError):
        Reader.of(b"12345").whole(4)
