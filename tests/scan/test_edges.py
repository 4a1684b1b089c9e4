"""A value is seen whatever stands beside it: other values, controls, bytes of chance, the borders of what is read."""

from __future__ import annotations

import random
import tomllib
from itertools import product
from pathlib import Path

import pytest

from moisson.model import Sighting
from moisson.reader import Memory, Reader
from moisson.scan.sweep import STEP, Options, sweep, sweep_bytes

TABLE = tomllib.loads((Path(__file__).parent / "edges.toml").read_text("utf-8"))
CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "cp1256")
SIGNS = {
    "line": ("\n", "\n"), "crlf": ("\r\n", "\r\n"), "tab": ("\t", "\t"), "quotes": ('"', '"'), "apostrophes": ("'", "'"),
    "tags": ("<b>", "</b>"), "commas": (",", ","), "cells": ("Anna,", ",note"), "semicolons": (";", ";"),
    "pipes": ("|", "|"), "parentheses": ("(", ")"), "brackets": ("[", "]"), "braces": ("{", "}"), "blanks": (" ", " "),
    "colon": (": ", "; "), "words": ("call now ", " then"), "json": ('{"v":"', '","w":1}'), "full stop": (" ", ". Then"),
    "arabic": ("اجتماع عند الجسر ", " غدا صباحا"), "arabic comma": ("،", "،"), "marks": ("\u200f", "\u200f"),
    "embedding": ("\u202a", "\u202c"), "mark of order": ("\ufeff", ""),
}  # fmt: skip
# Letters and some signs may be part of what they touch; a comma behind a URL is part of it.
LETTERED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-+/%:=,~&#?<>\"'$\\;!()*[]{}")
OPEN = {"url": frozenset({"commas", "cells", "semicolons"}), "account": frozenset({"semicolons"})}


def seen(data):
    return {(r.kind, r.value) for r in sweep_bytes(data, "E", Options(words=False)) if isinstance(r, Sighting)}


def noise(rng, size, place):
    """Bytes of chance of which the one beside the value is no sign that may belong to it."""
    while True:
        data = rng.randbytes(size)
        if chr(data[place]) not in LETTERED:
            return data


def is_ambiguous(charset, *texts):
    """Whether it reads as well one byte off, as lower bytes first, which is likelier."""
    return charset == "utf-16-be" and not all(text.isascii() for text in texts)


def is_open(kind, written, name):
    """Whether what follows may be part of a link."""
    return ("://" in written and name in OPEN["url"] | OPEN["account"]) or name in OPEN.get(kind, ())


def encoded(kind, charset):
    """The values of a kind that a charset can write, in its bytes and as they must be told."""
    for written, value in TABLE[kind].items():
        # Arabic in a path is UTF-8 or escaped; nobody can tell which old charset it is.
        if charset == "cp1256" and kind == "url" and not written.isascii():
            continue
        try:
            yield written, value, written.encode(charset)
        except UnicodeEncodeError:
            continue


EACH = pytest.mark.parametrize(("kind", "charset"), [*product(TABLE, CHARSETS)])


@EACH
def test_signs_beside_it(kind, charset):
    lost = []
    for (written, value, data), (name, signs) in product(encoded(kind, charset), SIGNS.items()):
        try:
            before, after = (sign.encode(charset) for sign in signs)
        except UnicodeEncodeError:
            continue
        if not is_open(kind, written, name) and not is_ambiguous(charset, written, *signs):
            for around in (b"", bytes(40)):
                if (kind, value) not in seen(around + before + data + after + around):
                    lost += [(written, name, len(around))]
    assert lost == []


@EACH
def test_bytes_that_are_no_text_beside_it(kind, charset):
    zero = "\0".encode(charset)
    around = {
        "nothing": (b"", b""), "zeros": (bytes(40), bytes(40)), "one zero": (zero, zero),
        "ones": (b"\xff" * 40, b"\xff" * 40), "eighties": (b"\x80" * 40, b"\x80" * 40),
    }  # fmt: skip
    lost = [
        (written, name)
        for (written, value, data), (name, (before, after)) in product(encoded(kind, charset), around.items())
        if (kind, value) not in seen(before + data + after) and not is_ambiguous(charset, written)
    ]
    assert lost == []


# So seldom is a value lost because chance made a letter beside it; a link takes some with it.
LEAST = {"utf-8": 0.99, "cp1256": 0.98, "utf-16-le": 0.98, "utf-32-le": 0.98}


@pytest.mark.parametrize(("kind", "charset"), [*product(TABLE, LEAST)])
def test_bytes_of_chance_beside_it(kind, charset):
    rng = random.Random(f"{kind} {charset}")
    lost = []
    for written, value, data in encoded(kind, charset):
        for _ in range(60):
            before, after = noise(rng, 30, -1), noise(rng, 30, 0)
            if (kind, value) not in seen(before + data + after):
                lost += [(written, before[-3:], after[:3])]
    least = LEAST[charset] - 0.04 * (kind == "url")
    assert len(lost) <= (1 - least) * 60 * len(TABLE[kind]), lost


@pytest.mark.parametrize("border", [4096, STEP])
@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le"])
def test_a_border_within_it(border, charset):
    lost = []
    for kind in TABLE:
        for written, value, data in encoded(kind, charset):
            for cut in (1, len(data) // 2, len(data) - 1):
                medium = bytes(border - cut) + data + bytes(4096)
                found = [(r.kind, r.value) for r in sweep(Reader(Memory(medium)), "E") if isinstance(r, Sighting)]
                if found.count((kind, value)) != 1:
                    lost += [(written, cut, found)]
    assert lost == []
