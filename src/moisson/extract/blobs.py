"""Words inside the serialised objects that applications keep in columns of their databases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moisson.extract.btree import Value

_MOST = 1 << 20
_STRINGS = 64
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_PHONE = re.compile(r"\+?\d{7,15}")
_TWO_BYTES, _FOUR_BYTES = 0x81, 0x82
_LONG_TL = 0xFE


def wording(value: Value) -> str:
    """A value as text; bytes are taken for UTF-8 and count as nothing when they are none."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return ""
    return str(value)


def text_in(value: Value, form: str) -> str:
    """The text of a message in one of the forms that `apps.toml` names."""
    if not isinstance(value, bytes) or not form:
        return ""
    if form == "typedstream":
        return attributed(value[:_MOST])
    return max(tl_strings(value[:_MOST]), key=len, default="")


def phone_in(value: Value) -> str:
    """The number among the strings of a user of Telegram, with its plus; empty when there is none."""
    found = [s for s in tl_strings(value[:_MOST]) if _PHONE.fullmatch(s)] if isinstance(value, bytes) else []
    return f"+{found[-1].lstrip('+')}" if found else ""


def attributed(raw: bytes) -> str:
    """The characters of an attributed string as NeXT's typedstream archives it, in which Messages keeps its text."""
    at = raw.find(b"NSString")
    at = raw.find(b"\x84\x01+", at, at + 32) + 3 if at >= 0 else -1
    if at < 3 or at >= len(raw):
        return ""
    size, width = raw[at], 1
    if size in (_TWO_BYTES, _FOUR_BYTES):
        width = 3 if size == _TWO_BYTES else 5
        size = int.from_bytes(raw[at + 1 : at + width], "little")
    return raw[at + width : at + width + size].decode("utf-8", "replace")


def tl_strings(raw: bytes) -> list[str]:
    """The strings of an object in Telegram's TL: each begins at a word with its length and is filled up to the next."""
    found: list[str] = []
    at = 4
    while at < len(raw) - 3 and len(found) < _STRINGS:
        size, head = raw[at], 1
        if size == _LONG_TL:
            size, head = int.from_bytes(raw[at + 1 : at + 4], "little"), 4
        end = at + head + size
        filled = end + -end % 4
        text = _readable(raw[at + head : end]) if size > 0 and filled <= len(raw) and not any(raw[end:filled]) else ""
        if text:
            found.append(text)
            at = filled
        else:
            at += 4
    return found


def _readable(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if _CONTROL.search(text) else text
