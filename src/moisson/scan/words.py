"""Runs of Arabic words in UTF-8, windows-1256 and ISO 8859-6, for search in what belongs to no file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AR = rb"[\xd8-\xdb][\x80-\xbf]"
_UTF8 = re.compile(
    rb"(?:" + _AR + rb"){2,}(?:(?:[ \t.,:;!?()/_\"\-0-9]|\xc2\xa0|\r?\n|\xe2\x80[\x8c-\x8f]){1,4}(?:" + _AR + rb")+)*"
)
_AROUND = b' \t.,:;!?()/_"-0123456789\r\n'
_ROUGH = re.compile(rb"(?:" + _AR + rb"){2}[\xd8-\xdb\x80-\xbf \t.,:;!?()/_\"\-0-9\r\n\xc2\xe2]*")
_OLD_LETTERS = rb"\x81\x8d\x8e\x90\x98\x9a\x9f\xaa\xc0-\xf3"
_OLD = re.compile(
    rb"[" + _OLD_LETTERS + rb"]{2,}(?:[ \t.,:;!?()/_\"\-0-9\xa1\xac\xbb\xbf\xa0]{1,4}[" + _OLD_LETTERS + rb"]+){2,}"
)
_LETTER = re.compile("[\u0621-\u064a\u067e-\u06d3]")
_COMMON = re.compile("[اليمنورتبهعد]")
_LEAST = 4
_SHARE = 0.6


class Words(NamedTuple):
    """A run of words where it stands; `scheme` names the charset when it is not UTF-8."""

    start: int
    end: int
    text: str
    scheme: str = ""


def arabic(data: bytes, ranges: Iterable[tuple[int, int]]) -> Iterator[Words]:
    """Runs of at least four letters in UTF-8."""
    for start, stop in ranges:
        for rough in _ROUGH.finditer(data, start, stop):
            raw = rough[0].rstrip(_AROUND)
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                if error.start < len(raw) - 3:
                    yield from _exact(data, rough.start(), rough.end())
                    continue
                raw = raw[: error.start].rstrip(_AROUND)
                text = raw.decode("utf-8")
            if len(text) > 4 * _LEAST or len(_LETTER.findall(text)) >= _LEAST:
                yield Words(rough.start(), rough.start() + len(raw), text)


def _exact(data: bytes, start: int, stop: int) -> Iterator[Words]:
    for m in _UTF8.finditer(data, start, stop):
        text = m[0].decode("utf-8", "replace")
        if len(_LETTER.findall(text)) >= _LEAST:
            yield Words(m.start(), m.end(), text)


def old(data: bytes, ranges: Iterable[tuple[int, int]]) -> Iterator[Words]:
    """Runs of at least three words in a charset of one byte a letter; the one in which they look more like Arabic."""
    for start, stop in ranges:
        if data.count(b" ", start, stop) < 2:
            continue
        for m in _OLD.finditer(data, start, stop):
            best = max(_likely(m[0], *charset) for charset in (("cp1256", "cp1256"), ("iso88596", "iso8859-6")))
            score, scheme, text = best
            if score >= _SHARE:
                yield Words(m.start(), m.end(), text, scheme)


def _likely(raw: bytes, scheme: str, charset: str) -> tuple[float, str, str]:
    """The share of the signs that are among the commonest letters of Arabic, if all of them are letters."""
    text = raw.decode(charset, "replace")
    letters = _LETTER.findall(text)
    high = len(text) - len(text.encode("ascii", "ignore"))
    common = len(_COMMON.findall(text)) + 2 * text.count(" ال")
    return (common / high if high and len(letters) > 0.9 * high else 0.0), scheme, text
