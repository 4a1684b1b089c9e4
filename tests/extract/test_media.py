"""Sound and film: what other readers say of the corpus, and boxes made by hand."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import EvidenceError
from moisson.extract.media import read_media
from moisson.extract.movie import degrees
from moisson.model import Event, Fact, Flag, Passage, Stated
from moisson.reader import Child, Reader


def facts(pieces):
    return {p.key: p.value for p in pieces if isinstance(p, Fact)}


def words(pieces):
    return {p.text.strip() for p in pieces if isinstance(p, Passage)}


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("path", "title", "more"),
    [
        ("tika/testFLAC.flac", "Test Title", {"media.artist": "Test Artist", "media.samplerate": "44100"}),
        ("tika/testMP3id3v2.mp3", "Test Title", {"media.album": "Test Album", "media.channels": "1"}),
        ("tika/testMP4.m4a", "Test Title", {"media.created": "2012-01-28T18:39:18Z"}),
        ("tika/testMP4_udtaLocation.mp4", "Test Title", {"media.gps": "12.345600,-98.765400"}),
        ("tika/testWAV.wav", None, {"media.samplerate": "44100", "media.channels": "2", "media.bitdepth": "16"}),
        ("ingest-file/memo.m4a", None, {"media.encoder": "com.apple.VoiceMemos (iOS 11.4)"}),
    ],
)
def test_recordings_of_the_corpus(corpora, path, title, more):
    pieces = list(read_media(Reader.of((corpora / "docs" / path).read_bytes())))
    assert facts(pieces).items() >= more.items()
    assert title is None or title in words(pieces)


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind, *content):
    return box(kind, bytes(4), *content)


def film(*moov):
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"mdat", bytes(64)) + box(b"moov", *moov)


def test_film_of_a_telephone():
    names = (b"com.apple.quicktime.location.ISO6709", b"com.apple.quicktime.model", b"com.apple.quicktime.creationdate")
    values = (b"+43.4674+011.8851+295.0/", b"iPhone 11", b"2024-05-13T14:27:50+0300")
    keys = full(b"keys", struct.pack(">I", 3), *(box(b"mdta", name) for name in names))
    items = [box(struct.pack(">I", i), box(b"data", struct.pack(">II", 1, 0), v)) for i, v in enumerate(values, 1)]
    meta = box(b"meta", full(b"hdlr", bytes(4), b"mdta", bytes(13)), keys, box(b"ilst", *items))
    mvhd = full(b"mvhd", struct.pack(">IIII", 2_082_844_800 + 1_715_599_670, 0, 600, 1500), bytes(80))
    pieces = list(read_media(Reader.of(film(mvhd, meta))))
    found = facts(pieces)
    assert found["media.gps"] == "43.467400,11.885100"
    assert found["media.duration"] == "2.50"
    assert Stated("coords", "43.467400,11.885100", "location", "media.gps") in pieces
    event = next(p for p in pieces if isinstance(p, Event))
    assert str(event.when) == "2024-05-13T11:27:50Z"
    assert event.meta["model"] == "iPhone 11"


def test_film_of_an_older_telephone():
    xyz = b"-33.8688+151.2093/"
    udta = box(
        b"udta",
        box(b"\xa9xyz", struct.pack(">HH", len(xyz), 0x15C7), xyz),
        full(b"titl", b"\x55\xc4", "مخزن".encode(), b"\0"),
        full(b"loci", b"\x55\xc4", b"Depot\0", b"\0", struct.pack(">iii", 44 << 16, 33 << 16, 0), b"earth\0\0"),
    )
    pieces = list(read_media(Reader.of(box(b"ftyp", b"3gp5\0\0\0\0") + box(b"moov", udta))))
    assert {"مخزن", "Depot"} <= words(pieces)
    assert {p.raw for p in pieces if isinstance(p, Stated)} == {"-33.868800,151.209300", "33.000000,44.000000"}


def test_cover_is_a_child():
    art = b"\xff\xd8\xff\xe0" + bytes(40)
    item = box(b"covr", box(b"data", struct.pack(">II", 13, 0), art))
    udta = box(b"udta", full(b"meta", box(b"ilst", item)))
    mvhd = full(b"mvhd", struct.pack(">IIII", 0, 0, 1000, 2000), bytes(80))
    child = next(p for p in read_media(Reader.of(film(mvhd, udta))) if isinstance(p, Child))
    assert (child.role, child.open().whole()) == ("thumbnail", art)


def test_voice_note():
    pieces = list(read_media(Reader.of(b"#!AMR\n" + (b"\x04" + bytes(12)) * 150)))
    assert facts(pieces)["media.duration"] == "3.00"
    assert Flag("needs-transcript") in pieces


def test_matroska():
    def element(code, body):
        return bytes.fromhex(code) + bytes([0x80 | len(body)]) + body

    info = element("7ba9", b"Depot nord") + element("4461", struct.pack(">q", 737_292_470 * 10**9))
    info += element("4489", struct.pack(">d", 2500.0)) + element("5741", b"recorder 1")
    video = element("e0", element("b0", b"\x02\x80") + element("ba", b"\x01\xe0"))
    tracks = element("1654ae6b", element("ae", element("83", b"\x01") + video) + element("ae", element("83", b"\x02")))
    data = element("1a45dfa3", element("4282", b"webm")) + b"\x18\x53\x80\x67\x01" + b"\xff" * 7
    pieces = list(read_media(Reader.of(data + element("1549a966", info) + tracks)))
    assert facts(pieces) == {
        "media.created": "2024-05-13T11:27:50Z",
        "media.duration": "2.50",
        "media.size": "640x480",
        "media.software": "recorder 1",
    }
    assert words(pieces) == {"Depot nord"}
    assert Flag("needs-transcript") in pieces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+43.4674+011.8851/", "43.467400,11.885100"),
        ("-3352.128+15112.558/", "-33.868800,151.209300"),
        ("+335207.7+0442133.0+34/", "33.868806,44.359167"),
        ("+00.0000+000.0000/", ""),
        ("+99.0+010.0/", ""),
        ("here", ""),
    ],
)
def test_positions_of_iso_6709(text, expected):
    assert degrees(text) == expected


HEADS = [
    b"\0\0\0\x18ftypqt  ",
    b"\x1aE\xdf\xa3",
    b"RIFF\0\0\0\0AVI ",
    b"RIFF\0\0\0\0WAVE",
    b"ID3\4",
    b"OggS",
    b"fLaC",
    b"#!AMR\n",
]


@given(st.binary(max_size=300), st.sampled_from(HEADS))
def test_no_bytes_break_it(noise, head):
    try:
        list(read_media(Reader.of(head + noise)))
    except EvidenceError:
        return
