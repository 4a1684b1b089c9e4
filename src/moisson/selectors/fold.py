"""Text made easy to search: western digits, no invisible marks, and the way back to the original offsets."""

from __future__ import annotations

import re
from bisect import bisect_right

_DIGITS = {
    **{ord("٠") + i: str(i) for i in range(10)},
    **{ord("۰") + i: str(i) for i in range(10)},
    **{ord("０") + i: str(i) for i in range(10)},
    ord("٫"): ".", ord("＋"): "+", ord("﹢"): "+", ord("（"): "(", ord("）"): ")", ord("－"): "-", ord("\u3000"): " ",
}  # fmt: skip
_ODD_DIGITS = re.compile("[٠-٩۰-۹０-９٫＋﹢（）－\u3000]+")
_MARKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\u061c\ufeff\u00ad]+")


def western(text: str) -> str:
    """Digits of Arabic, Persian and full width as 0-9; the length stays."""
    if text.isascii():
        return text
    return _ODD_DIGITS.sub(lambda m: m[0].translate(_DIGITS), text)


def plain(text: str) -> str:
    """Western digits and no invisible marks."""
    return text if text.isascii() else _MARKS.sub("", western(text))


def lower(text: str) -> str:
    """Lower case of the same length."""
    if text.isascii():
        return text.lower()
    small = text.replace("İ", "I").lower()
    return small if len(small) == len(text) else text


_SPECIAL = re.compile(_ODD_DIGITS.pattern[:-2] + _MARKS.pattern[1:-1])


class Folded:
    """A stretch of text without invisible marks, in lower case as well, and where its characters came from."""

    __slots__ = ("_at", "_gone", "low", "text")

    def __init__(self, text: str) -> None:
        self._at: list[int] = []
        self._gone: list[int] = []
        if not text.isascii() and _SPECIAL.search(text):
            text = western(text)
            gone = 0
            for m in _MARKS.finditer(text):
                self._at.append(m.start() - gone)
                gone += len(m[0])
                self._gone.append(gone)
            text = _MARKS.sub("", text)
        self.text = text
        self.low = lower(text)

    def place(self, origin: int) -> int:
        """The character that stands at an original offset, or the next one there is."""
        gone = 0
        for at, so_far in zip(self._at, self._gone, strict=True):
            if at + gone >= origin:
                break
            gone = min(so_far, origin - at)
        return origin - gone

    def origin(self, at: int, *, end: bool = False) -> int:
        """The original offset of a character, or of the end of a span."""
        if not self._at:
            return at
        i = bisect_right(self._at, at - 1 if end else at)
        return at + (self._gone[i - 1] if i else 0)
