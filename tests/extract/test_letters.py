"""Names of members in every character set that an old archive may have."""

from __future__ import annotations

import unicodedata
import zipfile
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.extract.archive import read_zip
from moisson.extract.encoding import to_text
from moisson.extract.letters import guess_names
from moisson.reader import Child, Reader

_NAMES = {
    "arabic": ("صورة.jpg", "تقرير المبيعات 2023.docx", "مجلد جديد/عقد ايجار.pdf"),
    "short arabic": ("عقد.doc", "صور/"),
    "one arabic": ("رسالة.txt",),
    "persian": ("گزارش فروش.docx", "پرونده جديد.txt"),
    "french": ("Résumé été.doc", "Facture à régler.pdf", "photo de Noël.jpg"),
    "short french": ("été.txt",),
    "german": ("Über Größe.txt",),
    "turkish": ("Yeni klasör/şifre.txt", "Ödeme çizelgesi.xls"),
    "russian": ("Новая папка/Отчёт.doc", "Договор.pdf"),
    "short russian": ("Фото.jpg",),
    "greek": ("Νέος φάκελος/σύμβαση.doc",),
    "hebrew": ("תיקיה חדשה/חוזה.doc",),
    "japanese": ("文章1.txt", "文章2.txt"),
    "more japanese": ("日本語.txt", "新しいフォルダ/写真.jpg"),
    "chinese": ("新建文件夹/合同.doc", "照片.jpg"),
    "short chinese": ("张三.txt",),
    "taiwanese": ("新資料夾/合約.doc",),
    "korean": ("새 폴더/계약서.doc", "사진.jpg"),
}
_SETS = [
    *(("arabic", c) for c in ("cp720", "cp1256", "iso8859_6")),
    *(("short arabic", c) for c in ("cp720", "cp1256")),
    *(("one arabic", c) for c in ("cp720", "cp1256")),
    ("persian", "cp1256"),
    *(("french", c) for c in ("cp850", "cp437", "cp1252")),
    *(("short french", c) for c in ("cp850", "cp1252")),
    *(("german", c) for c in ("cp850", "cp1252")),
    *(("turkish", c) for c in ("cp857", "cp1254")),
    *(("russian", c) for c in ("cp866", "cp1251", "koi8_r")),
    *(("short russian", c) for c in ("cp866", "cp1251")),
    *(("greek", c) for c in ("cp737", "cp1253")),
    *(("hebrew", c) for c in ("cp862", "cp1255")),
    ("japanese", "cp932"),
    *(("more japanese", c) for c in ("cp932", "euc_jp")),
    *(("chinese", "gbk"), ("short chinese", "gbk"), ("taiwanese", "big5"), ("korean", "cp949")),
]


@pytest.mark.parametrize(("names", "charset"), _SETS)
def test_names_are_read_in_their_character_set(names, charset):
    raws = [name.encode(charset) for name in _NAMES[names]]
    found = guess_names(raw for raw in raws if not raw.isascii())
    assert [raw.decode(found) for raw in raws] == list(_NAMES[names])


def test_a_program_for_dos_stores_the_shapes_of_letters():
    raw = "ﺻﻭﺭﺓ ﺗﻗﺭﻳﺭ.jpg".encode("cp864")
    assert unicodedata.normalize("NFKC", raw.decode(guess_names([raw]))) == "صورة تقرير.jpg"


def test_the_members_of_an_archive_without_the_flag():
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("AAAAA.txt", "BBBB.doc"):
            archive.writestr(name, "x")
    raw = out.getvalue().replace(b"AAAAA", "رسالة".encode("cp720")).replace(b"BBBB", "عقود".encode("cp720"))
    names = [piece.name for piece in read_zip(Reader.of(raw)) if isinstance(piece, Child)]
    assert names == ["رسالة.txt", "عقود.doc"]


@pytest.mark.parametrize(
    ("text", "charset"),
    [("مرحبا", "cp1256"), ("موعد التسليم غدا", "cp1256"), ("Встреча", "cp1251"), ("Привет, как дела?", "cp1251")],
)
def test_a_wrong_label_is_seen_through(text, charset):
    assert to_text(text.encode(charset), "iso-8859-1") == text
    assert to_text(text.encode(charset), "windows-1252") == text


@pytest.mark.parametrize(
    "text",
    ["créée à l'été", "ÀÉÈ ÇÀÇ", "ÄÖÜ GROSSE BÄÜÖ", "København ÆØÅ æøå", "naïve — “quoted…” €€€", "ñáñó ÑÍÉ", "ééé"],
)
def test_a_right_label_is_believed(text):
    assert to_text(text.encode("cp1252"), "iso-8859-1") == text


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=10))
def test_any_bytes_get_a_character_set_that_exists(raws):
    b"".join(raws).decode(guess_names(raws), "replace")
