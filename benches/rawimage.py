"""Raw images with truth: values of every kind in every storage form, decoys, noise, natural files, hard places.

    python -m benches.rawimage OUT.raw [--mb 64] [--per 10] [--seed 1] [--natural DIR] [--isolated 500] [--unit-mb 16]

OUT.raw.json beside it holds the planted values with their form and page, the decoys, and the natural ranges.
"""

from __future__ import annotations

import argparse
import json
import random
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from benches import scanforms, scansecrets, scanvalues
from benches.scandecoys import decoy
from benches.scanvalues import ARABIC, PROSE, Planted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

PAGE = 4096
MAKERS: dict[str, Callable[[Random], Planted]] = {
    "email": scanvalues.email, "url": scanvalues.url, "phone": scanvalues.phone,
    "phone-eastern": scanvalues.eastern_phone, "ipv4": scanvalues.ipv4, "mac": scanvalues.mac, "card": scanvalues.card,
    "imei": scanvalues.imei, "iban": scanvalues.iban, "bitcoin": scanvalues.bitcoin, "ethereum": scanvalues.ethereum,
    "coords": scanvalues.coords, "account": scanvalues.account, "onion": scanvalues.onion, "arabic": scanvalues.arabic,
    "phrase": scansecrets.phrase, "key": scansecrets.private_key, "wifi": scansecrets.wifi, "ipv6": scanvalues.ipv6,
    "domain": scanvalues.domain, "login": scansecrets.login, "wallet": scansecrets.wallet,
}  # fmt: skip
# What stands beside a value; a link goes on over the last of them.
_FRAMES = (
    ("\n", "\n"), (" ", " "), ('"', '"'), ("<td>", "</td>"), ("\t", "\t"), ("(", ")"), ("[", "]"),
    (",", ","), (";", ";"), ("|", "|"), ("=", "&"),
)  # fmt: skip
_CLOSED = 7
_GOES_ON = frozenset({"url", "account", "domain"})
_WHOLE = frozenset({"words", "secret"})
# Signs that, where chance puts them, may be part of the value.
_JOINING = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-+/%:=,~&#?<>\"'$\\;!()*[]{}|")
_ARABIC_FORMS = ("utf8", "utf16le", "utf16be", "utf32", "cp1256", "iso8859-6", "gzip", "zip", "base64", "zip-in-gzip")


def prose(rng: Random, least: int, *, arabic: bool) -> str:
    """Sentences with a few harmless numbers in them."""
    words = ARABIC if arabic else PROSE
    parts: list[str] = []
    size = 0
    while size < least:
        picked = rng.choices(words, k=rng.randint(6, 14))
        if rng.random() < 0.15:
            picked.append(str(rng.randint(1, 2030)))
        text = " ".join(picked) + rng.choice((". ", ".\n"))
        parts.append(text)
        size += len(text)
    return "".join(parts)


def document(rng: Random, values: list[Planted], *, arabic: bool, gap: int = 220) -> str:
    """A text with the values in it, on lines of their own, between blanks, or as forms, tables and markup have them."""
    parts = []
    for value in values:
        parts.append(prose(rng, rng.randint(gap // 3, gap), arabic=arabic))
        last = _CLOSED if value.kind in _GOES_ON or not value.written.isascii() else len(_FRAMES)
        before, after = rng.choice(_FRAMES[: 1 if value.kind in _WHOLE else last])
        parts += [before, value.written, after]
    return "".join([*parts, prose(rng, 60, arabic=arabic), "\n"])


class Plan:
    """What is planted where; pieces are shuffled and laid out by `write`."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.pieces: list[tuple[bytes, str, list[Planted]]] = []
        self.decoys: list[Planted] = []

    def plant(self, form: str, values: list[Planted]) -> None:
        """One document in one storage form."""
        arabic = any(v.kind == "words" for v in values) or (form != "pdf" and self.rng.random() < 0.25)
        if form in ("pdf", "iso8859-6", "utf32be"):
            arabic = form == "iso8859-6"
        text = document(self.rng, values, arabic=arabic)
        self.pieces.append((scanforms.FORMS[form](self.rng, text), form, values))

    def fill(self, per: int) -> None:
        """Every kind in every form that can hold it, twelve values a document, a decoy among them."""
        for form in scanforms.FORMS:
            kinds = [k for k in MAKERS if scanforms.holds(form, k)]
            values = [MAKERS[kind](self.rng) for kind in kinds for _ in range(per)]
            self.rng.shuffle(values)
            for at in range(0, len(values), 12):
                wrong = decoy(self.rng)
                self.decoys.append(wrong)
                self.plant(form, [*values[at : at + 12], wrong])

    def isolate(self, count: int) -> None:
        """Values alone between NULs in a page of random bytes."""
        for i in range(count):
            kind = tuple(MAKERS)[i % len(MAKERS)]
            value = MAKERS[kind](self.rng)
            raw = b"\0" + value.written.encode() + b"\0"
            page = bytearray(self.rng.randbytes(-(-len(raw) // PAGE) * PAGE))
            at = self.rng.randrange(len(page) - len(raw) + 1)
            page[at : at + len(raw)] = raw
            self.pieces.append((bytes(page), "isolated", [value]))

    def cast(self, count: int) -> None:
        """Values between bytes of chance, with nothing about them; a link would go on, a secret needs its lines."""
        kinds = [kind for kind in MAKERS if MAKERS[kind](self.rng).kind not in _GOES_ON | _WHOLE]
        for i in range(count):
            value = MAKERS[kinds[i % len(kinds)]](self.rng)
            form, charset = (("chance", "utf-8"), ("chance-utf16", "utf-16-le"))[i // len(kinds) % 2]
            raw = value.written.encode(charset)
            page = bytearray(self.rng.randbytes(PAGE))
            at = self.rng.randrange(1, len(page) - len(raw))
            page[at : at + len(raw)] = raw
            for place in (at - 1, at + len(raw)):
                while page[place] in _JOINING:
                    page[place] = self.rng.randrange(256)
            self.pieces.append((bytes(page), form, [value]))

    def border(self, kind: str) -> tuple[bytes, Planted]:
        """A value to be laid across a border."""
        value = MAKERS[kind](self.rng)
        return b"\0" + value.written.encode() + b"\0", value


def filler(rng: Random, mb: float) -> Iterator[bytes]:
    """Random, empty and plain pages, about half of each megabyte random."""
    for _ in range(int(mb * 4)):
        shape = rng.random()
        if shape < 0.45:
            yield rng.randbytes(1 << 18)
        elif shape < 0.8:
            yield bytes(1 << 18)
        else:
            text = prose(rng, 1 << 16, arabic=rng.random() < 0.2).encode() * 5
            yield text[: 1 << 18]


def natural(rng: Random, folder: Path, mb: float) -> Iterator[bytes]:
    """Files of a system as they are, in any order; some of them twice."""
    left = int(mb * 1e6)
    paths = sorted(folder.rglob("*"))
    rng.shuffle(paths)
    for path in paths:
        if left <= 0:
            return
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 40e6:
            data = path.read_bytes()
            left -= len(data)
            yield data
            if rng.random() < 0.15:
                left -= len(data)
                yield data


def write(out: Path, plan: Plan, args: argparse.Namespace) -> dict[str, object]:
    """Lay everything out, page by page, and put values across the borders of pages and units."""
    rng = plan.rng
    planted: list[tuple[str, str, str, int]] = []
    ranges: list[tuple[int, int]] = []
    fixed = sum(-(-len(p[0]) // PAGE) * PAGE for p in plan.pieces)
    room = max(0.0, args.mb - fixed / 1e6)
    share = 0.35 * room if args.natural else 0.0
    stream = chain(((b, "natural", []) for b in natural(rng, args.natural, share)) if args.natural else ())
    noise = ((b, "noise", []) for b in filler(rng, (room - share) / 1.048576))
    rng.shuffle(plan.pieces)
    supply = [iter(plan.pieces), stream, noise]
    with out.open("wb") as file:
        while supply:
            source = rng.choice(supply)
            piece = next(source, None)
            if piece is None:
                supply.remove(source)
                continue
            at = file.tell()
            data, form, values = piece
            file.write(data + bytes(-len(data) % PAGE))
            if form == "natural":
                ranges.append((at, at + len(data)))
            planted += [(v.kind, v.value, form, at) for v in values if v not in plan.decoys]
        size = file.tell()
    planted += _cross(out, plan, size, args.unit_mb << 20, ranges)
    return {"size": size, "planted": planted, "decoys": plan.decoys, "natural": ranges}


def _cross(
    out: Path, plan: Plan, size: int, unit: int, natural: list[tuple[int, int]]
) -> list[tuple[str, str, str, int]]:
    """Values over the borders of units, and over those of pages at the very end; they are laid into random bytes."""
    rng, made = plan.rng, []
    kinds = list(MAKERS)
    with out.open("r+b") as file:
        for kind, border in zip(kinds * 8, range(unit, size - unit, unit), strict=False):
            raw, value = plan.border(kind)
            start = (border - len(raw) // 2) // PAGE * PAGE
            if any(start < b and a < border + PAGE for a, b in natural):
                continue
            file.seek(start)
            if file.read(border + PAGE - start).strip(b"\0"):
                continue
            file.seek(border - len(raw) // 2)
            file.write(raw)
            made.append((value.kind, value.value, "unit-border", border))
        for kind in kinds * 2:
            raw, value = plan.border(kind)
            lead = rng.randbytes(PAGE - len(raw) // 2 % PAGE)
            file.seek(0, 2)
            at = file.tell()
            tail = lead + raw
            file.write(tail + rng.randbytes(-len(tail) % PAGE))
            made.append((value.kind, value.value, "page-border", at))
    return made


def make(out: Path, args: argparse.Namespace) -> None:
    """Write the image and its truth."""
    plan = Plan(random.Random(args.seed))
    plan.fill(args.per)
    plan.isolate(args.isolated)
    plan.cast(args.isolated)
    truth = write(out, plan, args)
    out.with_name(out.name + ".json").write_text(json.dumps(truth, ensure_ascii=False))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--mb", type=float, default=64)
    parser.add_argument("--per", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--natural", type=Path)
    parser.add_argument("--isolated", type=int, default=400)
    parser.add_argument("--unit-mb", type=int, default=16)
    return parser.parse_args(words)


if __name__ == "__main__":
    given = arguments()
    make(given.out, given)
