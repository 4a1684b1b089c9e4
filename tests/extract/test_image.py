"""Pictures: what exiftool says of the corpus, hostile blocks, and words in every corner."""

from __future__ import annotations

import json
import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from moisson.errors import EvidenceError
from moisson.extract.image import dhash, read_image
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader

_KEYS = {"Make": "exif.make", "Model": "exif.model", "Software": "exif.software", "Artist": "exif.artist"}
# These cameras keep their data where only their maker's notes or their own container say it.
_ELSEWHERE = {"jpg/exif-org/olympus-d320l.jpg", "jpg/exif-org/sony-powershota5.jpg", "jpg/WWL_(Polaroid)_ION230.jpg"}


def facts(pieces):
    return {p.key: p.value for p in pieces if isinstance(p, Fact)}


@pytest.mark.corpus
def test_photographs_of_the_corpus(corpora):
    expected = json.loads((corpora / "photos" / "expected.json").read_text())
    seen = 0
    for path, values in expected.items():
        if not isinstance(values, dict) or "MIMEType" not in values or path in _ELSEWHERE:
            continue
        pieces = list(read_image(Reader.of((corpora / "photos" / path).read_bytes())))
        found, seen = facts(pieces), seen + 1
        assert found["image.size"] == f"{values['ImageWidth']}x{values['ImageHeight']}", path
        for name, key in _KEYS.items():
            if str(values.get(name, "")).strip():
                assert str(found[key]).strip() == str(values[name]).strip(), path
        if "GPSLatitude" in values:
            latitude, longitude = map(float, found["exif.gps"].split(","))
            assert latitude == pytest.approx(values["GPSLatitude"], abs=2e-7), path
            assert longitude == pytest.approx(values["GPSLongitude"], abs=2e-7), path
            assert any(isinstance(p, Stated) and p.kind == "coords" and p.role == "location" for p in pieces)
        if "DateTimeOriginal" in values:
            event = next(p for p in pieces if isinstance(p, Event))
            assert event.kind == "photograph"
            assert event.when
            if not values.get("OffsetTimeOriginal"):
                local = values["DateTimeOriginal"].replace(":", "-", 2).replace(" ", "T")
                assert str(event.when).rstrip("Z") == local, path
    assert seen == 51


@pytest.mark.corpus
def test_offset_makes_a_moment_absolute(corpora):
    pieces = list(read_image(Reader.of((corpora / "photos" / "heic/IMG_5195.HEIC").read_bytes())))
    event = next(p for p in pieces if isinstance(p, Event))
    assert str(event.when) == "2021-04-11T20:47:53Z"
    assert event.meta["gps"] == "39.0513444,-94.2887722"


@pytest.mark.corpus
def test_thumbnail_is_a_child(corpora):
    pieces = list(read_image(Reader.of((corpora / "photos" / "jpg/Canon_40D.jpg").read_bytes())))
    thumbnail = next(p for p in pieces if isinstance(p, Child))
    assert (thumbnail.role, str(thumbnail.layer)) == ("thumbnail", "exif:thumbnail")
    assert thumbnail.open().head(3) == b"\xff\xd8\xff"


def picture(form, size=(400, 300), **options):
    out = BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(out, form, **options)
    return out.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_words_in_a_png():
    plain = picture("PNG")
    words = "رقم الهاتف 07701234567"
    extra = chunk(b"tEXt", b"Author\0Souad")
    extra += chunk(b"zTXt", b"Note\0\0" + zlib.compress(b"packed words"))
    extra += chunk(b"iTXt", b"Comment\0\0\0ar\0\0" + words.encode())
    pieces = list(read_image(Reader.of(plain[:33] + extra + plain[33:])))
    text = {p.place: p.text for p in pieces if isinstance(p, Passage)}
    assert text == {"png.Author": "Souad\n", "png.Note": "packed words\n", "png.Comment": words + "\n"}
    assert any(isinstance(p, Flag) and p.name == "needs-ocr" for p in pieces)


def test_a_small_icon_needs_no_ocr():
    assert not any(isinstance(p, Flag) for p in read_image(Reader.of(picture("PNG", (48, 48)))))


def test_exif_written_by_hand():
    exif = Image.Exif()
    exif[0x010E] = "Depot au nord"
    exif[0x013B] = "R. Haddad"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "مخزن".encode("utf-16-le")
    exif.get_ifd(0x8769)[0x9003] = "2024:05:13 11:27:50"
    exif.get_ifd(0x8769)[0x9011] = "+03:00"
    exif.get_ifd(0x8825).update({1: "S", 2: (0.0, 22.0, 16.68), 3: "E", 4: (36.0, 3.0, 23.1)})
    for form in ("JPEG", "PNG", "WEBP"):
        pieces = list(read_image(Reader.of(picture(form, exif=exif))))
        text = {p.place: p.text for p in pieces if isinstance(p, Passage)}
        assert text["exif.description"] == "Depot au nord\n", form
        assert text["exif.user_comment"] == "مخزن\n", form
        assert facts(pieces)["exif.gps"] == "-0.3713000,36.0564167", form
        assert str(next(p.when for p in pieces if isinstance(p, Event))) == "2024-05-13T08:27:50Z", form
        assert Stated("name", "R. Haddad", "author", "exif.artist") in pieces


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("jpg/Canon_DIGITAL_IXUS_400.jpg", "exif.owner", "Jean-Pierre Grignon"),
        ("jpg/Canon_PowerShot_S40.jpg", "exif.owner", "Andreas Huggel"),
        ("heic/IMG_5195.HEIC", "exif.content_id", "570F1469-09C7-4E50-9875-05F21D5BD166"),
        ("tika/testJPEG_GEO.jpg", "xmp.SerialNumber", "730552258"),
    ],
)
def test_notes_of_makers_say_whose_camera_it_is(corpora, name, key, value):
    assert facts(read_image(Reader.of((corpora / "photos" / name).read_bytes())))[key] == value


def maker_note(make, note):
    """A picture with a note of its camera's maker; offsets in `note` count from the TIFF header, which is 200 before."""
    entries = struct.pack("<HHII", 0x927C, 7, len(note), 200)
    exif = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 2)
    exif += struct.pack("<HHII", 0x010F, 2, len(make) + 1, 100) + struct.pack("<HHII", 0x8769, 4, 1, 60) + bytes(4)
    exif = exif.ljust(60, b"\0") + struct.pack("<H", 1) + entries + bytes(4)
    exif = exif.ljust(100, b"\0") + make + b"\0"
    return picture("JPEG", (40, 30), exif=b"Exif\0\0" + exif.ljust(200, b"\0") + note)


def directory(*rows):
    packed = b"".join(struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in rows)
    return struct.pack("<H", len(rows)) + packed + bytes(4)


@pytest.mark.parametrize(
    ("make", "note", "serial"),
    [
        (b"Canon", directory((0x000C, 4, 1, struct.pack("<I", 123456789))), "0123456789"),
        (b"NIKON", b"Nikon\0\2\x10\0\0II\x2a\0\x08\0\0\0" + directory((0x001D, 2, 4, b"774\0")), "774"),
        (b"PENTAX", b"AOC\0II" + directory((0x0229, 2, 4, b"A12\0")), "A12"),
        (b"OLYMPUS", b"OLYMPUS\0II\3\0" + directory((0x2010, 4, 1, struct.pack("<I", 40))).ljust(28, b"\0")
         + directory((0x0101, 2, 4, b"B34\0")), "B34"),
    ],
)  # fmt: skip
def test_serial_numbers_in_notes(make, note, serial):
    pieces = list(read_image(Reader.of(maker_note(make, note))))
    assert facts(pieces)["exif.serial"] == serial
    assert any(isinstance(p, Stated) and (p.kind, p.raw, p.role) == ("serial", serial, "device") for p in pieces)


@given(st.sampled_from([b"Canon", b"NIKON", b"Panasonic", b"FUJIFILM", b"Apple"]), st.binary(max_size=80))
def test_any_note_does_no_harm(make, note):
    assert facts(read_image(Reader.of(maker_note(make, note))))["exif.make"] == make.decode()


def test_xmp_and_what_is_appended():
    packet = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
    exif:GPSLatitude="43,28.02N" exif:GPSLongitude="11,53.10E"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">Lot 12
    </rdf:li></rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"""
    film = b"\0\0\0\x18ftypmp42" + bytes(3000)
    pieces = list(read_image(Reader.of(picture("JPEG", xmp=packet) + film)))
    assert facts(pieces)["xmp.gps"] == "43.4670000,11.8850000"
    assert Passage("Lot 12\n", "xmp.title") in pieces
    appended = next(p for p in pieces if isinstance(p, Child))
    assert appended.open().whole() == film
    assert appended.layer.span == (len(picture("JPEG", xmp=packet)), len(film))


def test_prefixes_of_a_damaged_packet_are_bound_to_nothing():
    packet = b"<a><rdf:Bag><rdf:li>Souad</rdf:li></rdf:Bag><dc:title tiff:Make='x'>Lot 7</dc:title></a>"
    pieces = list(read_image(Reader.of(picture("JPEG", xmp=packet))))
    assert Passage("Lot 7\n", "xmp.title") in pieces
    assert Fact("xmp.Make", "x") in pieces


def test_external_entities_are_not_read():
    packet = b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a><title>&e;</title></a>'
    assert not [p for p in read_image(Reader.of(picture("JPEG", xmp=packet))) if isinstance(p, Passage)]


def test_hash_survives_resizing():
    big, small = (int(dhash(Reader.of(picture("JPEG", size))), 16) for size in ((800, 600), (200, 150)))
    assert (big ^ small).bit_count() <= 6
    assert dhash(Reader.of(picture("JPEG", (2000, 1000)))) == ""


@given(st.binary(max_size=300), st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"]), st.integers(0, 600))
def test_no_bytes_break_it(noise, form, at):
    whole = picture(form, (40, 30))
    data = whole[: min(at, len(whole))] + noise + whole[at + len(noise) :]
    try:
        pieces = list(read_image(Reader.of(data)))
    except EvidenceError:
        return
    assert len(pieces) < 2000
