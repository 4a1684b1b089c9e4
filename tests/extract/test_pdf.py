from __future__ import annotations

import json
import re
import zlib

import pytest

from moisson.errors import DamagedError, LimitError, PasswordError
from moisson.extract.pdf import read_pdf, when
from tests.extract.pieces import golden, read, squeezed

_MARKS = re.compile("[\u200b-\u200f\u202a-\u202e]")


def pdf(content: bytes, more: bytes = b"", filters: bytes = b"") -> bytes:
    """A page that paints `content`, small enough to be written here."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>" + more + b">>",
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filters, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out = b"%PDF-1.7\n"
    for number, part in enumerate(parts, 1):
        out += b"%d 0 obj%s endobj\n" % (number, part)
    return out + b"trailer<</Root 1 0 R>>"


def test_a_page():
    given = read(read_pdf, pdf(b"BT /F 12 Tf 50 700 Td (call +33 6 12 34 56 78) Tj ET"))
    assert "call +33 6 12 34 56 78" in given.text
    assert given.places == ["page:1"]
    assert given.facts["pdf.pages"] == 1


def test_targets_of_links():
    link = b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(mailto:ali@example.org)>>>>]"
    assert "mailto:ali@example.org" in read(read_pdf, pdf(b"", link)).text


def test_notes():
    note = b"/Annots[<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(meet Ali)/T(Omar)>>]"
    assert "meet Ali\tOmar" in read(read_pdf, pdf(b"", note)).text


def test_pictures_without_text_ask_for_reading():
    picture = b"q 9 0 0 9 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xff EI Q"
    assert "needs-ocr" in read(read_pdf, pdf(picture)).flags
    assert read(read_pdf, pdf(b"")).flags == set()


def test_a_page_that_unpacks_twice_ends():
    bomb = zlib.compress(zlib.compress(bytes(200 << 20), 9), 9)
    with pytest.raises(LimitError):
        read(read_pdf, pdf(bomb, filters=b"/Filter[/FlateDecode/FlateDecode]"))
    twice = zlib.compress(zlib.compress(b"BT /F 12 Tf 50 700 Td (packed twice) Tj ET"))
    assert "packed twice" in read(read_pdf, pdf(twice, filters=b"/Filter[/FlateDecode/FlateDecode]")).text


def test_dates():
    assert when("D:20220403193102+02'00'") == "2022-04-03T19:31:02+02:00"
    assert when("D:2022") == "2022-01-01"
    assert when("yesterday") == "yesterday"


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"", b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<</Root 1 0 R>>"])
def test_no_pdf(data):
    with pytest.raises(DamagedError):
        read(read_pdf, data)


@pytest.mark.corpus
@pytest.mark.parametrize("language", ["ar", "fa", "he"])
def test_lines_from_the_right(corpora, language):
    made = corpora / "docs" / "made"
    true = (made / f"{language}.txt").read_text().replace("\u200c", "")
    text = read(read_pdf, (made / f"{language}-pango.pdf").read_bytes()).text
    assert _MARKS.sub("", text).split() == true.split()


@pytest.mark.corpus
def test_arabic_of_another_producer(corpora):
    text = read(read_pdf, (corpora / "docs/pdfjs/ArabicCIDTrueType.pdf").read_bytes()).text
    assert text.split("\n")[:4] == ["انواع الخطوط العربية"] * 4


@pytest.mark.corpus
def test_specimens(corpora):
    docs = corpora / "docs"
    expected = json.loads((docs / "expected.json").read_text())
    names = [n for n in expected if n.startswith("py-pdf/") and n.endswith(".pdf") and "habibi" not in n]
    names += ["tika/testPDF.pdf", "tika/testAnnotations.pdf", "tika/testPDF_acroform3.pdf", "ingest-file/readme.pdf"]
    for name in names:
        keys = [expected[name]["password"]] if expected[name].get("password") else []
        given = read(read_pdf, (docs / name).read_bytes(), keys)
        text = squeezed(given.text)
        lines = golden(corpora, name, expected) + expected[name].get("text_seen", {}).get("lines", [])
        assert [t for t in lines if squeezed(t) not in text] == [], name
        assert ("encrypted" in given.flags) == bool(keys), name
        if pages := expected[name].get("pdfinfo", {}).get("Pages"):
            assert given.facts["pdf.pages"] == int(pages)


@pytest.mark.corpus
def test_attached_files(corpora):
    children = read(read_pdf, (corpora / "docs/py-pdf/with-attachment.pdf").read_bytes()).children
    assert [c.role for c in children] == ["attachment"]
    assert children[0].open().size > 0


@pytest.mark.corpus
def test_a_locked_pdf_says_so(corpora):
    data = (corpora / "docs/py-pdf/libreoffice-writer-password.pdf").read_bytes()
    with pytest.raises(PasswordError):
        read(read_pdf, data, ["wrong"])
    assert "encrypted" in read(read_pdf, data, ["wrong", "openpassword"]).flags


def test_properties_of_ones_own_and_what_xmp_says_more():
    packet = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        b"<rdf:Description xmlns:d='d' d:title='Lot 12' d:DocumentID='uuid:1'/></rdf:RDF></x:xmpmeta>"
    )
    source = pdf(b"").replace(
        b"trailer<</Root 1 0 R>>",
        b"6 0 obj<</Title(Lot 12)/Scanned#By(x)/Operator(Souad)>> endobj\n"
        b"7 0 obj<</Length %d>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R/Info 6 0 R>>" % (len(packet), packet),
    )
    given = read(read_pdf, source)
    assert given.facts["pdf.title"] == "Lot 12"
    assert given.facts["pdf.custom.Operator"] == "Souad"
    assert given.facts["xmp.DocumentID"] == "uuid:1"
    assert "Lot 12" not in given.text
