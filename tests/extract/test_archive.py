"""Archives: members by name and checksum, locks, damage, and what hostile archives must not do."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson import registry
from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError, UnsupportedError
from moisson.extract import archive, unpack
from moisson.extract.rar import read_rar
from moisson.extract.rest import read_cab, read_cpio
from moisson.extract.sevenzip import read_7z
from moisson.extract.tar import read_tar
from moisson.extract.ziplock import Keyring
from moisson.model import Flag, Passage
from moisson.reader import Child, Reader

HERE = Path(__file__).parent / "specimens"
READERS = {
    "zip": archive.read_zip, "7z": read_7z, "rar": read_rar, "tar": read_tar, "gz": archive.read_gzip,
    "bz2": archive.read_bzip2, "xz": archive.read_xz, "cab": read_cab, "cpio": read_cpio,
}  # fmt: skip
PLAIN = {
    "in/one.txt": b"The first member of the archive.\n" * 4,
    "in/two.txt": "Deuxième pièce : مرحبا\n".encode(),
    "in/three.bin": bytes(range(256)),
}


def read(data: bytes, kind: str, keys: tuple[str, ...] = ()) -> tuple[list[Child], list[Flag]]:
    pieces = list(READERS[kind](Reader.of(data), keys))
    return [p for p in pieces if isinstance(p, Child)], [p for p in pieces if isinstance(p, Flag)]


def zipped(members: list[tuple[str, bytes]], **options) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as target:
        for name, data in members:
            target.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("name", sorted(p.name for p in HERE.iterdir()))
def test_every_coder_and_lock_gives_the_bytes_that_went_in(name):
    children, _ = read((HERE / name).read_bytes(), name.rpartition(".")[2], ("wrong", "Amphore"))
    assert children
    for child in children:
        content = child.open().whole()
        assert len(content) == child.size
        assert content == PLAIN.get(child.name, content)
        assert child.name != "in/code.exe" or (content[:2] == b"MZ" and zlib.crc32(content) == 0x46CBCE11)


@pytest.mark.parametrize("name", ["aes.zip", "crypto.zip", "locked.7z"])
def test_a_locked_member_is_listed_and_says_so(name):
    children, flags = read((HERE / name).read_bytes(), name.rpartition(".")[2], ("wrong",))
    assert [c.name for c in children] == ["in/one.txt", "in/two.txt"]
    assert all(c.flags == ("password",) for c in children)
    assert "password" in [f.name for f in flags]
    with pytest.raises(PasswordError):
        children[0].open()
    opened, _ = read((HERE / name).read_bytes(), name.rpartition(".")[2], ("Amphore",))
    assert all(c.flags == ("encrypted",) for c in opened)


def test_locked_names_show_nothing_without_the_key():
    children, flags = read((HERE / "sealed.7z").read_bytes(), "7z")
    assert (children, [f.name for f in flags]) == ([], ["password"])


def corpus_archives(corpora: Path) -> list[tuple[Path, dict]]:
    expected = json.loads((corpora / "docs" / "expected.json").read_text())
    return [(corpora / "docs" / k, v) for k, v in expected.items() if v.get("members_by_7z") and k[-3:] != "kmz"]


def test_members_are_those_that_another_program_lists(corpora):
    seen = 0
    for path, truth in corpus_archives(corpora):
        kind = path.suffix[1:]
        if kind not in READERS:
            continue
        keys = (truth["password"],) if truth.get("password") else ()
        children, _ = read(path.read_bytes(), kind, keys)
        found = {c.name: c for c in children}
        for member in truth["members_by_7z"]:
            if "�" in member["Path"] or ((member["Encrypted"] == "+" if "Encrypted" in member else False) and not keys):
                continue
            seen += 1
            content = found[member["Path"]].open().whole()
            assert len(content) == int(member["Size"]), (path.name, member)
            assert not member.get("CRC") or zlib.crc32(content) == int(member["CRC"], 16)
    assert seen >= 50


def test_a_rar_with_locked_names_opens_with_its_password(corpora):
    raw = (corpora / "docs/tika/test-documents-enc.rar").read_bytes()
    children, flags = read(raw, "rar", ("no", "ApacheTika"))
    assert len(children) == 9
    assert "encrypted" in [f.name for f in flags]
    assert {c.name: zlib.crc32(c.open().whole()) for c in children}["test-documents/testTXT.txt"] == 0xB0709B89
    locked, flags = read(raw, "rar")
    assert (locked, [f.name for f in flags]) == ([], ["password"])


def test_names_in_gbk_are_read(corpora):
    children, _ = read((corpora / "docs/tika/gbk.zip").read_bytes(), "zip")
    assert "审计压缩" in children[0].name


def test_odd_zips_give_their_bytes_or_say_why_not(corpora):
    refused = {}
    for path in sorted((corpora / "ident/magika/mitra/zip").glob("*.zip")):
        for child in read(path.read_bytes(), "zip")[0]:
            try:
                assert child.open().size == child.size
            except (UnsupportedError, PasswordError) as why:
                refused[path.stem] = type(why).__name__
    unsupported = {"PPMd", "deflate64", "implode", "implodeV3", "jpeg", "shrunk", "wavpack"} | {
        f"reduced{n}" for n in "1234"
    }
    assert {k for k, v in refused.items() if v == "UnsupportedError"} == unsupported
    assert {k for k, v in refused.items() if v == "PasswordError"} == {"aes", "zipcrypto"}


def test_a_name_that_comes_again_has_a_layer_of_its_own():
    with pytest.warns(UserWarning, match="Duplicate"):
        raw = zipped([("a.txt", b"1"), ("a.txt", b"2"), ("a.txt#2", b"3")])
    children, _ = read(raw, "zip")
    assert [str(c.layer) for c in children] == ["zip:a.txt", "zip:a.txt#2", "zip:a.txt%232"]
    assert [c.open().whole() for c in children] == [b"1", b"2", b"3"]


def test_a_prefix_and_a_lost_directory_do_not_hide_members():
    raw = zipped([("one.txt", b"1" * 100), ("two.txt", b"2" * 100)])
    children, flags = read(b"MZ" + bytes(998) + raw, "zip")
    assert [c.open().whole()[:1] for c in children] == [b"1", b"2"]
    assert [f.name for f in flags] == ["prefixed"]
    children, flags = read(raw[: raw.index(b"PK\1\2") + 3], "zip")
    assert [(c.name, c.open().size) for c in children] == [("one.txt", 100), ("two.txt", 100)]
    assert [f.name for f in flags] == ["damaged"]


def test_a_corrupted_member_is_damaged_and_the_others_are_not():
    noise = random.Random(5).randbytes(3000)
    raw = bytearray(zipped([("bad.bin", noise), ("good.txt", b"good" * 50)]))
    raw[200] ^= 0xFF
    bad, good = read(bytes(raw), "zip")[0]
    with pytest.raises(DamagedError):
        bad.open()
    assert good.open().whole() == b"good" * 50


def overlapping(entries: int) -> bytes:
    """Many entries of one and the same local header."""
    body = zlib.compressobj(9, wbits=-15)
    data = body.compress(bytes(1 << 20)) + body.flush()
    fields = (0, 8, 0, zlib.crc32(bytes(1 << 20)), len(data), 1 << 20)
    local = struct.pack("<4sHHHIIIIHH", b"PK\3\4", 20, *fields[:3], *fields[3:], 1, 0) + b"x" + data
    central = b"".join(
        struct.pack("<4sHHHHIIIIHHHHHII", b"PK\1\2", 20, 20, *fields, 1, 0, 0, 0, 0, 0, 0) + b"x"
        for _ in range(entries)
    )
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, entries, entries, len(central), len(local), 0)
    return local + central + end


def test_overlapping_members_are_refused_but_the_first():
    children, flags = read(overlapping(2000), "zip")
    assert "attack" in [f.name for f in flags]
    outcomes = []
    for child in children:
        try:
            outcomes.append(child.open().size)
        except LimitError:
            outcomes.append(0)
    assert outcomes == [1 << 20] + [0] * 1999


def test_a_member_never_gives_more_than_it_declares():
    raw = bytearray(zipped([("big.txt", bytes(1 << 20))]))
    at = raw.index(b"PK\1\2")
    raw[at + 24 : at + 28] = struct.pack("<I", 1000)
    with pytest.raises(LimitError):
        read(bytes(raw), "zip")[0][0].open()


def test_a_declared_size_beyond_the_cap_is_refused():
    raw = bytearray(zipped([("big.txt", b"small")]))
    at = raw.index(b"PK\1\2")
    raw[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    with pytest.raises(LimitError):
        read(bytes(raw), "zip")[0][0].open()


def test_hostile_names_are_only_names():
    names = ["../../etc/passwd", "/abs", "con.txt:ads", "n" * 250, "a\u202etxt.exe"]
    children, _ = read(zipped([(n, b"x") for n in names]), "zip")
    assert [c.name for c in children] == names
    assert len({str(c.layer) for c in children}) == len(names)


def test_gzip_in_gzip_in_gzip_is_opened_one_by_one():
    data = bytes(10 << 20)
    for _ in range(3):
        data = gzip.compress(data, mtime=0)
    sizes = []
    for _ in range(3):
        (child,), _ = read(data, "gz")
        data = child.open().whole()
        sizes.append(len(data))
    assert sizes[-1] == 10 << 20


def test_large_streams_are_not_held_in_memory(monkeypatch):
    monkeypatch.setattr(unpack, "KEEP", 1 << 20)
    monkeypatch.setattr(archive, "KEEP", 1 << 20)
    plain = random.Random(1).randbytes(3 << 20)
    (child,), _ = read(gzip.compress(plain, 1, mtime=0), "gz")
    reader = child.open()
    assert isinstance(reader.medium, unpack.Stream)
    assert b"".join(reader.chunks()) == plain
    assert reader.pread(2 << 20, 50) == plain[2 << 20 : (2 << 20) + 50]
    assert reader.pread(5, 50) == plain[5:55]
    assert reader.pread(len(plain) - 3, 50) == plain[-3:]


def test_a_solid_stream_is_decoded_once(monkeypatch):
    passes = []

    def pieces():
        passes.append(1)
        yield from (bytes([n]) * 100 for n in range(100))

    solid = unpack.Solid(pieces, 10_000)
    assert [solid.take(n * 100, 100).whole() for n in range(100)] == [bytes([n]) * 100 for n in range(100)]
    assert len(passes) == 1
    monkeypatch.setattr(unpack, "KEEP", 1000)
    solid = unpack.Solid(pieces, 10_000)
    assert [solid.take(n * 100, 100).whole() for n in range(100)] == [bytes([n]) * 100 for n in range(100)]
    assert len(passes) == 2


def test_a_truncated_gzip_gives_what_is_there():
    plain = random.Random(2).randbytes(100_000)
    (child,), flags = read(gzip.compress(plain, mtime=0)[:50_000], "gz")
    assert child.flags == ("truncated",)
    assert "truncated" in [f.name for f in flags]
    content = child.open().whole()
    assert len(content) > 40_000
    assert plain.startswith(content)


def test_joined_gzip_members_and_what_follows_them():
    raw = gzip.compress(b"one,", mtime=0) + gzip.compress(b"two", mtime=0) + bytes(512) + b"no gzip"
    assert read(raw, "gz")[0][0].open().whole() == b"one,two"


def tarred(style: int, members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=style) as target:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            target.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("style", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_names_of_any_length_and_script(style):
    members = [
        ("a.txt", b"1"),
        ("dir/" + "long/" * 60 + "é.txt", b"22"),
        ("وثائق/تقرير.txt", b"333"),
        ("a.txt", b"4444"),
    ]
    children, _ = read(tarred(style, members), "tar")
    assert [(c.name, c.open().whole()) for c in children] == members
    assert str(children[-1].layer) == "tar:a.txt#2"
    assert str(children[0].modified) == "2023-11-14T22:13:20Z"


def test_a_truncated_tar_keeps_its_last_member():
    raw = tarred(tarfile.GNU_FORMAT, [("a", b"1" * 600), ("b", b"2" * 5000)])
    children, _ = read(raw[: 512 * 3 + 512 + 1000], "tar")
    assert [(c.name, c.open().size, c.flags) for c in children] == [("a", 600, ()), ("b", 1000, ("truncated",))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0/\\"), min_size=1, max_size=20),
                          st.binary(max_size=200)), max_size=6, unique_by=lambda m: m[0]))  # fmt: skip
def test_what_goes_into_a_zip_comes_out(members):
    children, _ = read(zipped(members), "zip")
    assert [(c.name, c.open().whole()) for c in children] == members


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(p.name for p in HERE.iterdir())), st.integers(0, 700), st.binary(min_size=1, max_size=8))
def test_damage_is_always_ours(name, at, bite):
    raw = bytearray((HERE / name).read_bytes())
    raw[at % len(raw) : at % len(raw) + len(bite)] = bite
    with suppress(EvidenceError):
        for child in read(bytes(raw), name.rpartition(".")[2], ("Amphore",))[0]:
            child.open().whole()


@settings(max_examples=150, deadline=None)
@given(st.integers(32, 620), st.binary(min_size=1, max_size=4))
def test_a_7z_header_with_a_right_checksum_and_wrong_contents(at, bite):
    raw = bytearray((HERE / "bzip2.7z").read_bytes())
    offset, size = struct.unpack_from("<QQ", raw, 12)
    begin = 32 + offset
    place = begin + at % size
    raw[place : place + len(bite)] = bite
    raw = raw[: begin + size]
    struct.pack_into("<I", raw, 28, zlib.crc32(raw[begin : begin + size]))
    struct.pack_into("<I", raw, 8, zlib.crc32(raw[12:32]))
    with suppress(EvidenceError):
        for child in read(bytes(raw), "7z")[0]:
            child.open().whole()


def test_keys_are_tried_in_good_order_and_not_for_ever():
    ring = Keyring(("a", "b", "é"), trials=12)
    ring.opened(b"b")
    assert list(ring.each())[:3] == [b"b", b"a", "é".encode()]
    assert [len(list(ring.each())) for _ in range(3)] == [5, 2, 0]


KINDS = """
application/zip application/x-7z-compressed application/vnd.rar application/x-tar application/gzip application/x-bzip2
application/x-xz application/zstd application/x-cpio application/vnd.ms-cab-compressed application/x-archive
application/x-lzma
"""


def test_every_archive_kind_has_its_step():
    known = {kind for step in registry._steps.values() for kind in step.kinds}
    assert set(KINDS.split()) <= known


def test_what_was_written_about_an_archive_is_told():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a.txt", "x")
        z.comment = "lot 7, رقم 3".encode()
    pieces = list(archive.read_zip(Reader.of(out.getvalue())))
    assert Passage("lot 7, رقم 3\n", "comment") in pieces
