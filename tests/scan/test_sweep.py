"""The sweep over raw bytes: what is planted is found once, where it stands, through every layer."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from argparse import Namespace
from collections import Counter

import pytest
from benches import rawimage
from benches.scan import Score
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.address import Address
from moisson.errors import DamagedError, EvidenceError
from moisson.model import Failure, Sighting, Text
from moisson.reader import Memory, Reader, Window
from moisson.scan.decode import DECODERS, decode, open_layer
from moisson.scan.sweep import Options, Stretch, sweep, sweep_bytes


def resolve(reader, address):
    """The bytes an address leads to, layer by layer."""
    for layer in Address.parse(address).layers:
        if layer.scheme == "@":
            offset, length = layer.span
            reader = Reader(Window(reader.medium, offset, reader.size - offset if length is None else length))
        else:
            reader = open_layer(reader, layer.scheme)
    return reader.whole()


def finds(data, **options):
    """Kind and value of the sightings in these bytes."""
    return {(r.kind, r.value) for r in sweep_bytes(data, "E1", Options(**options)) if isinstance(r, Sighting)}


def key(record):
    return (record.address, getattr(record, "value", "") or getattr(record, "content", ""))


def whole(record):
    """No stretch of pages, and no run of words so long that a unit does not see its end."""
    return not isinstance(record, Stretch) and len(getattr(record, "content", "")) < 8000


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Every kind in every storage form, with decoys, and its truth."""
    out = tmp_path_factory.mktemp("raw") / "small.raw"
    rawimage.make(out, Namespace(mb=6, per=1, seed=11, natural=None, isolated=90, unit_mb=1))
    return out.read_bytes(), json.loads((out.parent / "small.raw.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def swept(image):
    return [r for r in sweep(Reader(Memory(image[0])), "E1") if not isinstance(r, Stretch)]


def rows(records):
    for r in records:
        at = int(r.address.split("/")[1][1:].partition("+")[0])
        yield ("words", r.content, at) if isinstance(r, Text) else (r.kind, r.value, at)


def test_planted_values_are_found_and_nothing_else(image, swept):
    score = Score(image[1], list(rows(swept)))
    seen, planted = score.total()
    assert planted > 500
    assert seen >= 0.995 * planted, score.missed
    assert not score.false
    assert not score.fooled


def test_every_address_leads_back_to_its_bytes(image, swept):
    reader = Reader(Memory(image[0]))
    for r in swept:
        assert resolve(reader, r.address).decode("utf-8", "replace") == (r.content if isinstance(r, Text) else r.raw)


def test_nothing_is_found_twice(swept):
    assert Counter(map(key, swept)).most_common(1)[0][1] == 1


@pytest.mark.parametrize("size", [1 << 19, 3 << 20])
def test_units_that_touch_give_what_the_whole_gives(image, swept, size):
    reader = Reader(Memory(image[0]))
    parts = [r for at in range(0, reader.size, size) for r in sweep(reader, "E1", at, at + size)]
    assert sorted(key(r) for r in parts if whole(r)) == sorted(key(r) for r in swept if whole(r))
    assert sum(r.length for r in parts if isinstance(r, Stretch)) == reader.size


def test_observers_get_every_byte_once(image):
    seen = bytearray()
    for _ in sweep(Reader(Memory(image[0])), "E1", observers=[lambda at, data: seen.extend(data)]):
        pass
    assert bytes(seen) == image[0]


def test_the_example_of_nested_archives():
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.txt", "x" * 500 + " write to salma.haddad@example.org " + "y" * 500)
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("b.zip", inner.getvalue())
    data = random.Random(1).randbytes(5000) + outer.getvalue()
    found = [r for r in sweep_bytes(data, "E3") if isinstance(r, Sighting)]
    assert [r.value for r in found] == ["salma.haddad@example.org"]
    assert found[0].address.startswith("E3/@5000/zip/@0/zip/@")
    assert resolve(Reader(Memory(data)), found[0].address) == b"salma.haddad@example.org"


def test_pages_are_told_apart():
    rng = random.Random(3)
    text = ("the quick brown fox jumps over the lazy dog. " * 100).encode()[:4096]
    data = bytes(4096) + rng.randbytes(4096) + text + ("مرحبا كيف الحال " * 200).encode()[:4096]
    assert [r.flags for r in sweep_bytes(data, "E") if isinstance(r, Stretch)] == [1, 16, 2, 8]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"+964 770 123 4567", ("phone", "+9647701234567")),
        ("٠٧٧٠ ١٢٣ ٤٥٦٧".encode(), ("phone", "+9647701234567")),
        (b"4111 1111 1111 1111", ("card", "4111111111111111")),
        (b"GB82 WEST 1234 5698 7654 32", ("iban", "GB82WEST12345698765432")),
        (b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ("crypto", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")),
        (b"geo:36.34012,43.13021", ("coords", "36.34012,43.13021")),
        (b"<Point><coordinates>43.13021,36.34012,0</coordinates>", ("coords", "36.34012,43.13021")),
        (b"t.me/black_falcon7", ("account", "telegram:@black_falcon7")),
        (b"00:1A:2b:3c:4D:5e", ("mac", "00:1A:2B:3C:4D:5E")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_values_alone_between_random_bytes(raw, value, charset):
    rng = random.Random(5)
    stored = raw.decode().encode(charset)
    for at in (1, 4095 - len(stored) // 2, 4096 * 2 - 1):
        data = rng.randbytes(at) + bytes(4) + stored + bytes(4) + rng.randbytes(9000)
        assert value in finds(data)


@pytest.mark.parametrize(
    "raw",
    [
        b"4111 1111 1111 1112",
        b"GB82 WEST 1234 5698 7654 33",
        b"1BoatSLRHtKNngkdXEeobR76b53LETtpyU",
        b"256.10.20.30",
        b"+999123456789",
        b"abandon ability able about above absent absorb abstract absurd abuse access accident",
    ],
)
def test_wrong_checksums_are_passed_over(raw):
    assert not finds(b"see " + raw + b" there")


def test_secrets():
    phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    key_text = base64.encodebytes(bytes(range(200))).decode()
    found = finds(
        f"my words\n{phrase}\n-----BEGIN OPENSSH PRIVATE KEY-----\n{key_text}-----END OPENSSH PRIVATE KEY-----\n"
        'network={\n ssid="Cafe Umm"\n psk="secret-pass"\n}\n'.encode()
    )
    assert ("secret", f"bip39:{phrase}") in found
    assert ("secret", "wifi:Cafe Umm:secret-pass") in found
    assert any(value.startswith("pem:") for _, value in found)


def test_a_position_in_exif_is_read():
    def rationals(*values):
        return b"".join(struct.pack("<II", int(v * 100), 100) for v in values)

    gps = struct.pack("<H", 4)
    gps += struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack("<HHII", 2, 5, 3, 80)
    gps += struct.pack("<HHI4s", 3, 2, 2, b"E\0\0\0") + struct.pack("<HHII", 4, 5, 3, 104) + struct.pack("<I", 0)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8825, 4, 1, 26, 0)
    tiff += gps + rationals(36, 20, 24) + rationals(43, 7, 48)
    data = random.Random(2).randbytes(900) + b"\xff\xe1\x00\xffExif\0\0" + tiff + bytes(300)
    (found,) = [r for r in sweep_bytes(data, "E") if isinstance(r, Sighting)]
    assert (found.kind, found.value) == ("coords", "36.34000,43.13000")
    assert resolve(Reader(Memory(data)), found.address) == found.raw.encode()


def test_bombs_stay_within_their_budget():
    bomb = gzip.compress(bytes(40 << 20))
    nested = gzip.compress(bomb * 20)
    text = b"tarek.nasser@example.net"
    assert finds(nested + bytes(64) + text, layer=4 << 20, budget=8 << 20) == {("email", text.decode())}


@pytest.mark.parametrize("around", [bytes(40), b"\x01\xff" * 20, b" words "])
@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("33°N 36°E", "33.00000,36.00000"),
        ("5°12'N 7°3'E", "5.20000,7.05000"),
        ("33.5° N, 36.2° E", "33.50000,36.20000"),
        ("N 33° 30' E 36° 17'", "33.50000,36.28333"),
        ("geo:33.5,36.2", "33.50000,36.20000"),
    ],
)
def test_angles_are_read_whatever_stands_around_them(text, value, charset, around):
    assert ("coords", value) in finds((around + text.encode(charset) + around).ljust(4096, b"\0"))


class Broken(Memory):
    """A medium of which a part cannot be read."""

    def pread(self, offset, n):
        if offset < (5 << 20) and offset + n > (3 << 20):
            raise DamagedError("a bad chunk")
        return super().pread(offset, n)


def test_what_cannot_be_read_is_said_and_the_rest_is_swept():
    data = b"first@example.org" + bytes(8 << 20) + b"last@example.org"
    records = list(sweep(Reader(Broken(data)), "E1"))
    assert {r.value for r in records if isinstance(r, Sighting)} == {"first@example.org", "last@example.org"}
    assert [r.kind for r in records if isinstance(r, Failure)] == ["damaged"] * 3
    assert sum(r.length for r in records if isinstance(r, Stretch)) == len(data)


def test_depth_is_bounded():
    data = b"deep.down@example.org"
    for _ in range(8):
        data = gzip.compress(data)
    assert not finds(data)
    assert finds(data, depth=9) == {("email", "deep.down@example.org")}


@pytest.mark.parametrize("scheme", sorted(DECODERS))
@given(data=st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_decoders_take_anything(scheme, data):
    heads = {
        "zip": b"PK\3\4\x14\0\0\0\x08\0", "xpress": b"\x81\x81xpress", "gzip": b"\x1f\x8b\x08\0", "zlib": b"x\x9c",
        "mam": b"MAM\x04\0\1\0\0", "hiberset": b"\1\0\2\x80" + bytes(8),
    }  # fmt: skip
    for raw in (data, heads.get(scheme, b"") + data):
        try:
            decode(scheme, Reader.of(raw), 1 << 16)
        except EvidenceError:
            continue


@given(st.binary(max_size=9000))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_swept(data):
    for r in sweep_bytes(data, "E"):
        assert isinstance(r, Sighting | Text | Stretch)


@given(st.text(max_size=3000), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_compressions_come_back(text, rng):
    from benches import scanpacking

    raw = text.encode("utf-8", "replace")
    if raw:
        block = scanpacking.lznt1(rng, raw.decode())
        assert decode("lznt1", Reader.of(block)).data == raw
        assert decode("xpress", Reader.of(scanpacking.xpress(rng, raw.decode()))).data.rstrip(b"\0") == raw.rstrip(
            b"\0"
        )
        assert decode("zlib", Reader.of(zlib.compress(raw) + b"tail")).data == raw


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be"])
def test_the_order_of_bytes_is_told_by_the_ends_of_words(charset):
    text = "the market.\n\n+٩٦٤٧٥٣٨٤٧٦٠٢٦\nwaited"
    assert ("phone", "+9647538476026") in finds(bytes(33) + text.encode(charset) + bytes(40))


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
def test_a_stream_that_breaks_off_hides_none_of_those_behind_it(pack):
    rng = random.Random(8)
    # Nothing repeats in it and all bytes are about as likely, so that any bits go on as letters of its code.
    cut = pack(bytes(rng.randrange(200) for _ in range(60_000)))[:30_000]
    whole = b"".join(pack(b"mail person%d@verger.example now %d" % (n, rng.randrange(10**9))) for n in range(20))
    found = {r.value for r in sweep_bytes(cut + whole, "E") if isinstance(r, Sighting) and r.kind == "email"}
    assert found == {f"person{n}@verger.example" for n in range(20)}
