"""LUKS volumes, versions 1 and 2: header, key slots, and the volume in clear.

Format references: "LUKS On-Disk Format Specification" 1.2.3 and "LUKS2 On-Disk Format Specification" 1.1.4 of the
cryptsetup project; RFC 9106 (Argon2), RFC 8018 (PBKDF2). A key may also be a volume key as `volume_key` writes it, so
that a costly derivation is done once.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import b64decode
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError, UnsupportedError
from moisson.evidence.cipher import Decrypted, sectors
from moisson.evidence.derive import HASHES, Kdf, Splitter, derive, merge, pbkdf2, unhex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

MAGIC, BACKUP = b"LUKS\xba\xbe", b"SKUL\xba\xbe"
STRIPES_MOST = 65536
SLOTS = 32
_ENABLED = 0x00AC71F3
_PREFIX = "luks-volume-key:"


class Area(Struct, frozen=True):
    offset: str
    size: str = "0"
    encryption: str = ""
    key_size: int = 0


class Slot(Struct, frozen=True):
    key_size: int
    area: Area
    type: str = "luks2"
    kdf: Kdf | None = None
    af: Splitter | None = None


class Segment(Struct, frozen=True):
    type: str
    offset: str
    size: str = "dynamic"
    iv_tweak: str = "0"
    encryption: str = ""
    sector_size: int = 512
    flags: list[str] = []
    integrity: dict[str, object] | None = None


class Digest(Struct, frozen=True):
    keyslots: list[str]
    segments: list[str]
    salt: str
    digest: str
    hash: str
    iterations: int
    type: str = "pbkdf2"


class Layout(Struct, frozen=True):
    keyslots: dict[str, Slot]
    segments: dict[str, Segment]
    digests: dict[str, Digest]


class Header(NamedTuple):
    version: int
    uuid: str
    layout: Layout
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"luks{self.version}"


def find_header(medium: Medium) -> Header | None:
    """The header, or the second one where the first is lost; None where there is no sign of one.

    Raises `DamagedError` when what is there is not whole, and `UnsupportedError`.
    """
    head = medium.pread(0, 8)
    if head == MAGIC + b"\0\1":
        return _first(medium)
    fault: DamagedError | None = None
    if head == MAGIC + b"\0\2":
        try:
            return _second(medium, 0)
        except DamagedError as error:
            fault = error
    for shift in range(14, 23):
        if medium.pread(1 << shift, 6) == BACKUP:
            try:
                return _second(medium, 1 << shift)._replace(notes=("second header",))
            except DamagedError as error:
                fault = fault or error
    if fault:
        raise fault
    return None


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("ascii", "replace")


def _first(medium: Medium) -> Header:
    """Version 1, told in the terms of version 2."""
    raw = medium.pread(0, 592)
    if len(raw) < 592:
        raise DamagedError("LUKS header cut short")
    name, mode, digest = _text(raw[8:40]), _text(raw[40:72]), _text(raw[72:104]).lower()
    payload, size = struct.unpack_from(">II", raw, 104)
    iterations = int.from_bytes(raw[164:168], "big")
    slots = {}
    for number in range(8):
        active, rounds, salt, area, stripes = struct.unpack_from(">II32sII", raw, 208 + 48 * number)
        if active == _ENABLED:
            place = Area(str(area * 512), "0", f"{name}-{mode}", size)
            kdf = Kdf("pbkdf2", salt.hex(), digest, rounds)
            slots[str(number)] = Slot(size, place, "luks2", kdf, Splitter(stripes, digest))
    check = Digest(list(slots), ["0"], raw[132:164].hex(), raw[112:132].hex(), digest, iterations)
    segment = Segment("crypt", str(payload * 512), encryption=f"{name}-{mode}")
    return Header(1, _text(raw[168:208]), Layout(slots, {"0": segment}, {"0": check}))


def _second(medium: Medium, at: int) -> Header:
    raw = medium.pread(at, 4096)
    size = int.from_bytes(raw[8:16], "big")
    if not 16384 <= size <= 4 << 20 or len(raw) < 4096:
        raise DamagedError("impossible size of the LUKS2 header")
    whole = medium.pread(at, size)
    algorithm = _text(raw[72:104])
    if algorithm not in HASHES:
        raise DamagedError("unknown checksum of the LUKS2 header")
    sound = hashlib.new(algorithm, whole[:448] + bytes(64) + whole[512:]).digest()
    if sound != raw[448 : 448 + len(sound)]:
        raise DamagedError("the checksum of the LUKS2 header fails")
    try:
        layout = msgspec.json.decode(whole[4096:].split(b"\0", 1)[0], type=Layout)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise DamagedError(f"the LUKS2 header does not parse: {error}") from error
    return Header(2, _text(raw[168:208]), _decoded(layout))


def _decoded(layout: Layout) -> Layout:
    """The same, with binary fields in hex as in version 1."""
    try:
        slots = {
            k: msgspec.structs.replace(
                s, kdf=s.kdf and msgspec.structs.replace(s.kdf, salt=b64decode(s.kdf.salt).hex())
            )
            for k, s in list(layout.keyslots.items())[:SLOTS]
        }
        digests = {
            k: msgspec.structs.replace(d, salt=b64decode(d.salt).hex(), digest=b64decode(d.digest).hex())
            for k, d in layout.digests.items()
        }
    except ValueError as error:
        raise DamagedError("the LUKS2 header holds no base64 where it should") from error
    return Layout(slots, layout.segments, digests)


def unlock(medium: Medium, header: Header, keys: Sequence[str]) -> bytes:
    """The volume key that one of the keys opens; raises `PasswordError` saying how many were tried."""
    _segment(header)
    problem: EvidenceError | None = None
    for key in keys:
        if key.startswith(_PREFIX):
            if found := _stated(header, key):
                return found
            continue
        for number, slot in header.layout.keyslots.items():
            if slot.kdf is None or slot.af is None:
                continue
            try:
                found = _try(medium, slot, key.encode("utf-8", "surrogateescape"))
            except (UnsupportedError, DamagedError, LimitError) as error:
                problem = problem or error
                continue
            if any(_fits(digest, found) for digest in _digests(header, number)):
                return found
    if problem:
        raise problem
    raise PasswordError(f"{header.name}: {len(keys)} keys tried, none opens it")


def volume_key(header: Header, key: bytes) -> str:
    """The volume key as text that may stand among the keys; it is as secret as they are."""
    return f"{_PREFIX}{header.uuid}:{key.hex()}"


def _stated(header: Header, text: str) -> bytes | None:
    uuid, _, digits = text.removeprefix(_PREFIX).partition(":")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        return None
    checks = header.layout.digests.values()
    return key if uuid == header.uuid and any(_fits(digest, key) for digest in checks) else None


def _digests(header: Header, slot: str) -> Iterator[Digest]:
    return (digest for digest in header.layout.digests.values() if slot in digest.keyslots)


def _fits(digest: Digest, key: bytes) -> bool:
    want = unhex(digest.digest)
    made = pbkdf2(digest.hash, key, unhex(digest.salt), digest.iterations, len(want))
    return hmac.compare_digest(made, want)


def _try(medium: Medium, slot: Slot, password: bytes) -> bytes:
    kdf, af, area = slot.kdf, slot.af, slot.area
    if kdf is None or af is None or not 0 < slot.key_size <= 512 or not 0 < af.stripes <= STRIPES_MOST:
        raise DamagedError("impossible values in a LUKS key slot")
    size = slot.key_size * af.stripes
    at, padded = _number(area.offset), -(-size // 512) * 512
    if at + size > medium.present:
        raise DamagedError("a LUKS key slot lies beyond the end")
    secret = derive(kdf, password, area.key_size or slot.key_size)
    stored = medium.pread(at, padded).ljust(padded, b"\0")
    return merge(sectors(area.encryption, secret, 512)(stored, 0)[:size], slot.key_size, af)


def _segment(header: Header) -> Segment:
    found = [
        s for s in header.layout.segments.values() if "backup-final" not in s.flags and "backup-previous" not in s.flags
    ]
    if len(found) != 1 or found[0].type != "crypt":
        raise UnsupportedError("a LUKS volume in the middle of a re-encryption, or of several segments")
    if found[0].integrity is not None:
        raise UnsupportedError("LUKS with integrity tags is not read here")
    return found[0]


def open_clear(medium: Medium, header: Header, key: bytes) -> Decrypted:
    """The volume in clear."""
    segment = _segment(header)
    offset, first = _number(segment.offset), _number(segment.iv_tweak)
    size = medium.size - offset if segment.size == "dynamic" else _number(segment.size)
    if segment.sector_size not in (512, 1024, 2048, 4096) or size < 0:
        raise DamagedError("impossible values in the LUKS segment")
    size -= size % segment.sector_size
    return Decrypted(medium, offset, size, segment.encryption, key, segment.sector_size, first)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise DamagedError(f"no number in the LUKS header: {text[:20]!r}")
    return int(text)
