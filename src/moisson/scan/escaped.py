"""Text that mail and the web escape: quoted-printable (RFC 2045 6.7) and percent-encoding (RFC 3986 2.1)."""

from __future__ import annotations

import re
from binascii import a2b_qp
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from moisson.scan import links
from moisson.scan.near import Mark
from moisson.selectors import phones

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moisson.selectors.kind import Context

MOST = 1 << 16
# In quoted-printable every equals sign begins two digits or ends a line.
_QUOTED = re.compile(rb"(?:[\t\r\n\x20-<>-~]|=[0-9A-F]{2}|=[ \t]*\r?\n)+")
_BOUNDARY = re.compile(rb"\r?\n(?:--[!-~]{1,70}(?:--\r?\n|\r?\n[Cc]ontent-)|From [^\r\n]*@)")
_PERCENT = re.compile(rb"[!#-;=?-Z_a-z~]+")
_MAILBOX = re.compile(
    rb"(?<![A-Za-z0-9._\-])(?:(?<=%)[0-9A-Fa-f]{2})?([A-Za-z0-9][A-Za-z0-9._\-]{0,63}%40(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,18})(?![\w-])"
)
_PLUS = re.compile(rb"%2[Bb]([1-9][0-9]{6,14})(?![0-9])")


def quoted(data: bytes) -> int:
    """How many of these bytes are quoted-printable text of one part of a mail."""
    m = _QUOTED.match(data[:MOST])
    if not m:
        return 0
    end = _BOUNDARY.search(data, 0, m.end())
    return end.start() if end else m.end()


def unquote(data: bytes) -> bytes:
    """Quoted-printable undone."""
    return a2b_qp(data)


def percent(data: bytes) -> int:
    """How many of these bytes are one run of what may stand in a URL."""
    m = _PERCENT.match(data[:MOST])
    return m.end() if m else 0


def unescape(data: bytes) -> bytes:
    """Percent-encoding undone, a plus sign being the blank of a form."""
    return unquote_to_bytes(data.replace(b"+", b" "))


def mailbox(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An e-mail address whose sign is escaped, seven bytes before the end of the anchor."""
    m = next((m for m in _MAILBOX.finditer(data, max(0, end - 74), end + 200) if m.start() < end <= m.end()), None)
    found = links.address(m[1].replace(b"%40", b"@")) if m else None
    if not m or not found or found[0] != "email" or found[2]:
        return ()
    return (Mark(m.start(1), m.end(), "email", found[1], 0.95, "percent"),)


def plus(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An international number whose sign is escaped."""
    m = _PLUS.match(data, end - 10)
    value = phones.Phone.clean("+" + m[1].decode("ascii"), ctx) if m else None
    return (Mark(m.start(), m.end(), "phone", value, 0.95, "percent"),) if m and value else ()
