"""Forms that draw themselves: the page ends, the rest of it is told."""

from __future__ import annotations

import zlib

import pytest

from moisson.extract.pdf import read_pdf
from moisson.extract.pdfforms import MAX_DRAWN, without_loops
from tests.extract.pieces import read

_WORDS = b"BT /T 12 Tf 50 700 Td (call +33 6 12 34 56 78) Tj ET "


def document(*forms: bytes, shared: bytes = b"") -> bytes:
    """A page with words that draws the first of these forms."""
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources 5 0 R>>",
        b"<</Length 0>>stream\n" + _WORDS + b"/F Do\nendstream",
        b"<</Font<</T 6 0 R>>/XObject<</F 7 0 R" + shared + b">>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *forms,
    ]
    out = b"%PDF-1.7\n" + b"".join(b"%d 0 obj%s endobj\n" % pair for pair in enumerate(parts, 1))
    return out + b"trailer<</Root 1 0 R>>"


def form(content: bytes, resources: bytes = b"", *, packed: bool = False) -> bytes:
    body = zlib.compress(content) if packed else content
    how = b"/Filter/FlateDecode" if packed else b""
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]%s%s/Length %d>>stream\n" % (resources, how, len(body))
    return head + body + b"\nendstream"


def chain(count: int, times: int) -> list[bytes]:
    """Forms of which each draws the next, the last one words."""
    inner = [
        form(b"/F Do " * times, b"/Resources<</XObject<</F %d 0 R>>>>" % (8 + i), packed=bool(i % 2))
        for i in range(count - 1)
    ]
    return [*inner, form(b"BT /T 12 Tf 50 600 Td (deep within) Tj ET", b"/Resources<</Font<</T 6 0 R>>>>")]


@pytest.mark.parametrize(
    "loop",
    [
        [form(b"/F Do " * 20, b"/Resources<</XObject<</F 7 0 R>>>>")],
        [form(b"/F Do " * 20, packed=True)],
        [form(b"/F Do " * 20, b"/Resources 5 0 R")],
        [
            form(b"/G Do " * 20, b"/Resources<</XObject 9 0 R>>"),
            form(b"/F Do " * 20, b"/Resources<</XObject<</F 7 0 R>>>>"),
            b"<</G 8 0 R>>",
        ],
        chain(9, 20),
    ],
    ids=["itself", "by the page's resources", "by shared resources", "one another", "twenty to the ninth"],
)
def test_a_form_that_never_ends_is_passed_over(loop):
    given = read(read_pdf, document(*loop))
    assert "attack" in given.flags
    assert "call +33 6 12 34 56 78" in given.text


def test_a_form_within_an_object_stream_s_resources():
    inner = b"9 0 <</XObject<</F 7 0 R>>>>"
    packed = zlib.compress(inner)
    stream = (
        b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n" % len(packed) + packed + b"\nendstream"
    )
    assert without_loops(document(form(b"/F Do " * 20, b"/Resources 9 0 R"), stream))[1] == 1


def test_forms_within_measure_are_drawn():
    for forms in (chain(3, 5), chain(2, MAX_DRAWN // 100), [form(b"q Q", b"/Resources 5 0 R")]):
        source = document(*forms)
        assert without_loops(source) == (source, 0)
    assert "deep within" in read(read_pdf, document(*chain(3, 1))).text


@pytest.mark.corpus
def test_no_form_of_the_corpus_is_lost(corpora):
    found = [path.name for path in (corpora / "docs").rglob("*.pdf") if without_loops(path.read_bytes())[1]]
    assert found == []
