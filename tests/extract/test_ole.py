from __future__ import annotations

import json
import struct
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError, PasswordError
from moisson.extract import oldword, oldxor
from moisson.extract.cells import shown
from moisson.extract.compound import Compound, native
from moisson.extract.macros import unpack
from moisson.extract.ole import read_compound, read_doc, read_ppt, read_xls
from moisson.model import Passage
from moisson.reader import Reader
from tests.extract.pieces import golden, read, squeezed

READERS = {".doc": read_doc, ".xls": read_xls, ".ppt": read_ppt}


def record(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "little") + len(data).to_bytes(2, "little") + data


BOF = record(0x809, b"\0\6\5\0" + bytes(12))
SHEET_BOF = record(0x809, b"\0\6\x10\0" + bytes(12))


def test_shared_strings_across_records():
    wide = "خالد".encode("utf-16-le")
    table = record(0xFC, b"\1\0\0\0\1\0\0\0" + b"\4\0\1" + wide[:4]) + record(0x3C, b"\1" + wide[4:])
    cell = record(0xFD, b"\0\0\0\0\0\0" + bytes(4))
    text = read(read_xls, BOF + table + record(0x0A, b"") + SHEET_BOF + cell + record(0x0A, b"")).text
    assert text == "خالد\n"


def test_numbers_dates_and_rows():
    formats = record(0xE0, bytes(20)) + record(0xE0, b"\0\0\x0e\0" + bytes(16))
    number = record(0x203, struct.pack("<HHHd", 0, 1, 0, 33612345678.0))
    date = record(0x203, struct.pack("<HHHd", 0, 2, 1, 45000.0))
    small = record(0x27E, struct.pack("<HHHI", 0, 0, 0, 7 << 2 | 2))
    text = read(read_xls, BOF + formats + number + date + small + record(0x0A, b"")).text
    assert text == "7\t33612345678\t2023-03-15\n"


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_records(data):
    try:
        read(read_xls, BOF + data)
    except (DamagedError, PasswordError) as why:
        assert str(why)


@given(st.floats(allow_nan=True), st.integers(0, 60), st.text(alphabet='0# -.;"ymd', max_size=12))
def test_any_number_in_any_format(value, number, code):
    assert isinstance(shown(value, number, code), str)


def test_packaged_files():
    packed = b"\2\0a.txt\0C:\\a.txt\0\0\0\3\0\6\0\0\0a.txt\0" + b"\5\0\0\0hello"
    assert native(len(packed).to_bytes(4, "little") + packed) == ("a.txt", b"hello")
    assert native(b"\xff" * 40) is None


def test_macro_compression():
    raw = b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"
    packed = bytes.fromhex(
        "01 2f b0 00 23 61 61 61 62 63 64 65 82 66 00 70 61 67 68 69 6a 01 38 08 61 6b 6c 00 30 6d 6e 6f 70 06 71 02 70 04"
        "10 72 73 74 75 76 10 77 78 79 7a 00 3c"
    )
    assert unpack(packed, 0) == raw


@pytest.mark.parametrize("reader", [read_doc, read_xls, read_ppt, read_compound])
def test_no_compound_file(reader):
    with pytest.raises(DamagedError):
        read(reader, bytes.fromhex("d0cf11e0a1b11ae1") + b"\xff" * 600)


@pytest.mark.corpus
def test_specimens(corpora):
    docs = corpora / "docs"
    expected = json.loads((docs / "expected.json").read_text())
    names = [n for n in expected if n[-4:] in READERS and "protected" not in n]
    assert len(names) > 5
    for name in names:
        given_ = read(READERS[name[-4:]], (docs / name).read_bytes())
        text = squeezed(given_.everything)
        assert [t for t in golden(corpora, name, expected) if squeezed(t) not in text] == [], name


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["testWORD_protected_passtika.doc", "testEXCEL_protected_passtika.xls"])
def test_locked_documents(corpora, name):
    raw = (corpora / "docs" / "tika" / name).read_bytes()
    given_ = read(READERS[name[-4:]], raw, ["wrong", "tika"])
    assert "This is an" in given_.text
    assert given_.flags == {"encrypted"}
    with pytest.raises(PasswordError):
        read(READERS[name[-4:]], raw, ["wrong"])


@pytest.mark.corpus
def test_parts_of_a_document_do_not_run_into_each_other(corpora):
    given_ = read(read_doc, (corpora / "docs" / "tika" / "testWORD_various.doc").read_bytes())
    assert "This is a footnote." in given_.text
    assert "This is the header text." in given_.text
    assert {"footnotes", "headers"} <= set(given_.places)
    assert given_.facts["office.author"] == "Michael McCandless"


@pytest.mark.corpus
def test_a_locked_presentation(corpora):
    data = (corpora / "docs" / "tika" / "testPPT_protected_passtika.ppt").read_bytes()
    given_ = read(read_ppt, data, ("other", "tika"))
    assert "This is an encrypted PowerPoint 2007 slide." in given_.text
    assert given_.flags == {"encrypted"}
    with pytest.raises(PasswordError):
        read(read_ppt, data, ("other",))


def test_a_password_that_only_obfuscates_a_workbook():
    key, verifier, array = oldxor.key_of(b"secret12"), oldxor.verifier_of(b"secret12"), oldxor.array_of(b"secret12")
    assert (key, verifier) == (0x8AED, 0xF029)
    plain = struct.pack("<HHHH", 3, 1, 0, 6) + b"\0" + b"hidden"
    at = len(BOF) + 10 + 4
    turned = bytes((b >> 3 | b << 5) & 0xFF for b in plain)
    veiled = bytes(b ^ array[(at + len(plain) + i) % 16] for i, b in enumerate(turned))
    book = BOF + record(0x2F, struct.pack("<HHH", 0, key, verifier)) + record(0x204, veiled) + record(0x0A, b"")
    given_ = read(read_xls, book, ("secret12",))
    assert given_.text == "hidden\n"
    assert "encrypted" in given_.flags
    with pytest.raises(PasswordError):
        read(read_xls, book, ("secret13",))


@given(st.binary(min_size=1, max_size=15), st.binary(max_size=80))
def test_veiled_twice_is_not_veiled(password, data):
    veil = oldxor.Veil(oldxor.array_of(password))
    assert veil.lift_stream(veil.lift_stream(data)) == data


@pytest.mark.corpus
def test_a_password_that_only_obfuscates_a_document(corpora):
    """Word's streams one by one, as another program would have to write them."""
    veil = oldxor.Veil(oldxor.array_of(b"secret12"))
    with Compound(Reader.of((corpora / "docs" / "tika" / "testWORD.doc").read_bytes())) as file:
        plain = "".join(p.text for p in oldword.read_words(file, ()) if isinstance(p, Passage))
        main = bytearray(file.read("WordDocument"))
        flags = struct.unpack_from("<H", main, 10)[0]
        table = "1Table" if flags & 0x200 else "0Table"
        struct.pack_into("<H", main, 10, flags | 0x8100)
        struct.pack_into("<HH", main, 14, oldxor.verifier_of(b"secret12"), oldxor.key_of(b"secret12"))
        streams = {"WordDocument": bytes(main[:68]) + veil.lift_stream(bytes(main))[68:]}
        streams[table] = veil.lift_stream(file.read(table))
        pieces = list(oldword.read_words(SimpleNamespace(read=streams.__getitem__), ("secret12",)))
    assert "".join(p.text for p in pieces if isinstance(p, Passage)) == plain
