from __future__ import annotations

import io
import json
import zipfile

import pytest

from moisson.errors import DamagedError, PasswordError
from moisson.extract.office import read_office
from moisson.model import Fact
from moisson.reader import Reader
from tests.extract.pieces import golden, read, squeezed

WORD = '<w:document xmlns:w="w" xmlns:r="r">{}</w:document>'
SHEET = '<worksheet xmlns="s"><sheetData>{}</sheetData></worksheet>'


def package(**parts: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in parts.items():
            z.writestr(name, content)
    return out.getvalue()


def document(body: str, **more: str | bytes) -> bytes:
    return package(**{"word/document.xml": WORD.format(body), **more})


def book(rows: str, **more: str | bytes) -> bytes:
    return package(**{"xl/worksheets/sheet1.xml": SHEET.format(rows), **more})


def test_rows_of_tables_are_lines():
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    row = "<w:tr>" + cell.format("Ali") + cell.format("0612345678") + "</w:tr>"
    assert (
        read(read_office, document(f"<w:tbl>{row}{row}</w:tbl>")).text.strip() == "Ali\t0612345678\t\nAli\t0612345678"
    )


def test_tracked_changes_fields_and_who_made_them():
    body = (
        '<w:p><w:del w:author="Omar"><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>kept</w:t></w:r>'
        '<w:r><w:instrText>HYPERLINK "tel:+33612345678"</w:instrText></w:r></w:p>'
    )
    given = read(read_office, document(body))
    assert "gone" in given.text
    assert "tel:+33612345678" in given.text
    assert given.facts["office.editor"] == "Omar"


def test_text_boxes_are_read_once():
    box = "<mc:AlternateContent xmlns:mc='m'><mc:Choice>{0}</mc:Choice><mc:Fallback>{0}</mc:Fallback></mc:AlternateContent>"
    text = read(
        read_office, document(box.format("<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent>"))
    ).text
    assert text.count("box") == 1


def test_headers_notes_comments_and_links():
    word = '<w:x xmlns:w="w"><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:x>'
    rels = '<Relationships><Relationship Id="r1" Type="x/hyperlink" Target="mailto:a@b.example" TargetMode="External"/></Relationships>'
    parts = {f"word/{n}.xml": word.format(n) for n in ("header1", "footer2", "footnotes", "endnotes", "comments")}
    text = read(read_office, document("", **parts, **{"word/_rels/document.xml.rels": rels})).text
    assert all(n.rpartition("/")[2][:-4] in text for n in parts)
    assert "mailto:a@b.example" in text


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ('<c t="n"><v>33612345678.0</v></c>', "33612345678"),
        ('<c t="n"><v>3.3612345678E10</v></c>', "33612345678"),
        ('<c t="n"><v>0.1</v></c>', "0.1"),
        ('<c t="inlineStr"><is><t>Ali</t></is></c>', "Ali"),
        ('<c t="s"><v>1</v></c>', "Omar"),
        ('<c t="str"><f>A1&amp;"x"</f><v>yes</v></c>', 'yes =A1&"x"'),
        ('<c t="b"><v>1</v></c>', "TRUE"),
        ('<c s="1"><v>45000</v></c>', "2023-03-15"),
        ('<c s="1"><v>45000.75</v></c>', "2023-03-15 18:00:00"),
        ('<c s="2"><v>612345678</v></c>', "06 12 34 56 78"),
        ('<c t="s"><v>99999999</v></c>', ""),
        ('<c t="n"><v>1e999</v></c>', ""),
    ],
)
def test_cells_as_they_show(cell, shown):
    styles = (
        '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="00&quot; &quot;00&quot; &quot;00&quot; &quot;00&quot; '
        '&quot;00"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/></cellXfs></styleSheet>'
    )
    strings = "<sst><si><t>Zoé</t></si><si><r><t>Om</t></r><r><t>ar</t></r><rPh><t>no</t></rPh></si></sst>"
    data = book(f"<row>{cell}</row>", **{"xl/styles.xml": styles, "xl/sharedStrings.xml": strings})
    assert read(read_office, data).text.replace("sheet1.xml", "").strip() == shown


def test_a_sheet_of_far_cells_costs_nothing():
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
    assert "far" in read(read_office, book(far)).text


def test_a_part_that_unpacks_too_far_is_cut():
    data = document("<w:p><w:r><w:t>start</w:t></w:r></w:p>" + " " * (300 << 20))
    given = read(read_office, data)
    assert "start" in given.text
    assert "truncated" in given.flags


def test_media_and_objects_are_children_with_their_layer():
    data = document("", **{"word/media/image1.png": b"\x89PNG", "word/embeddings/a b.bin": b"x"})
    children = read(read_office, data).children
    assert [(c.name, str(c.layer), c.open().whole()) for c in children] == [
        ("image1.png", "zip:word%2Fmedia%2Fimage1.png", b"\x89PNG"),
        ("a b.bin", "zip:word%2Fembeddings%2Fa b.bin", b"x"),
    ]


def test_slides_in_the_order_of_the_presentation():
    shape = '<p:sld xmlns:p="p" xmlns:a="a"><a:p><a:r><a:t>{}</a:t></a:r></a:p></p:sld>'
    ids = '<p:presentation xmlns:p="p" xmlns:r="r"><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/></p:presentation>'
    rels = "<Relationships>" + "".join(
        f'<Relationship Id="r{i}" Type="x/slide" Target="slides/slide{i}.xml"/>' for i in (1, 2)
    ) + "</Relationships>"  # fmt: skip
    parts = {"ppt/presentation.xml": ids, "ppt/_rels/presentation.xml.rels": rels}
    parts |= {f"ppt/slides/slide{i}.xml": shape.format(f"slide {i}") for i in (1, 2, 3)}
    given = read(read_office, package(**parts))
    assert given.text.split("\n")[::2][:3] == ["slide 2", "slide 1", "slide 3"]
    assert given.places == ["slide:1", "slide:2", "slide:3"]


def test_not_a_document():
    with pytest.raises(DamagedError):
        read(read_office, package(**{"a.txt": "x"}))
    with pytest.raises(DamagedError):
        read(read_office, b"PK\3\4 nothing")


@pytest.mark.corpus
def test_specimens(corpora):
    docs = corpora / "docs"
    expected = json.loads((docs / "expected.json").read_text())
    names = [n for n in expected if n.endswith((".docx", ".docm", ".xlsx", ".xlsm", ".xlsb", ".pptx"))]
    names = [n for n in names if "truncated" not in n and n != "ingest-file/password_protected.xlsx"]
    assert len(names) > 20
    for name in names:
        keys = [expected[name]["password"]] if expected[name].get("password") else []
        text = squeezed(read(read_office, (docs / name).read_bytes(), keys).everything)
        wanted = [t for t in golden(corpora, name, expected) if "Click to edit" not in t and "false" not in t]
        assert [t for t in wanted if squeezed(t) not in text and name != "tika/test_recursive_embedded.docx"] == [], (
            name
        )


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["testWORD_protected_passtika.docx", "testEXCEL_protected_passtika.xlsx"])
def test_locked_documents_say_so(corpora, name):
    data = Reader.of((corpora / "docs" / "tika" / name).read_bytes())
    flags = []
    with pytest.raises(PasswordError):
        flags += [piece.name for piece in _until_raised(read_office(data, ["wrong"]), flags)]
    assert flags == ["encrypted", "password"]
    given = read(read_office, data.whole(), ["wrong", "tika"])
    assert "encrypted" in given.flags
    assert "ncrypted" in given.text


def _until_raised(pieces, flags):
    for piece in pieces:
        flags.append(piece.name)
    return []


RELATIONS = "<Relationships xmlns='r'>{}</Relationships>"


def test_comments_where_other_writers_put_them():
    comments = "<comments><authors><author>Omar</author></authors><comment><text><r><t>call him</t></r></text></comment></comments>"
    text = read(read_office, book("", **{"xl/comments/comment1.xml": comments})).text
    assert "Omar" in text
    assert "call him" in text


def test_only_what_is_hidden_is_called_hidden():
    sheets = "".join(
        f'<sheet name="{name}" r:id="r{i}" {state}/>'
        for i, (name, state) in enumerate(
            [("one", 'state="visible"'), ("two", 'state="hidden"'), ("three", 'state="veryHidden"'), ("four", "")], 1
        )
    )
    links = "".join(f'<Relationship Id="r{i}" Target="worksheets/sheet{i}.xml"/>' for i in range(1, 5))
    parts = {f"xl/worksheets/sheet{i}.xml": SHEET.format("") for i in range(1, 5)}
    parts["xl/workbook.xml"] = f"<workbook xmlns:r='r'><sheets>{sheets}</sheets></workbook>"
    parts["xl/_rels/workbook.xml.rels"] = RELATIONS.format(links)
    pieces = read_office(Reader.of(package(**parts)))
    assert [p.value for p in pieces if isinstance(p, Fact) and p.key == "office.hidden_sheet"] == ["two", "three"]


def test_hidden_slides_are_named():
    slide = "<p:sld xmlns:p='p' xmlns:a='a'{}><a:p><a:t>words</a:t></a:p></p:sld>"
    parts = {"ppt/slides/slide1.xml": slide.format(""), "ppt/slides/slide2.xml": slide.format(" show='0'")}
    given = read(read_office, package(**parts))
    assert given.facts["office.hidden_slide"] == 2
    assert given.text.count("words") == 2


def test_dates_of_changes_and_values_beside_the_text():
    body = (
        '<w:p><w:ins w:author="A" w:date="2024-01-02T03:04:05Z"><w:r><w:t>x</w:t></w:r></w:ins>'
        '<w:del w:author="B" w:date="2023-05-06T07:08:09Z"><w:r><w:delText>y</w:delText></w:r></w:del></w:p>'
    )
    given = read(read_office, document(body, **{"customXml/item1.xml": "<a><b>Contract 7</b></a>"}))
    assert given.facts["office.first_change"] == "2023-05-06T07:08:09Z"
    assert given.facts["office.last_change"] == "2024-01-02T03:04:05Z"
    assert "Contract 7" in given.text


def test_a_document_put_into_another_is_an_item():
    links = '<Relationship Id="r1" Type="http://x/aFChunk" Target="afchunk.html"/>'
    parts = {"word/_rels/document.xml.rels": RELATIONS.format(links), "word/afchunk.html": "<p>inner</p>"}
    given = read(read_office, document("", **parts))
    assert [(c.name, c.open().whole()) for c in given.children] == [("afchunk.html", b"<p>inner</p>")]
