"""The native parts say what Python says, on whatever bytes."""

from __future__ import annotations

import random
import re
import struct
import sys
import zlib
from argparse import Namespace
from functools import cache
from pathlib import Path

import pytest
from benches import rawimage
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from moisson import native
from moisson.reader import Memory, Reader
from moisson.scan import anchors, arrays, block, finds, layers, phrases, wide
from moisson.scan.sweep import sweep
from moisson.selectors import checks

code = native.code
pytestmark = pytest.mark.skipif(code is None, reason="the native code was not built: there was no compiler")


@pytest.mark.parametrize(("interface", "why"), [(None, "not built"), (0, "another version")])
def test_what_was_not_built_for_this_version_is_not_called(monkeypatch, interface, why):
    monkeypatch.setitem(
        sys.modules, "moisson._native", interface if interface is None else Namespace(INTERFACE=interface)
    )
    found, lack = native.load()
    assert found is None
    assert why in lack


_CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1256")
_WORDS = phrases.wordlist()


def part(rng, size):
    """Zeros, chance, text in some charset, or bytes near what each gate looks for."""
    signs = rng.choice(("abc DEF,.0", "سلام كيف ", "abc سلام "))
    return rng.choice(
        (
            lambda: bytes(rng.choice((size, 4096, 8192))),
            lambda: rng.randbytes(size),
            lambda: "".join(rng.choices(signs, k=size)).encode(rng.choice(_CHARSETS)),
            lambda: rng.choice((b"\xc1", b"\x20", b"\xd8", b"\x80")) * size,
            lambda: bytes(rng.choices((0, 0, 0, 0x41, 0x20, 6, 7, 0xE8, 0x80), k=size)),
        )
    )()


@st.composite
def mixtures(draw):
    """Such parts in a row, from a seed."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    return b"".join(part(rng, rng.choice((rng.randrange(40), rng.randrange(600)))) for _ in range(rng.randrange(1, 40)))


@st.composite
def prose(draw):
    """Words, phrases of listed words, groups of hexadecimal digits, runs of digits, and signs that break them."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))

    def listed(least, most, gaps):
        return "".join(rng.choice(_WORDS) + rng.choice(gaps) for _ in range(rng.randrange(least, most)))

    def groups():
        return " ".join(f"{rng.randrange(65536):04X}" for _ in range(rng.randrange(2, 8)))

    parts = (
        lambda: listed(9, 30, " "),
        lambda: listed(9, 30, (" ", ", ", "\r\n", "\t", "\n")),
        lambda: listed(0, 12, (" ", "  ", "   ", ". ", " The ")),
        lambda: groups() + rng.choice((" ", "  ", "-")) + groups(),
        lambda: "".join(rng.choices("abcdefghABCDEFGH0123456789+/", k=rng.randrange(80))),
        lambda: rng.choice(("a", "A", "g", "1", " ", ",", "\n", ".", "", "é")),
        lambda: "".join(map(chr, rng.choices(range(128), k=9))),
    )
    return "".join(rng.choice(parts)() for _ in range(rng.randrange(1, 16))).encode()


@settings(max_examples=300, deadline=None)
@given(mixtures() | st.binary(max_size=200), st.booleans())
def test_the_gates_are_those_of_the_arrays(data, flags):
    assert code.look(data, flags) == tuple(arrays.look(data, flags=flags))


@settings(max_examples=300, deadline=None)
@given(mixtures() | st.binary(max_size=200), st.integers(0, 3), st.data())
def test_wide_runs_are_those_of_the_patterns(data, order, drawn):
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    found = code.wide(data, start, stop, order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "code", None)
        assert found == wide.spans(data, start, stop, order)


@settings(max_examples=300, deadline=None)
@given(prose() | mixtures(), st.data())
def test_the_anchors_of_text_are_those_of_the_table(data, drawn):
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    matcher = anchors.Matcher(lambda anchor: anchor.dense)
    wanted = {name: set[int]() for name in matcher.seeks}
    for end, number in matcher.match(data, start, stop) if start < stop else ():
        wanted[matcher.seeks[number]].add(end)
    plain = anchors.Plain(code)
    found = {name: set[int]() for name in plain.seeks}
    for end, number in plain.match(data, start, stop):
        found[plain.seeks[number]].add(end)
    assert found["run"] == wanted["run"]
    assert found["fingerprint"] == wanted["fingerprint"]
    assert phrase_ends(data, start, stop) <= found["phrase"] <= wanted["phrase"]


@st.composite
def digits(draw):
    """Runs of digits of Base64, in the letters for URLs too, among which text and formats begin."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    signs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    def some(least, most):
        return bytes(rng.choices(signs, k=rng.randrange(least, most)))

    firsts = (b"H4sI", b"UEsD", b"1f8b", b"1F8B08", b"48656c6c6f", b"SGVsbG8g", b"TGVz", b"3J98", b"0d0a", b"A", b"")
    parts = (
        lambda: rng.choice(firsts) + some(20, 60),
        lambda: rng.choice(firsts) + some(1, 20) + rng.choice((b"-", b"_")) + some(28, 60),
        lambda: some(1, 9) * rng.randrange(1, 400),
        lambda: rng.choice((b" ", b"\n", b"-", b"_", b"+", b"/", b"=", b"\xff", b'"')),
    )
    return b"".join(rng.choice(parts)() for _ in range(rng.randrange(1, 20)))


def ends_in_table(names, data, start, stop):
    """Where each of these anchors ends by its pattern."""
    wanted = {}
    for name in names:
        matcher = anchors.Matcher(lambda anchor, name=name: anchor is anchors.table()[name])
        wanted[name] = {end for end, _ in matcher.match(data, start, stop)} if start < stop else set()
    return wanted


@st.composite
def capitals(draw):
    """Long numbers, bank accounts and grid references, whole and not, among signs that touch them."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))

    def some(signs, least, most):
        return "".join(rng.choices(signs, k=rng.randrange(least, most)))

    figures, letters = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    gap = rng.choice((" ", "-"))
    parts = (
        lambda: some(figures, 10, 30),
        lambda: gap.join(
            some(figures, n, n + 1) for n in rng.choice(((4, 4, 4, 4), (4, 6, 5), (4, 4, 3, 4), (4, 6, 3)))
        ),
        lambda: some(letters, 2, 3) + some(figures, 2, 3) + some(figures + letters, 9, 14),
        lambda: some(letters, 2, 3) + gap.join(some(figures + "A", n, n + 1) for n in (2, 4, 4, rng.randrange(2, 5))),
        lambda: rng.choice(("", " ")).join((some(figures, 1, 3) + "S", some(letters, 2, 3), some(figures, 3, 6))),
        lambda: rng.choice((" ", "-", ".", ",", "a", "A", "1", "\n", "", "/", "é")),
        lambda: some(" ", 0, 20) + some("abc DE-12", 0, 9),
    )
    return "".join(rng.choice(parts)() for _ in range(rng.randrange(1, 30))).encode()


@settings(max_examples=300, deadline=None)
@given(capitals() | mixtures(), st.data())
def test_the_anchors_of_capitals_are_those_of_the_table(data, drawn):
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    wanted = ends_in_table(anchors.CAPITALS, data, start, stop)
    found = code.capitals(data, start, stop)
    assert dict(zip(anchors.CAPITALS, map(set, found), strict=True)) == wanted
    assert [len({*ends}) for ends in found] == [len(ends) for ends in found]


@st.composite
def points(draw):
    """Addresses, names of hosts and numbers with dots, whole and not, among signs that touch them."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))

    def some(signs, least, most):
        return "".join(rng.choices(signs, k=rng.randrange(least, most)))

    figures, letters = "0123456789", "abcDEF012.-"
    edges = (
        "",
        " ",
        "\0",
        "\n",
        "\x0b",
        '"',
        "'",
        "<",
        ">",
        "(",
        ")",
        ",",
        ";",
        "=",
        "[",
        "]",
        "/",
        ":",
        ".",
        "_",
        "é",
        "a",
        "1",
    )
    parts = (
        lambda: some("ab%+_-. ", 0, 3) + "@" + some(letters, 0, rng.choice((6, 70))) + rng.choice((".", ".c", ".1c")),
        lambda: rng.choice(("http", "a1", "")) + rng.choice(("://", ":/", "://a")) + some(letters + "/", 0, 4),
        lambda: some(letters, 0, rng.choice((6, 66))) + rng.choice((".com", ".Org", ".NET", ".net.", ".con", "com")),
        lambda: ".".join(some(figures, 0 if rng.random() < 0.1 else 1, 5) for _ in range(rng.randrange(2, 6))),
        lambda: rng.choice(("", "°", ",", ", ", " / ", "    ", " +", ";-")).join(
            some(figures, 1, 4) + "." + some(figures, 3, rng.choice((6, 15))) for _ in range(rng.randrange(1, 4))
        ),
        lambda: rng.choice(edges),
        lambda: some(" x", 0, 70),
    )
    data = "".join(rng.choice(parts)() for _ in range(rng.randrange(1, 30)))
    return data.encode(rng.choice(("utf-8", "latin-1")))


@settings(max_examples=400, deadline=None)
@given(points() | mixtures(), st.data())
def test_the_anchors_around_a_point_are_those_of_the_table(data, drawn):
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    wanted = ends_in_table(anchors.POINTS, data, start, stop)
    found = code.points(data, start, stop)
    given_ends = dict(zip(anchors.POINTS, map(set, found), strict=True))
    # Of an e-mail address the pattern ends at each dot with a letter behind, the native code at the first alone.
    firsts = {min(e for e in wanted["email"] if e > at) for at in signs_of(data, wanted["email"])}
    assert given_ends | {"email": firsts} == wanted | {"email": firsts}
    assert given_ends["email"] == firsts
    assert [len({*ends}) for ends in found] == [len(ends) for ends in found]


def signs_of(data, ends):
    """The at signs of addresses whose hosts end at these places."""
    pattern = re.compile(rb"@[A-Za-z0-9][A-Za-z0-9.\-]{0,62}\.[A-Za-z]\Z")
    return {
        at for end in ends for at in range(max(0, end - 67), end) if data[at] == 0x40 and pattern.match(data[:end], at)
    }


def phrase_ends(data, start, stop):
    """Three letters into each twelfth of twelve listed words that stand whole and together."""
    known, ends = phrases.listed(), set()
    for m in re.finditer(rb"(?<![A-Za-z])(?=((?:[a-z]{3,8}[ ,\r\n\t]{1,2}){11}[a-z]{3,8})(?![A-Za-z]))", data):
        words = re.findall(rb"[a-z]+", m[1])
        end = m.end(1) - len(words[-1]) + 3
        if m.start() >= start and end <= stop and all(word in known for word in words):
            ends.add(end)
    return ends


@st.composite
def structures(draw):
    """What is near the trailer of a block or the header of a set, at their places and elsewhere."""
    rng = random.Random(draw(st.integers(0, 1 << 32)))
    small = (0, 0, 0, 0, 1, 2, 4, 16, 17, 31, 32, 63, 64, 255)
    return b"".join(
        rng.choice((bytes(rng.choices(small, k=rng.randrange(90))), bytes(rng.randrange(90)), rng.randbytes(16)))
        for _ in range(rng.randrange(1, 30))
    )


@settings(max_examples=300, deadline=None)
@given(structures() | mixtures(), st.data())
def test_structures_are_those_of_the_arrays(data, drawn):
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    assert code.blocks(data, start, stop) == arrays.blocks(data, start, stop)
    most = drawn.draw(st.sampled_from((0, 1, 5, 200)))
    assert code.sets(data, start, stop, most) == arrays.sets(data, start, stop, most)


@given(st.binary(min_size=16, max_size=3000), st.integers(1, 1 << 22), st.booleans(), st.integers(0, 3))
def test_blocks_are_proved_by_their_checksum(raw, number, newer, before):
    check = zlib.crc32(raw, 0xFFFFFFFF) ^ 0xFFFFFFFF
    assume(check)
    size, key = len(raw), 4 * number
    tail = struct.pack("<HHIQ", size, 7, check, key) if newer else struct.pack("<HHII", size, 7, key, check)
    room = -(-(size + len(tail)) // 64) * 64
    data = bytes(64 * before) + raw + bytes(room - size - len(tail)) + tail
    assert (len(data), size, key, room) in code.blocks(data, 0, len(data))
    assert code.blocks(data, 0, len(data)) == arrays.blocks(data, 0, len(data))


@settings(max_examples=300, deadline=None)
@given(digits(), st.integers(0, 1 << 40), st.data())
def test_runs_that_promise_something_are_those_of_python(data, at, drawn):
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    whole = block.Block(data, at, 0, len(data), Reader(Memory(data)), "E1", 0)
    plain = anchors.Plain(code)
    wanted = [(end, n) for end, n in plain.match(data, start, stop) if n or layers._promises(whole, end)]
    assert layers.promising(whole, plain, start, stop) == wanted


def test_the_table_of_first_digits_is_the_pattern():
    rng, table = random.Random(7), layers.signs()
    good = 0
    for _ in range(20_000):
        head = bytes(rng.choices(b"0246abdFHIUMVQRlswAEDJCTg/+", k=8))
        rows = (1 << 64) - 1
        for place, byte in enumerate(head):
            rows &= table[256 * place + byte]
        assert (rows != 0) == (layers._FIRST.match(head) is not None)
        good += rows != 0
    assert 100 < good < 19_900


@settings(max_examples=500)
@given(st.binary(max_size=24), st.integers(0, 3), st.sampled_from((b"", b"\x78\x01", b"\x78\x9c", b"\x78\xda")))
def test_heads_of_deflated_streams_are_those_of_python(raw, before, head):
    data = bytes(before) + head + raw
    assert code.deflated(data, before) == layers._deflated(data[before : before + 16])


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from((b"aaaa", b"abcabc", bytes(300))), max_size=20),
    st.integers(0, 9),
    st.sampled_from((zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED)),
)
def test_a_deflated_stream_begins_as_one(parts, level, strategy):
    packer = zlib.compressobj(level, strategy=strategy)
    data = packer.compress(b"".join(parts)) + packer.flush()
    assert code.deflated(data, 0) == layers._deflated(data[:16])
    assert code.deflated(data + bytes(8), 0)


@settings(max_examples=500)
@given(st.lists(st.sampled_from("ab .\t\n\x7f\0\x1fé")).map("".join), st.data())
def test_a_line_is_that_of_python(text, drawn):
    data = text.encode()
    start = drawn.draw(st.integers(0, len(data)))
    stop = drawn.draw(st.integers(start, len(data)))
    line = code.line(data, start, stop)
    around = data[start:stop]
    assert (line is None) == (not around.isascii())
    if line is not None:
        assert line == finds.as_line(around.decode("ascii"))


def test_a_long_line_is_left_to_python():
    assert code.line(b"a" * 4096, 0, 4096) == "a" * 4096
    assert code.line(b"a" * 4097, 0, 4097) is None


def test_the_native_anchors_are_all_those_of_text():
    assert {anchor.seek for anchor in anchors.table().values() if anchor.dense} == {*anchors.Plain.seeks}


@given(st.binary(max_size=135))
def test_keccak_is_the_same_in_both(data):
    assert code.keccak256(data) == checks._keccak256(data)


def test_what_is_out_of_bounds_is_refused():
    with pytest.raises(ValueError, match="135"):
        code.keccak256(bytes(136))
    for start, stop, table in ((-1, 3, bytes(64)), (2, 1, bytes(64)), (0, 9, bytes(64)), (0, 3, bytes(24))):
        with pytest.raises(ValueError, match=r"range|table"):
            code.dense(b"abcdefgh", start, stop, table)
    with pytest.raises(ValueError, match="range"):
        code.capitals(b"12345678", 0, 9)
    with pytest.raises(ValueError, match="range"):
        code.blocks(b"12345678", 8, 7)
    with pytest.raises(ValueError, match="range"):
        code.sets(b"12345678", -1, 7, 1)
    with pytest.raises(ValueError, match="range"):
        code.deflated(b"12345678", 9)
    with pytest.raises(ValueError, match="range"):
        code.line(b"12345678", 3, 9)
    with pytest.raises(ValueError, match="signs"):
        code.dense(b"12345678", 0, 8, bytes(64), bytes(8), 0)


def test_a_table_without_an_empty_slot_ends_the_search():
    assert code.dense(b"the words of a line that is long enough for a look at it" * 2, 0, 100, b"\1" * 64)[2] == []


def test_the_sweep_is_the_same_without_native_code(tmp_path, monkeypatch):
    out = Path(tmp_path) / "small.raw"
    rawimage.make(out, Namespace(mb=2, per=1, seed=3, natural=None, isolated=20, unit_mb=1))
    reader = Reader(Memory(out.read_bytes()))
    quick = list(sweep(reader, "E1"))
    for cached in (anchors.everywhere, anchors.in_text):
        monkeypatch.setattr(anchors, cached.__name__, cache(cached.__wrapped__))
    monkeypatch.setattr(native, "code", None)
    assert list(sweep(reader, "E1")) == quick
