"""A closer look at what names a place in a network: e-mail addresses, URLs, onion services, accounts."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from moisson.scan.near import Mark, Near
from moisson.selectors import accounts, network, phones
from moisson.selectors.kind import Context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIRST_LABEL = 68
_LOCAL = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-"
_ESCAPE = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
_HOST = re.compile(rb"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}(?:[A-Za-z]{2,18}|xn--[A-Za-z0-9-]{2,59})(?![\w-])")
_LABEL = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
_GLUED = (b"/", b"@", b"_", b"%", b"=", b"&", b"+", b"~", b"\\", b"$")
_FILES = frozenset(
    b"png jpg jpeg gif css js html htm php pdf txt docx xlsx exe dll py so zip json xml c h o sh md in".split()
)
_CHATS = ("@s.whatsapp.net", "@c.us", "@g.us", "@broadcast", "@lid")
_CHAT_LINK = re.compile(r"(?:wa\.me/|(?:api\.)?whatsapp\.com/send\?phone=|viber\.me/)\+?(\d{7,15})(?!\d)")
_CHAT_PARTS = ("wa.me/", "send?phone=", "viber.me/")
_SCHEMES = (b"https", b"http", b"ftps", b"sftp", b"ftp", b"rtsp", b"rtmp", b"smb", b"ssh", b"wss", b"ws", b"tg", b"sip")
_URL = re.compile(
    rb"(?:[!#-;=?-\[\]_a-z~]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}){3,2048}"
)
_PLAIN_URL = re.compile(rb"[!#-;=?-\[\]_a-z~]{3,2048}")
_CUT = re.compile("[\u060c\u061b\u00ab\u00bb\u201c\u201d\u2018\u2019\u00a0]")
_ONION = re.compile(rb"(?<![A-Za-z0-9])(?:[a-z2-7]{56}|[a-z2-7]{16})\.onion(?![A-Za-z0-9])")
_PLAIN = Context()


@cache
def tops() -> frozenset[bytes]:
    """The top-level domains that an address in raw bytes may end in."""
    lines = files("moisson.scan").joinpath("data/tops.txt").read_text("ascii").splitlines()
    return frozenset(word.encode() for line in lines if not line.startswith("#") for word in line.split())


def email(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An e-mail address; the anchor ends in its host, behind the first dot or a later one."""
    at = data.rfind(b"@", max(0, end - _FIRST_LABEL), end)
    host = _HOST.match(data, at + 1)
    if not host:
        return ()
    before = data[at - 65 if at > 65 else 0 : at]
    size = len(before) - len(before.rstrip(_LOCAL))
    if not size:
        return ()
    found = address(data[at - size : host.end()])
    if not found:
        return ()
    kind, value, cut = found
    return (Mark(at - size + cut, host.end(), kind, value, 0.97),)


@lru_cache(maxsize=1 << 14)
def address(raw: bytes) -> tuple[str, str, int] | None:
    """Kind and value of an address, and how much stands before it that is no part of it."""
    cut = m.end() if (m := _ESCAPE.match(raw)) else 0
    cut += len(raw) - cut - len(raw[cut:].lstrip(b"._%+-"))
    local, _, host = raw[cut:].partition(b"@")
    top = host.rpartition(b".")[2].lower()
    if not 0 < len(local) <= 64 or (top not in tops() and not top.startswith(b"xn--")) or top in _FILES:
        return None
    value = raw[cut:].decode("ascii").lower()
    if ".." in value or len(value) < 7:
        return None
    if value.endswith(_CHATS):
        number = phones.Phone.clean(value, _PLAIN)
        return ("phone", number, cut) if number else None
    return "email", value, cut


def url(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """A URL whose colon is five bytes before the end of the anchor."""
    colon = end - 5
    head = data[colon - 5 if colon > 5 else 0 : colon].lower()
    for scheme in _SCHEMES:
        if head.endswith(scheme):
            return _link(data, colon - len(scheme), colon + 3, ctx)
    return ()


def www(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An address that begins with `www.`, a byte past which the anchor ends."""
    return _link(data, end - 5, end - 5, ctx)


def _link(data: bytes, start: int, body: int, ctx: Context) -> Iterable[Mark]:
    m = _PLAIN_URL.match(data, body)
    if not m or data[m.end() : m.end() + 1] >= b"\x80":
        m = _URL.match(data, body)
    found = _read_link(data[start : m.end()]) if m else None
    if not found:
        return ()
    kind, value, size = found
    if kind == "phone":
        number = phones.Phone.clean("+" + value, ctx)
        kind, value = ("phone", number) if number else ("url", data[start : start + size].decode("utf-8", "replace"))
    return (Mark(start, start + size, kind, value, 0.95 if kind != "account" else 0.9),)


@lru_cache(maxsize=1 << 14)
def _read_link(raw: bytes) -> tuple[str, str, int] | None:
    """Kind, value and size of what begins like a URL: an account, the number of a chat, or the URL itself."""
    text = raw.decode("utf-8", "replace")
    if not text.isascii() and (m := _CUT.search(text)):
        text = text[: m.start()]
    scheme, mark, rest = text.partition("://") if "://" in text[:9] else ("", "", text)
    text = scheme + mark + network.cut_link(rest)
    value = network.Url.clean(text, _PLAIN)
    where = network.host(value) if value else ""
    if not value or not _real(where):
        return None
    size = len(text.encode())
    if any(part in value for part in _CHAT_PARTS) and (m := _CHAT_LINK.search(value)):
        return "phone", m[1], size
    if account := accounts.from_url(value, 0, len(value)):
        return "account", account.value, size
    if where.endswith(".onion") and network.Onion.clean(where, _PLAIN) == where:
        return "onion", where, size
    return "url", value, size


def _real(host: str) -> bool:
    """Whether a host is a name that ends as names do, or an address."""
    name, _, top = host.rpartition(".")
    if not name:
        return host == "localhost"
    return top.isdigit() or (top.encode("utf-8", "replace") in tops()) or top.startswith("xn--") or not top.isascii()


def domain(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """A bare domain of a well-known ending, set apart on both sides; the anchor takes the sign after it."""
    last = end - 1 - (data[end - 2 : end - 1] == b".")
    before = data[max(0, end - 66) : last]
    start = last - (len(before) - len(before.rstrip(_LABEL)))
    if data[start - 1 : start] in _GLUED or not (value := _named(data[start:last])):
        return ()
    return (Mark(start, last, "domain", value, 0.7),)


@lru_cache(maxsize=1 << 14)
def _named(raw: bytes) -> str | None:
    """The name that these bytes are, unless it has no letter before its ending."""
    if not _HOST.fullmatch(raw) or not any(c >= 65 for c in raw[: raw.rfind(b".")]):
        return None
    return network.Domain.clean(raw.decode("ascii"), _PLAIN)


def onion(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The address of an onion service that ends here."""
    for size in (62, 22):
        if (m := _ONION.match(data, max(0, end - size))) and m.end() == end:
            yield Mark(m.start(), end, "onion", m[0].decode("ascii"), 0.95)
            return


def account(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """An account behind the name of its service, or before it."""
    near = Near(data, end - 64, end + 56)
    return near.marks(accounts.seek_accounts(near.page, ctx), end - 1)
