from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from moisson.extract.strings import BLOCK, read_strings
from moisson.reader import Reader

NOISE = random.Random(4).randbytes(3000)


def lines(data: bytes) -> list[str]:
    return "".join(p.text for p in read_strings(Reader.of(data))).splitlines()


def found(text: str, charset: str) -> bool:
    return any(text in line for line in lines(NOISE + text.encode(charset) + b"\0\0" + NOISE))


def test_every_usual_encoding_is_read():
    for charset in ("utf-8", "utf-16-le", "utf-16-be", "windows-1256"):
        assert found("خالد منصور 0612345678", charset), charset
    for charset in ("ascii", "utf-16-le", "utf-16-be"):
        assert found("khalid@example.org", charset), charset
    assert found("Zoé Lefèvre à Liège", "utf-8")
    assert found("Zoé Lefèvre à Liège", "utf-16-le")


def test_both_alignments_of_utf16():
    for shift in (0, 1):
        assert any(
            "contact" in line
            for line in lines(b"\xff" * (4 + shift) + "contact خالد".encode("utf-16-le") + b"\xff\xff")
        )


def test_arabic_digits_behind_a_length():
    digits = "٠٠٣١٦١٩٨٠٠٧٨٦"
    assert digits in lines(b"\x0d\0\0\0" + digits.encode("utf-16-le") + b"\0\0" + NOISE[:40])


def test_noise_is_not_text():
    assert sum(len(line) for line in lines(NOISE * 20)) < len(NOISE * 20) * 0.1


def test_a_run_across_the_border_of_two_blocks():
    text = b"khalid.mansour@example.org"
    assert any(text.decode() in line for line in lines(b"\0" * (BLOCK - 10) + text + b"\0" * 100))


@given(st.binary(max_size=2000))
def test_any_bytes(data):
    assert all(len(line) < 10_000 for line in lines(data))
