"""A closer look at secrets: keys in PEM and OpenPGP armour, SSH keys, pass phrases of networks, seed phrases."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256
from typing import TYPE_CHECKING

from moisson.scan import phrases
from moisson.scan.near import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.selectors.kind import Context

_ARMOUR = 65536
_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{3,40})-----")
_HEADER = re.compile(rb"[A-Za-z-]+: [^\r\n]*\r?\n")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
_SSH = re.compile(rb"(ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp[0-9]{3}) (AAAA[A-Za-z0-9+/]{40,2800}={0,2})")
_RECOVERY = re.compile(rb"[0-9]{6}(?:-[0-9]{6}){7}(?![0-9-])")
_NETWORK = re.compile(rb"network=\{[^{}\0]{0,900}\}")
_NAME = re.compile(rb'ssid=(?:"([^"\r\n]{1,32})"|([0-9a-fA-F]{2,64})\b)')
_PASS = re.compile(rb'(psk|wep_key0|password)=(?:"([^"\r\n]{5,63})"|([0-9a-fA-F]{64}))')
_PROFILE = re.compile(rb"<WLANProfile.{0,4000}?</WLANProfile>", re.DOTALL)
_PROFILE_NAME = re.compile(rb"<name>([^<]{1,64})</name>")
_PROFILE_KEY = re.compile(rb"<keyMaterial>([^<]{5,512})</keyMaterial>")
_WORD = re.compile(rb"(?<![A-Za-z])[a-z]{3,8}(?![A-Za-z])")
_ELEVEN = 44
_GAPS = (re.compile(rb"[ ,\t]{1,2}"), re.compile(rb"[ ,\r\n\t]{1,2}"))


def pem(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A private key or a block of OpenPGP, known again by the digest of what is inside."""
    m = _LABEL.match(data, end - 12)
    if not m:
        return
    label = m[1]
    private = label.endswith(b"PRIVATE KEY") or label == b"PGP PRIVATE KEY BLOCK"
    if not private and not label.startswith(b"PGP ") and not label.startswith(b"SSH2 "):
        return
    foot = b"-----END " + label + b"-----"
    stop = data.find(foot, m.end(), m.end() + _ARMOUR)
    if stop < 0:
        return
    body = data[m.end() : stop].lstrip()
    while head := _HEADER.match(body):
        body = body[head.end() :]
    text = _NOT_BASE64.sub(b"", body.split(b"\n=")[0])
    try:
        inside = base64.b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return
    if len(inside) >= 16:
        name = "pgp" if label.startswith(b"PGP ") else "pem"
        yield Mark(m.start(), stop + len(foot), "secret", f"{name}:{sha256(inside).hexdigest()}", 0.97)


def ssh(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A public key of SSH, by the fingerprint that ssh-keygen prints."""
    m = _SSH.search(data, max(0, end - 26), end + 2900)
    if not m or m.start() >= end:
        return
    try:
        blob = base64.b64decode(m[2] + b"=" * (-len(m[2]) % 4))
    except binascii.Error:
        return
    size = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + size] == m[1]:
        mark = base64.b64encode(sha256(blob).digest()).decode().rstrip("=")
        yield Mark(m.start(), m.end(), "secret", f"ssh:SHA256:{mark}", 0.97)


def recovery(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A recovery password of BitLocker: eight groups of six digits, each eleven times a number of sixteen bits."""
    m = _RECOVERY.match(data, end - 13)
    if m and all(int(group) % 11 == 0 and int(group) < 11 << 16 for group in m[0].split(b"-")):
        yield Mark(m.start(), m.end(), "secret", f"bitlocker:{m[0].decode('ascii')}", 0.99)


def wifi(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """The network block of wpa_supplicant in which a pass phrase stands, or its line alone."""
    start = data.rfind(b"network={", max(0, end - 900), end)
    m = _NETWORK.match(data, start) if start >= 0 else None
    if not m or m.end() < end:
        return
    name, key = _NAME.search(m[0]), _PASS.search(m[0])
    if name and key:
        where = name[1] or name[2]
        value = b":".join((where, key[2] or key[3])).decode("utf-8", "replace")
        yield Mark(start, m.end(), "secret", f"wifi:{value}", 0.97)


def wlan(data: bytes, end: int, ctx: Context) -> Iterator[Mark]:
    """A wireless profile of Windows with its key."""
    start = data.rfind(b"<WLANProfile", max(0, end - 4000), end)
    m = _PROFILE.match(data, start) if start >= 0 else None
    name = _PROFILE_NAME.search(m[0]) if m else None
    key = _PROFILE_KEY.search(m[0]) if m else None
    if m and name and key:
        value = b":".join((name[1], key[1])).decode("utf-8", "replace")
        yield Mark(start, m.end(), "secret", f"wifi:{value}", 0.97)


def phrase(data: bytes, end: int, ctx: Context) -> Iterable[Mark]:
    """A seed phrase: all the listed words that stand together, on a line or over several, and nothing else."""
    known = phrases.listed()
    tail = data[end - 100 if end > 100 else 0 : end]
    for word in tail.split()[-2:-12:-1]:
        if word not in known and word.rstrip(b",") not in known:
            # No phrase holds this word, so that the next one to end needs eleven more after it.
            skip = end - len(tail) + tail.rfind(word) + len(word) + _ELEVEN
            return (Mark(end, skip, "", "", 0.0),)
    stop = min(len(data), end + 240)
    words = [m for m in _WORD.finditer(data, max(0, end - 220), stop) if m[0] in known]
    past = end
    for gap in _GAPS:
        for together in _runs(data, words, gap):
            if mark := _holds(together):
                return (mark,)
            if together[0].start() < end <= together[-1].end() < stop - _ELEVEN:
                past = together[-1].end()
    # As long as the same words go on they are no phrase.
    return (Mark(end, past, "", "", 0.0),) if past > end else ()


def _runs(data: bytes, words: list[re.Match[bytes]], gap: re.Pattern[bytes]) -> Iterator[list[re.Match[bytes]]]:
    """The words that stand together."""
    together: list[re.Match[bytes]] = []
    for m in words:
        if together and not gap.fullmatch(data, together[-1].end(), m.start()):
            yield together
            together = []
        together.append(m)
    if together:
        yield together


def _holds(words: list[re.Match[bytes]]) -> Mark | None:
    said = [m[0].decode("ascii") for m in words]
    sort = "bip39" if phrases.holds(said) else "electrum" if phrases.holds_version(said) else ""
    return Mark(words[0].start(), words[-1].end(), "secret", f"{sort}:{' '.join(said)}", 0.95) if sort else None
