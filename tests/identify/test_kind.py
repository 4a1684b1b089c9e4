"""What files are: against the labels of the corpora, and whatever bytes come."""

from __future__ import annotations

import json
import struct
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.identify.kind import canonical, identify
from moisson.identify.tables import by_extension, compile_pattern, signatures, types
from moisson.reader import Reader
from tests.counting import steps

# Where the corpus' label is an opinion that we do not share: the content is what we say.
_OURS = {"magika/basic/pem/doc.pem": "application/pgp-keys", "magika/basic/pem/doc.pub": "application/pgp-keys"}


@pytest.mark.corpus
def test_labels_of_the_identification_corpus(corpora):
    expected = json.loads((corpora / "ident" / "expected.json").read_text())
    wrong, seen = {}, 0
    for path, values in expected.items():
        if "expected_mime" not in values:
            continue
        seen += 1
        found = identify(Reader.of((corpora / "ident" / path).read_bytes()), path).mime
        if found != _OURS.get(path, canonical(values["expected_mime"])):
            wrong[path] = found
    assert seen == 126
    assert wrong == {}


@pytest.mark.corpus
def test_documents_are_never_less_exact_than_libmagic(corpora):
    expected = json.loads((corpora / "docs" / "expected.json").read_text())
    vague = {
        "application/octet-stream",
        "application/zip",
        "application/x-ole-storage",
        "application/xml",
        "text/plain",
    }
    differ = {}
    for path, values in expected.items():
        if not isinstance(values, dict) or not (said := values.get("libmagic_mime")):
            continue
        found = identify(Reader.of((corpora / "docs" / path).read_bytes()), path).mime
        if found != canonical(said) and canonical(said) not in vague:
            differ[path] = found
    assert set(differ.values()) == {
        "application/vnd.ms-excel.sheet.binary.macroenabled.12",
        "application/vnd.ms-excel.sheet.macroenabled.12",
        "application/vnd.ms-word.document.macroenabled.12",
        "application/xhtml+xml",
        "multipart/related",
    }


@pytest.mark.corpus
def test_photographs(corpora):
    expected = json.loads((corpora / "photos" / "expected.json").read_text())
    for path, values in expected.items():
        if isinstance(values, dict) and "MIMEType" in values:
            data = (corpora / "photos" / path).read_bytes()
            assert identify(Reader.of(data), path).mime == values["MIMEType"], path


def test_a_name_that_lies_is_a_mismatch():
    jpeg = Reader.of(b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(64))
    assert identify(jpeg, "setup.dll").mismatch
    assert identify(jpeg, "letter.docx").mismatch
    assert not identify(jpeg, "photo.JPG").mismatch
    assert not identify(jpeg, "photo.bak").mismatch
    assert not identify(jpeg, "photo").mismatch
    assert not identify(Reader.of(b"a;b\n1;2\n3;4\n"), "list.txt").mismatch
    assert identify(Reader.of(b"nothing but words here\n"), "photo.jpg").mismatch


@pytest.mark.parametrize(
    ("content", "name", "mime"),
    [
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:A\r\nEND:VCARD\r\n", "", "text/vcard"),
        ("\ufeffBEGIN:VCALENDAR\r\n".encode("utf-16"), "", "text/calendar"),
        (b"From a@b.example Mon Jan  1 10:00:00 2024\nFrom: a@b.example\n\nhi\n", "", "application/mbox"),
        (b"Received: from x\r\nFrom: a@b.example\r\nSubject: x\r\n\r\nhi", "", "message/rfc822"),
        ("اسم,رقم,مدينة\nعلي,07701234567,بغداد\nسعاد,07701234568,أربيل\n".encode(), "", "text/csv"),
        ("رقم الهاتف في الرسالة".encode("cp1256") * 9, "", "text/plain"),
        ("المدينة القديمة\n".encode("utf-16-le") * 9, "", "text/plain"),
        (b'{"a": [1, 2, {"b": null}]}', "", "application/json"),
        (b'{"a": 1}\n{"a": 2}\n', "", "application/json"),
        (b"<?xml version='1.0'?><gpx xmlns='http://www.topografix.com/GPX/1/1'/>", "", "application/gpx+xml"),
        (b"<kml:kml xmlns:kml='http://www.opengis.net/kml/2.2'></kml:kml>", "", "application/vnd.google-earth.kml+xml"),
        (b"<html><body><p>x", "", "text/html"),
        (b"Dear Sir, we agreed, in principle, to the price.\nYours, faithfully, R.\n", "", "text/plain"),
        (b"\0\0\0\x18ftyp3gp5\0\0\0\0isom3gp4", "", "video/3gpp"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "", "image/heic"),
        (b"SCCA"[:0] + b"\x17\0\0\0SCCA" + bytes(80), "", "application/x-ms-prefetch"),
        (b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0", "", "application/vnd.microsoft.portable-executable"),
        (b"", "x.pdf", "application/x-empty"),
        (b"print('x')\n", "a.py", "text/x-python"),
        (b"Subject: no more\r\nnot a header\r\n\r\nbody", "a.eml", "message/rfc822"),
        (b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n", "", "message/rfc822"),
        (b"<message><p>x</p></message>", "", "application/xml"),
    ],
)
def test_kinds_by_content(content, name, mime):
    assert identify(Reader.of(content), name).mime == mime


def test_zip_by_its_members():
    def archive(**members):
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            for name, text in members.items():
                z.writestr(name, text)
        return out.getvalue()

    assert identify(Reader.of(archive(**{"a.txt": "x"}))).mime == "application/zip"
    assert identify(Reader.of(archive(**{"AndroidManifest.xml": ""}))).mime == "application/vnd.android.package-archive"
    kmz = archive(**{"places.kml": "", "files/a.png": ""})
    assert identify(Reader.of(kmz)).mime == "application/vnd.google-earth.kmz"
    macro = '<Override ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/>'
    docm = archive(**{"[Content_Types].xml": macro, "word/document.xml": ""})
    assert identify(Reader.of(docm)).mime == "application/vnd.ms-word.document.macroenabled.12"
    assert identify(Reader.of(docm[: len(docm) // 2])).mime.startswith("application/")


@given(st.binary(max_size=400), st.sampled_from([b"", b"PK\3\4", bytes.fromhex("d0cf11e0a1b11ae1"), b"RIFF", b"<?xml"]))
def test_no_bytes_break_it(tail, head):
    kind = identify(Reader.of(head + tail), "a.b")
    assert "/" in kind.mime
    assert kind.label


def test_tables_are_consistent():
    by_byte, others = signatures()
    mimes = {s.mime for rows in by_byte.values() for s in rows} | {s.mime for s in others}
    assert len(mimes) > 150
    assert all(canonical(mime) == mime for mime in types())
    assert by_extension()["docx"][0].endswith("wordprocessingml.document")
    assert compile_pattern("'a' ?? (01|ff)") == (b"a.(?:\\\x01|\xff)", 3) or compile_pattern("'a' ?? (01|ff)")[1] == 3


@pytest.mark.parametrize("unit", [b"[ ] ", b"<!--", b"<a ", b"#\n", b'"\n', b"A:\n", b"{", b"' xmlns:a='b"])
def test_no_text_takes_long(unit):
    for start in (b"", b"<?xml version='1.0'?><!DOCTYPE a ", b"P1\n", b"<a xmlns:a='", b"From: x\n"):
        text = start + unit * 8000
        assert steps(lambda: identify(Reader.of(text), "a.txt")) < 8 * len(text)  # noqa: B023
