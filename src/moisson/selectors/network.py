"""Addresses of the networks: e-mail (RFC 5321), URL (RFC 3986), domain, onion service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.!#$%&*+/=?^_{|}~-")
_LOCAL_ENDS = "./=?!#$%&*^{|}~'"
# Arabic may follow an ending in Latin letters with no blank between.
_HOST = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}"
    r"(?:xn--[a-z0-9-]{2,59}(?!\w)|[a-z]{2,24}(?![^\W\u0600-\u06ff])|[^\W\d_a-z]{2,24}(?!\w))(?!-)"
)
_EMAIL = re.compile(rf"[a-z0-9!#$%&'*+/=?^_{{|}}~.-]{{1,64}}@(?:{_HOST.pattern})")
_URL = re.compile(r"[^\s\x00-\x1f\x7f<>\"`{}|\\^\u060c\u061b\u00ab\u00bb\u201c\u201d]{1,2048}")
# What no host has, and Arabic that goes on where Latin letters ended.
_BEHIND_HOST = re.compile(r"[,;!$&'()*+=~]")
_TURN = re.compile("(?<=[A-Za-z0-9])[\u0600-\u06ff]")
# Signs of markup that were escaped, as in a feed or a document within XML.
_ESCAPED = re.compile(r"&(?:lt|gt|quot|apos|nbsp|#0?3[49]|#6[02]);")
_TRAILING = ".,;:!?'*_"
# The key of a form before an address in its query; what mailing lists put there has other signs in it.
_KEY = re.compile(r"(?:.*[?&])?[a-z_]{1,24}=")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,15}$")
_TOPS = re.compile(
    r"\.(?:com|org|net|info|biz|ru|fr|de|be|nl|uk|tr|iq|sy|lb|jo|tn|dz|eg|ae|ir|ch|eu)(?![\w@-])(?!\.\w)"
)
_LABELS = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}[a-z]{2,4}")
_FILES = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "css",
        "js",
        "html",
        "htm",
        "php",
        "pdf",
        "txt",
        "docx",
        "xlsx",
        "exe",
        "dll",
        "py",
        "so",
        "zip",
        "json",
        "xml",
    ]
)
_ONION = re.compile(r"(?:[a-z2-7]{56}|[a-z2-7]{16})\.onion")
_V4 = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\d])(?!\.\d)")
# Countries that sell their top-level domain to the whole world say nothing of who uses it.
_GENERIC = frozenset(
    [
        "ai",
        "am",
        "cc",
        "co",
        "fm",
        "gg",
        "io",
        "la",
        "ly",
        "me",
        "nu",
        "pw",
        "sh",
        "st",
        "su",
        "tk",
        "to",
        "tv",
        "vc",
        "ws",
    ]
)
_NO_COUNTRY = frozenset({"eu", "uk", "su", "ac", "yu"})


class Email(Kind):
    """An e-mail address in lower case."""

    name = "email"
    label = "E-mail address"
    pivot = True
    strong = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().lower().removeprefix("mailto:").strip("<>\"' \t.,;()[]")
        if "<" in text:
            text = text.rpartition("<")[2].rstrip("> ")
        if len(text) > 254 or not _EMAIL.fullmatch(text) or ".." in text or text[0] == ".":
            return None
        return text

    @classmethod
    def specificity(cls, value: str) -> float:
        local = value.partition("@")[0]
        generic = (
            "noreply",
            "no-reply",
            "support",
            "info",
            "contact",
            "admin",
            "postmaster",
            "privacy",
            "help",
            "sales",
        )
        return 0.15 if local.startswith(generic) else 0.95

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        return Domain.country(value.rpartition("@")[2])


class Url(Kind):
    """A URL with its scheme and host in lower case."""

    name = "url"
    label = "Web address"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().strip("<>\"'")
        if text[:4].lower() == "www.":
            text = f"http://{text}"
        scheme, mark, rest = text.partition("://")
        if not mark or not _SCHEME.fullmatch(scheme.lower()) or not _URL.fullmatch(rest):
            return None
        name = _authority(rest)
        return f"{scheme.lower()}://{name.lower()}{rest[len(name) :]}" if name.strip(".:@/") else None

    @classmethod
    def specificity(cls, value: str) -> float:
        path = value.partition("://")[2].partition("/")[2]
        return 0.2 if len(path) < 8 else 0.6

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        return Domain.country(host(value))


class Domain(Kind):
    """A host name in lower case, without a final dot."""

    name = "domain"
    label = "Domain"
    pivot = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().strip(".<>\"'").lower()
        text = host(text) if "://" in text else text
        return text if len(text) <= 253 and _HOST.fullmatch(text) else None

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        top = value.rpartition(".")[2]
        if top == "uk":
            return [Reason("GB", "domain ends in .uk", 0.4)]
        if len(top) != 2 or not top.isascii() or not top.isalpha() or top in _NO_COUNTRY:
            return []
        if top in _GENERIC:
            return []
        return [Reason(top.upper(), f"domain ends in .{top}", 0.4)]


class Onion(Kind):
    """The address of an onion service, versions 2 and 3."""

    name = "onion"
    label = "Onion service"
    pivot = True
    strong = True
    weight = 0.8

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        m = _ONION.search(plain(raw).lower())
        return m[0] if m else None


def host(url: str) -> str:
    """The host of a URL, without user, port and brackets."""
    name = _authority(url.partition("://")[2]).rpartition("@")[2]
    return name.strip("[]").lower() if name.startswith("[") else name.partition(":")[0].lower()


def _authority(rest: str) -> str:
    """What stands behind the scheme of a URL up to its path, query or fragment."""
    return rest.partition("/")[0].partition("?")[0].partition("#")[0]


def seek_urls(page: Folded, ctx: Context) -> Iterator[Hit]:
    """URLs with a scheme, and those that begin with `www.`; the host of each as a domain too."""
    low = page.low
    at = low.find("://")
    while at >= 0:
        m = _SCHEME.search(low, max(0, at - 16), at)
        yield from _url(page, m.start() if m else at, at + 3, ctx) if m else ()
        at = low.find("://", at + 3)
    at = low.find("www.")
    while at >= 0:
        if at == 0 or not (low[at - 1].isalnum() or low[at - 1] in "/@.-"):
            yield from _url(page, at, at, ctx)
        at = low.find("www.", at + 4)


def _url(page: Folded, start: int, body: int, ctx: Context) -> Iterator[Hit]:
    m = _URL.match(page.text, body)
    if not m:
        return
    end = body + len(cut_link(m[0]))
    value = Url.clean(page.text[start:end], ctx)
    where = host(value) if value else ""
    if not value or not (_HOST.fullmatch(where) or _V4.fullmatch(where) or where == "localhost"):
        return
    yield Hit("url", value, start, end, 0.95)
    if domain := Domain.clean(where, ctx):
        at = page.low.find(where, body, end)
        kind = "onion" if domain.endswith(".onion") else "domain"
        if at >= 0 and (kind == "domain" or Onion.clean(domain, ctx) == domain):
            yield Hit(kind, domain, at, at + len(where), 0.9)


def cut_link(rest: str) -> str:
    """What stands behind the scheme of a URL, without that which only follows it in a text."""
    name = _authority(rest)
    if "@" not in name and not name.startswith("[") and (m := _BEHIND_HOST.search(name)):
        rest = rest[: m.start()]
    if not rest.isascii() and (m := _TURN.search(rest)):
        rest = rest[: m.start()]
    if m := _ESCAPED.search(rest):
        rest = rest[: m.start()]
    return _closed(rest).rstrip(_TRAILING)


def _closed(rest: str) -> str:
    """Up to the first bracket that closes what was never opened."""
    if ")" in rest or "]" in rest:
        depth = {")": 0, "]": 0}
        for at, sign in enumerate(rest):
            if sign in "([":
                depth[")" if sign == "(" else "]"] += 1
            elif sign in depth:
                depth[sign] -= 1
                if depth[sign] < 0:
                    return rest[:at]
    return rest


def seek_emails(page: Folded, ctx: Context) -> Iterator[Hit]:
    """E-mail addresses, from each `@` to both sides."""
    low = page.low
    at = low.find("@")
    while at >= 0:
        start = at
        while start and at - start < 65 and low[start - 1] in _LOCAL:
            start -= 1
        if m := _KEY.match(low, start, at):
            start = m.end()
        while start < at and low[start] in _LOCAL_ENDS:
            start += 1
        m = _HOST.match(low, at + 1)
        if m and start < at and at - start <= 64 and m[0].rpartition(".")[2] not in _FILES:
            value = Email.clean(low[start : m.end()], ctx)
            if value:
                yield Hit("email", value, start, m.end(), 0.97)
        at = low.find("@", at + 1)


def seek_hosts(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Onion services and bare domains of well-known endings."""
    low = page.low
    at = low.find(".onion")
    while at >= 0:
        for size in (56, 16):
            m = _ONION.match(low, max(0, at - size))
            if m and m.end() == at + 6 and (at == size or not low[at - size - 1 : at - size].isalnum()):
                yield Hit("onion", m[0], m.start(), m.end(), 0.95)
                break
        at = low.find(".onion", at + 6)
    for m in _TOPS.finditer(low):
        if hit := _domain(low, m.start(), m.end()):
            yield hit


def _domain(low: str, dot: int, end: int) -> Hit | None:
    """The bare domain whose last dot is here."""
    start = dot
    while start and dot - start < 120 and (low[start - 1].isalnum() or low[start - 1] in ".-"):
        start -= 1
    while start < dot and not low[start].isalnum():
        start += 1
    if (low[start - 1 : start] in ("@", "/", "_") and start) or dot - start < 2 or low[start:dot].isdigit():
        return None
    return Hit("domain", low[start:end], start, end, 0.7) if _LABELS.fullmatch(low, start, end) else None
