from __future__ import annotations

import io
import json
import zipfile

import pytest

from moisson.errors import DamagedError
from moisson.extract.ebook import read_epub, read_fictionbook
from tests.extract.pieces import golden, read, squeezed

CONTAINER = '<container><rootfiles><rootfile full-path="o/b.opf"/></rootfiles></container>'
BOOK = """<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>T</dc:title><dc:creator>Zoé</dc:creator>
</metadata><manifest><item id="a" href="a.xhtml"/><item id="b" href="b%20b.xhtml"/></manifest>
<spine><itemref idref="b"/><itemref idref="a"/></spine></package>"""


def epub(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, content in parts.items():
            z.writestr(name, content)
    return out.getvalue()


def test_pages_in_the_order_of_the_spine():
    parts = {
        "META-INF/container.xml": CONTAINER,
        "o/b.opf": BOOK,
        "o/a.xhtml": "<p>first خالد</p>",
        "o/b b.xhtml": "<p>second</p>",
    }
    given = read(read_epub, epub(**parts))
    assert given.text.split() == ["second", "first", "خالد"]
    assert given.facts == {"book.title": "T", "book.author": "Zoé"}
    assert given.places == ["chapter:1", "chapter:2"]


def test_a_book_without_order_is_read_all_the_same():
    assert "lost" in read(read_epub, epub(**{"x.html": "<p>lost</p>"})).text
    with pytest.raises(DamagedError):
        read(read_epub, epub(**{"x.txt": "x"}))


def test_fictionbook():
    xml = (
        '<FictionBook xmlns:l="x"><description><title-info><author><first-name>Zoé</first-name><last-name>L</last-name>'
        "</author><book-title>T</book-title></title-info></description><body><section><p>one <strong>t</strong>wo "
        '<a l:href="http://example.org">x</a></p></section></body><binary id="c.png">iVBORw==</binary></FictionBook>'
    )
    given = read(read_fictionbook, xml.encode())
    assert "one two" in given.text
    assert "http://example.org" in given.text
    assert given.facts == {"book.author": "Zoé L", "book.title": "T"}
    assert given.children[0].open().whole() == b"\x89PNG"


@pytest.mark.corpus
def test_specimen(corpora):
    expected = json.loads((corpora / "docs" / "expected.json").read_text())
    text = squeezed(read(read_epub, (corpora / "docs/tika/testEPUB.epub").read_bytes()).text)
    assert all(squeezed(t) in text for t in golden(corpora, "tika/testEPUB.epub", expected))
    assert "plusasimplediv" in text
