"""Addresses of the networks: e-mail (RFC 5321), URL (RFC 3986), domain, onion service, IP, MAC."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, ClassVar

from moisson.selectors.fold import plain
from moisson.selectors.kind import Context, Hit, Kind, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.fold import Folded

_LOCAL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.!#$%&*+/=?^_{|}~-")
_LOCAL_ENDS = "./=?!#$%&*^{|}~'"
_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})(?![\w-])")
_EMAIL = re.compile(rf"[a-z0-9!#$%&'*+/=?^_{{|}}~.-]{{1,64}}@(?:{_HOST.pattern})")
_URL = re.compile(r"[^\s<>\"`{}|\\^\u060c\u061b\u00ab\u00bb\u201c\u201d]{1,2048}")
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
_MAC = re.compile(r"([0-9a-f]{2})([:-])(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}")
_MAC_ANCHOR = re.compile(r"[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]")
_MAC_DOTTED = re.compile(r"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}")
_V4 = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\d])(?!\.\d)")
_V6 = re.compile(r"(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?")
_V6_ANCHOR = re.compile(r":[0-9a-f]{0,4}:")
_VERSION = re.compile(r"(?:version|vers\.?|v|build|release|firmware|الإصدار)[ \t.:=]*$")
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

    name: ClassVar[str] = "email"
    label: ClassVar[str] = "E-mail address"
    pivot: ClassVar[bool] = True
    strong: ClassVar[bool] = True

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

    name: ClassVar[str] = "url"
    label: ClassVar[str] = "Web address"
    pivot: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().strip("<>\"'")
        if text[:4].lower() == "www.":
            text = f"http://{text}"
        scheme, mark, rest = text.partition("://")
        if not mark or not _SCHEME.fullmatch(scheme.lower()) or not _URL.fullmatch(rest):
            return None
        cut = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
        host = rest[:cut].lower()
        return f"{scheme.lower()}://{host}{rest[cut:]}" if host.strip(".:@/") else None

    @classmethod
    def specificity(cls, value: str) -> float:
        path = value.partition("://")[2].partition("/")[2]
        return 0.2 if len(path) < 8 else 0.6

    @classmethod
    def country(cls, value: str) -> list[Reason]:
        return Domain.country(host(value))


class Domain(Kind):
    """A host name in lower case, without a final dot."""

    name: ClassVar[str] = "domain"
    label: ClassVar[str] = "Domain"
    pivot: ClassVar[bool] = True

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

    name: ClassVar[str] = "onion"
    label: ClassVar[str] = "Onion service"
    pivot: ClassVar[bool] = True
    strong: ClassVar[bool] = True
    weight: ClassVar[float] = 0.8

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        m = _ONION.search(plain(raw).lower())
        return m[0] if m else None


class Ipv4(Kind):
    """A dotted IPv4 address."""

    name: ClassVar[str] = "ipv4"
    label: ClassVar[str] = "IPv4 address"
    pivot: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = re.sub(r"\b0{1,2}(?=\d)", "", plain(raw).strip())
        return text if _V4.fullmatch(text) else None

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.5 if ipaddress.ip_address(value).is_global else 0.05


class Ipv6(Kind):
    """An IPv6 address as RFC 5952 writes it."""

    name: ClassVar[str] = "ipv6"
    label: ClassVar[str] = "IPv6 address"
    pivot: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = plain(raw).strip().strip("[]").partition("%")[0]
        try:
            return str(ipaddress.IPv6Address(text)) if len(text) < 50 else None
        except ValueError:
            return None

    @classmethod
    def specificity(cls, value: str) -> float:
        return 0.6 if ipaddress.ip_address(value).is_global else 0.05


class Mac(Kind):
    """A hardware address, upper case with colons."""

    name: ClassVar[str] = "mac"
    label: ClassVar[str] = "Hardware address"
    pivot: ClassVar[bool] = True
    strong: ClassVar[bool] = True

    @classmethod
    def clean(cls, raw: str, ctx: Context) -> str | None:
        text = re.sub(r"[\s:.-]", "", plain(raw)).upper()
        if not re.fullmatch("[0-9A-F]{12}", text):
            return None
        return ":".join(text[i : i + 2] for i in range(0, 12, 2))

    @classmethod
    def specificity(cls, value: str) -> float:
        if value in ("FF:FF:FF:FF:FF:FF", "00:00:00:00:00:00") or int(value[:2], 16) & 1:
            return 0.0
        return 0.3 if int(value[:2], 16) & 2 else 0.95


def host(url: str) -> str:
    """The host of a URL, without user, port and brackets."""
    rest = url.partition("://")[2]
    cut = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    name = rest[:cut].rpartition("@")[2]
    return name.strip("[]").lower() if name.startswith("[") else name.partition(":")[0].lower()


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
    end = m.end()
    while end > body and (page.text[end - 1] in ".,;:!?'*_" or _unbalanced(page.text, body, end)):
        end -= 1
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


def _unbalanced(text: str, start: int, end: int) -> bool:
    last = text[end - 1]
    return last in ")]" and text.count("(["[")]".index(last)], start, end) < text.count(last, start, end)


def seek_emails(page: Folded, ctx: Context) -> Iterator[Hit]:
    """E-mail addresses, from each `@` to both sides."""
    low = page.low
    at = low.find("@")
    while at >= 0:
        start = at
        while start and at - start < 65 and low[start - 1] in _LOCAL:
            start -= 1
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


def seek_hardware(page: Folded, ctx: Context) -> Iterator[Hit]:
    """Hardware addresses with separators, and IPv6 addresses."""
    low = page.low
    last = 0
    for anchor in _MAC_ANCHOR.finditer(low):
        start = anchor.start() - 2
        if start < last:
            continue
        m = _MAC.match(low, start)
        if m and not _inside(low, m.start(), m.end()):
            last = m.end()
            yield Hit("mac", m[0].upper().replace("-", ":"), m.start(), m.end(), 0.95)
    yield from _seek_v6(low, ctx)


def _seek_v6(low: str, ctx: Context) -> Iterator[Hit]:
    last = 0
    for anchor in _V6_ANCHOR.finditer(low):
        if anchor.start() < last:
            continue
        start = anchor.start()
        while start > last and anchor.start() - start < 4 and low[start - 1] in "0123456789abcdef":
            start -= 1
        m = _V6.match(low, start)
        if not m or _inside(low, m.start(), m.end()):
            continue
        last = m.end()
        value = Ipv6.clean(m[0], ctx) if m[0].count(":") == 7 or ("::" in m[0] and len(m[0]) > 4) else None
        if value and any(c.isdigit() for c in m[0]):
            yield Hit("ipv6", value, m.start(), m.end(), 0.9)


def _inside(low: str, start: int, end: int) -> bool:
    """Whether a span is cut out of a longer one of the same make."""
    before, after = low[start - 1] if start else " ", low[end] if end < len(low) else " "
    more = after in ":-" and low[end + 1 : end + 2].isalnum()
    return before.isalnum() or (before in ":-" and low[start - 2 : start - 1].isalnum()) or after.isalnum() or more


def ipv4_at(page: Folded, start: int) -> Hit | None:
    """An IPv4 address that begins here, unless the words before say it is a version."""
    m = _V4.match(page.low, start)
    if not m or page.low[start - 1 : start] in (".", "-") or _VERSION.search(page.low, max(0, start - 16), start):
        return None
    value = ".".join(str(int(part)) for part in m[0].split("."))
    return Hit("ipv4", value, start, m.end(), 0.85)
