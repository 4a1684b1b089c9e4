"""The text that a content stream of a PDF shows (ISO 32000-2 9.4.3), for strings in Latin letters."""

from __future__ import annotations

import re

# Of numbers only those that set strings far apart say anything, and these are long and below zero.
_TOKEN = re.compile(
    rb"\((?P<string>(?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*)\)|<(?P<hex>[0-9A-Fa-f\s]+)>"
    rb"|(?P<number>-\d{3,}(?:\.\d+)?)|(?P<operator>T[jJ*dDm]|ET|'|\")(?![A-Za-z])",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r?\n)|(.))", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_SPACE = -180.0
_MOST = 16 << 20


def shown(content: bytes) -> bytes:
    """The text in UTF-8 where this is a content stream with some, else the bytes as they are."""
    if len(content) > _MOST or b"ET" not in content or (b"Tj" not in content and b"TJ" not in content):
        return content
    parts: list[bytes] = []
    for m in _TOKEN.finditer(content):
        match m.lastgroup:
            case "string":
                parts.append(_ESCAPE.sub(_plain, m["string"]) if b"\\" in m["string"] else m["string"])
            case "hex":
                parts.append(_digits(m["hex"]))
            case "number":
                if float(m["number"]) < _SPACE and parts and parts[-1][-1:] not in (b"\n", b" "):
                    parts.append(b" ")
            case _:
                if m["operator"] not in (b"Tj", b"TJ") and parts and parts[-1] != b"\n":
                    parts.append(b"\n")
    text = b"".join(parts)
    return text.decode("latin-1").encode() if text.strip() else content


def _plain(m: re.Match[bytes]) -> bytes:
    if m[1]:
        return bytes([int(m[1], 8) & 255])
    return b"" if m[2] else _NAMED.get(m[3], m[3])


def _digits(text: bytes) -> bytes:
    """A string in hexadecimal; of two bytes a sign when the upper ones are all zero."""
    digits = b"".join(text.split())
    raw = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    return raw[1::2] if len(raw) > 1 and not any(raw[::2]) else raw
