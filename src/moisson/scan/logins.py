"""A closer look at credentials that programs keep: of browsers, of file transfer, of wireless networks.

Each mark is the secret itself, so that hosts and users beside it are marks of their own. What is encrypted stays so: it
is known again by its digest, or by the site and the user in clear beside it.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256
from html import unescape
from typing import TYPE_CHECKING

from moisson.scan.near import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.selectors.kind import Context

_NEAR, _ROW = 1500, 2600
_FIREFOX = re.compile(rb'"encryptedPassword" ?: ?"([A-Za-z0-9+/=]{24,1000})"')
_SITE = re.compile(rb'"hostname" ?: ?"([^"\r\n]{4,300})"')
_PASS = re.compile(rb'<Pass(?: encoding="(base64)")?>([^<\r\n]{1,400})</Pass>')
_SERVER = re.compile(rb"<(Host|Port|User)>([^<\r\n]{1,255})</")
_WINSCP = re.compile(rb'Password"?="?((?:[0-9A-F]{2}){6,300})(?![0-9A-Fa-f])')
_SESSION = re.compile(rb'(HostName|UserName|PortNumber)"?="?([^"\r\n]{1,255})')
_NETRC = re.compile(rb"machine\s(\S{3,60})\s{1,4}login\s(\S{1,60})\s{1,4}password\s$")
_WORD = re.compile(rb"[!-~]{1,200}")
_SECTION = re.compile(
    rb"\[(?:wifi|802-11-wireless)-security\]\r?\n((?:[a-z0-9\-]{1,40}=[^\r\n\0]{0,300}\r?\n?|#[^\r\n]{0,99}\r?\n){1,30})"
)
_KEY = re.compile(rb"(?:^|\n)((?:psk|wep-key0|leap-password)=([^\r\n]{5,256}))")
_SSID = re.compile(rb"\nssid=([^\r\n\0]{1,128})")
_SHARED = re.compile(rb'"PreSharedKey">&quot;([^<\r\n]{8,400}?)&quot;<')
_SHARED_NAME = re.compile(rb'"SSID">&quot;([^<\r\n]{1,200}?)&quot;<')
_STANDARD = (b"", b"21", b"22")
_DPAPI = b"\x01\0\0\0\xd0\x8c\x9d\xdf"
_SCHEMES = re.compile(rb"https?://|android://|ftp://")


def _secret(start: int, end: int, sort: str, *parts: bytes | str) -> Mark:
    told = [p if isinstance(p, str) else p.decode("utf-8", "replace") for p in parts]
    return Mark(start, end, "secret", ":".join((sort, *told)), 0.97)


def firefox(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A saved login of `logins.json`: the site, and the digest of the encrypted pass word."""
    m = _FIREFOX.match(data, data.rfind(b'"encryptedPassword', 0, end))
    sites = _SITE.findall(data, max(0, end - _NEAR), end)
    if not m or not sites:
        return
    try:
        inside = base64.b64decode(m[1], validate=True)
    except binascii.Error:
        return
    # A sequence of ASN.1, as NSS writes what it encrypts.
    if inside[:1] == b"0":
        yield _secret(m.start(), m.end(), "login", sites[-1], sha256(inside).hexdigest())


def chrome(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A row of Chrome's `Login Data`: the site and the user before an encrypted pass word."""
    at = data.rfind(_DPAPI, max(0, end - 12), end)
    at = data.rfind(b"v1", max(0, end - 15), end) if at < 0 else at
    lead = data[max(0, at - _ROW) : at]
    for scheme in _SCHEMES.finditer(lead):
        found = _row(data, at - len(lead) + scheme.start(), at)
        if found:
            site, user, size = found
            yield _secret(at, at + size, "login", site, user)
            return


def _row(data: bytes, body: int, at: int) -> tuple[bytes, bytes, int] | None:
    """Site, user and the size of the pass word of the SQLite record whose values begin here."""
    for size in range(8, min(100, body) + 1):
        if data[body - size] != size:
            continue
        types = _varints(data[body - size + 1 : body])[:6]
        if len(types) < 6 or types[5] < 12 or types[5] & 1 or any(t < 13 or not t & 1 for t in types[:5]):
            continue
        lengths = [(t - 13) // 2 for t in types[:5]]
        if sum(lengths) == at - body:
            user = body + sum(lengths[:3])
            return data[body : body + lengths[0]], data[user : user + lengths[3]], (types[5] - 12) // 2
    return None


def _varints(raw: bytes) -> list[int]:
    """Numbers of seven bits a byte, as SQLite writes them."""
    out, number = [], 0
    for byte in raw:
        number = (number << 7 | byte & 127) & 0xFFFFFFFF
        if byte < 128:
            out.append(number)
            number = 0
    return out


def filezilla(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A server of FileZilla with its pass word."""
    m = _PASS.match(data, data.rfind(b"<Pass", 0, end))
    start = data.rfind(b"<Server", max(0, end - _NEAR), end)
    said = dict(_SERVER.findall(data, start, end)) if start >= 0 else {}
    if not m or b"Host" not in said:
        return
    try:
        word = base64.b64decode(m[2], validate=True) if m[1] else m[2]
    except binascii.Error:
        return
    yield _secret(
        m.start(), m.end(), "ftp", _place(said[b"Host"], said.get(b"Port", b"")), said.get(b"User", b""), word
    )


def _place(host: bytes, port: bytes) -> bytes:
    return host if port in _STANDARD else host + b":" + port


def winscp(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A session of WinSCP with its pass word, which is only disguised."""
    m = _WINSCP.match(data, data.rfind(b"Password", 0, end))
    start = max(
        data.rfind(b"[Sessions\\", max(0, end - _NEAR), end), data.rfind(b"\\Sessions\\", max(0, end - _NEAR), end)
    )
    said = dict(_SESSION.findall(data, start, end)) if start >= 0 else {}
    if not m or b"HostName" not in said:
        return
    user, host = said.get(b"UserName", b""), said[b"HostName"]
    word = _undisguise(bytes.fromhex(m[1].decode("ascii")), user + host)
    if word:
        yield _secret(m.start(), m.end(), "ftp", _place(host, said.get(b"PortNumber", b"")), user, word)


def _undisguise(raw: bytes, lead: bytes) -> bytes:
    """The pass word behind its flag, its length and as many idle bytes as it says."""
    plain = bytes(~(byte ^ 0xA3) & 255 for byte in raw)
    if plain[0] != 0xFF or plain[1]:
        return b""
    size, idle = plain[2], plain[3]
    word = plain[4 + idle : 4 + idle + size]
    return word[len(lead) :] if len(word) == size and word.startswith(lead) else b""


def netrc(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A line of a `.netrc`."""
    m = _NETRC.search(data[max(0, end - 160) : end - 1])
    word = _WORD.match(data, end - 1)
    if m and word:
        yield _secret(end - 1, word.end(), "ftp", m[1], m[2], word[0])


def manager(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A connection of NetworkManager with its pass phrase."""
    m = _SECTION.match(data, data.rfind(b"[", 0, end))
    key = _KEY.search(m[1]) if m else None
    if not m or not key:
        return
    names = _SSID.findall(data, max(0, m.start() - _NEAR), m.start()) or _SSID.findall(data, m.end() - 1, m.end() + 400)
    if names:
        yield _secret(m.start(), m.start(1) + key.end(1), "wifi", _name(names[-1]), key[2])


def _name(raw: bytes) -> bytes:
    """The name of a network, which may be written as numbers."""
    if re.fullmatch(rb"(?:\d{1,3};){1,32}", raw):
        return bytes(int(n) & 255 for n in raw[:-1].split(b";"))
    return raw


def android(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A network of Android's `WifiConfigStore.xml`."""
    m = _SHARED.match(data, data.rfind(b'"PreSharedKey', 0, end))
    names = _SHARED_NAME.findall(data, max(0, end - _NEAR), end)
    if m and names:
        yield _secret(
            m.start(), m.end() - 1, "wifi", *(unescape(p.decode("utf-8", "replace")) for p in (names[-1], m[1]))
        )
