from __future__ import annotations

import io
import json
import zipfile

import pytest
from pieces import golden, read, squeezed

from moisson.errors import DamagedError, PasswordError
from moisson.extract.opendocument import read_opendocument

SPACES = " ".join(f'xmlns:{n}="urn:{n}"' for n in ("office", "text", "table", "xlink", "dc", "meta"))


def odf(body: str, **more: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("content.xml", f"<office:document-content {SPACES}>{body}</office:document-content>")
        for name, content in more.items():
            z.writestr(name, content)
    return out.getvalue()


def test_paragraphs_blanks_and_links():
    body = (
        '<text:p>a<text:s text:c="3"/>b<text:tab/>c <text:span>d</text:span> '
        '<text:a xlink:href="mailto:ali@example.org">Ali</text:a> e</text:p><text:p>f</text:p>'
    )
    assert read(read_opendocument, odf(body)).text.strip() == "a   b\tc d Ali e mailto:ali@example.org\nf"


def test_a_row_is_a_line():
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    rows = f"<table:table-row>{cell.format('Ali')}{cell.format('06')}</table:table-row>" * 2
    assert read(read_opendocument, odf(f"<table:table>{rows}</table:table>")).text.strip() == "Ali\t06\t\nAli\t06"


def test_a_cell_repeated_without_end_is_read_once():
    cell = '<table:table-cell table:number-columns-repeated="1000000000"><text:p>x</text:p></table:table-cell>'
    assert read(read_opendocument, odf(f"<table:table-row>{cell}</table:table-row>")).text.count("x") == 1


def test_headers_properties_and_pictures():
    styles = f"<office:s {SPACES}><text:p>page header</text:p></office:s>"
    meta = f"<office:meta {SPACES}><meta:initial-creator>Zoé</meta:initial-creator><dc:creator>Omar</dc:creator></office:meta>"
    given = read(read_opendocument, odf("", **{"styles.xml": styles, "meta.xml": meta, "Pictures/a.png": b"\x89PNG"}))
    assert "page header" in given.text
    assert given.facts == {"office.author": "Zoé", "office.last_author": "Omar"}
    assert [(c.name, str(c.layer), c.open().whole()) for c in given.children] == [
        ("a.png", "zip:Pictures%2Fa.png", b"\x89PNG")
    ]


def test_nothing_inside():
    with pytest.raises(DamagedError):
        read(read_opendocument, b"PK\5\6" + bytes(18))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["tika/testODTEncrypted.odt", "ingest-file/encypted_by_libreoffice.odt"])
def test_locked(corpora, name):
    with pytest.raises(PasswordError):
        read(read_opendocument, (corpora / "docs" / name).read_bytes(), ["x"])


@pytest.mark.corpus
def test_specimens(corpora):
    docs = corpora / "docs"
    expected = json.loads((docs / "expected.json").read_text())
    names = [
        n for n in expected if n.endswith((".odt", ".ods", ".sxw")) and "ncrypted" not in n and "encypted" not in n
    ]
    assert len(names) > 5
    for name in names:
        text = squeezed(read(read_opendocument, (docs / name).read_bytes()).text)
        assert [t for t in golden(corpora, name, expected) if squeezed(t) not in text] == [], name
