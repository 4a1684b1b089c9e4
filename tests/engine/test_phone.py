"""Archives as exhibits: zip, tar and tar.gz, whole, damaged, hostile."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile

import pytest

from moisson.address import Layer
from moisson.engine.phone import open_archive
from moisson.errors import AddressError, EvidenceError, LimitError, PasswordError
from moisson.evidence.members import damage
from moisson.extract import zipmember
from moisson.reader import Memory
from tests.conftest import DEMO
from tests.evidence.media import run
from tests.evidence.specimens import split

FILES = {
    "data/data/com.whatsapp/databases/msgstore.db": bytes(range(256)) * 700,
    "sdcard/DCIM/صورة 1.jpg": b"\xff\xd8" + b"picture" * 99,
    "empty": b"",
}


def zipped(files=FILES, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 13, 11, 27, 50)), data, method)
    return out.getvalue()


def tarred(files=FILES, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_715_599_670
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


FORMS = {
    "zip": (zipped, (), "zip"),
    "stored": (lambda: zipped(method=zipfile.ZIP_STORED), (), "zip"),
    "tar": (tarred, (), "tar"),
    "gnu": (lambda: tarred(form=tarfile.GNU_FORMAT), (), "tar"),
    "gz": (lambda: gzip.compress(tarred()), (Layer("gzip"),), "tar"),
}


def opened(data, keys=()):
    found = open_archive(Memory(data), keys)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("form", FORMS)
def test_members_and_their_bytes(form):
    make, layers, kind = FORMS[form]
    found = open_archive(Memory(make()))
    assert found is not None
    assert found[0] == layers
    assert found[1].kind == kind
    entries, faults = split(found[1])
    assert not faults
    assert {e.path: found[1].open(e.locator).whole() for e in entries} == FILES
    assert {e.path: e.size for e in entries} == {name: len(data) for name, data in FILES.items()}
    assert {str(e.modified) for e in entries} <= {"2024-05-13T11:27:50", "2024-05-13T11:27:50Z"}
    again = open_archive(Memory(make()))
    assert again is not None
    for entry in reversed(entries):
        assert again[1].open(entry.locator).whole() == FILES[entry.path]


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"\x1f\x8b\x08" + bytes(40), bytes(1024), gzip.compress(b"text", mtime=0)]
)
def test_what_is_no_archive(data):
    assert open_archive(Memory(data)) is None


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_repeated_name_is_numbered(kind):
    out = io.BytesIO()
    if kind == "zip":
        out.write(zipped({"same": b"first", "samf": b"second"}).replace(b"samf", b"same"))
    else:
        with tarfile.open(fileobj=out, mode="w") as tar:
            for data in (b"first", b"second"):
                info = tarfile.TarInfo("same")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    system = opened(out.getvalue())
    assert [e.locator for e in split(system)[0]] == ["same", "same#2"]
    assert system.open("same").whole() == b"first"
    assert system.open("same#2").whole() == b"second"


@pytest.mark.parametrize("form", ["zip", "tar", "gz"])
def test_what_is_not_there(form):
    with pytest.raises(AddressError):
        opened(FORMS[form][0]()).open("nowhere")


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["absolute_paths", "mixed_paths"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_paths_never_lead_out(corpora, kind, name):
    folder = corpora / "filesystems"
    values = json.loads((folder / "expected.json").read_text())
    system = opened((folder / "dfvfs" / kind / f"{name}.{kind}").read_bytes())
    entries, faults = split(system)
    assert not faults
    assert entries
    assert not [e.path for e in entries if e.path.startswith("/") or ".." in e.path.split("/")]
    (plain,) = {v["plain_sha256"] for k, v in values.items() if "syslog" in k and "plain_sha256" in v}
    import hashlib

    read = {hashlib.sha256(system.open(e.locator).whole()).hexdigest() for e in entries if e.name == "syslog"}
    assert read == {plain}


@pytest.mark.corpus
def test_a_tar_of_the_corpora(corpora):
    folder = corpora / "filesystems"
    values = json.loads((folder / "expected.json").read_text())["made/tree.tar"]["members"]
    entries, faults = split(opened((folder / "made" / "tree.tar").read_bytes()))
    assert not faults
    wanted = {
        m["name"].removeprefix("./").strip("/"): (m["type"] == "dir", m["size"]) for m in values if m["name"] != "."
    }
    assert {e.path: (e.directory, e.size) for e in entries if e.path} == wanted


def test_a_zip_that_was_put_behind_something_else():
    data = zipped()
    system = opened(b"PK\x03\x04" + bytes(996) + data)
    assert {e.path: system.open(e.locator).whole() for e in split(system)[0]} == FILES


def test_a_zip_without_its_directory_is_salvaged_and_said():
    data = zipped()
    system = opened(data[: data.rindex(b"PK\x05\x06")].replace(b"PK\x01\x02", b"PK\x00\x00"))
    entries, faults = split(system)
    assert [f.kind for f in faults] == ["damaged"]
    assert {e.path: system.open(e.locator).whole() for e in entries} == FILES


def test_overlapping_members_are_refused():
    data = bytearray(zipped({"a": bytes(5000), "b": bytes(6000)}, zipfile.ZIP_STORED))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = struct.pack("<I", 10)
    system = opened(bytes(data))
    entries, faults = split(system)
    assert len(entries) == 2
    assert [f.kind for f in faults] == ["attack"]
    with pytest.raises(LimitError):
        system.open("b")
    assert system.open("a").whole() == bytes(5000)


def test_a_member_never_gives_more_than_it_declares():
    data = bytearray(zipped({"bomb": bytes(80_000_000)}))
    row = data.index(b"PK\x01\x02")
    data[row + 24 : row + 28] = struct.pack("<I", 1000)
    content = opened(bytes(data)).open("bomb")
    assert content.whole() == bytes(1000)
    assert "more bytes" in damage(content)


@pytest.mark.parametrize("claimed", [2000, 1 << 25, 1 << 31])
def test_a_member_that_is_shorter_than_it_declares_gives_what_it_has(claimed):
    data = bytearray(zipped({"short": b"x" * 1000}))
    row = data.index(b"PK\x01\x02")
    data[row + 24 : row + 28] = struct.pack("<I", claimed)
    content = opened(bytes(data)).open("short")
    assert content.whole() == b"x" * 1000
    assert damage(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("whole", [1 << 20, 1 << 16])
def test_every_method_is_read_at_any_place_and_its_checksum_tested(monkeypatch, method, whole):
    monkeypatch.setattr(zipmember, "_WHOLE", whole)
    plain = random.Random(whole).randbytes(5000) * 60
    data = bytearray(zipped({"it": plain}, method))
    content = opened(bytes(data)).open("it")
    assert (content.pread(len(plain) - 50, 90), content.pread(7, 5)) == (plain[-50:], plain[7:12])
    assert content.whole() == plain
    assert not damage(content)
    row = data.index(b"PK\x01\x02")
    data[row + 16] ^= 1
    content = opened(bytes(data)).open("it")
    assert "checksum" in damage(content)
    assert content.whole() == plain


def test_a_torn_stream_gives_what_comes_before_the_tear():
    noise = random.Random(3).randbytes(300_000)
    data = bytearray(zipped({"noise": noise + bytes(100_000) + noise}))
    data[250_000:250_100] = bytes(100)
    content = opened(bytes(data)).open("noise")
    assert damage(content)
    assert noise[:200_000] == content.pread(0, 200_000)


def test_a_cut_tar_lists_what_is_there_and_says_so():
    data = tarred()
    system = opened(data[:60_000])
    entries, faults = split(system)
    assert entries[0].flags == ("truncated",)
    assert faults
    content = system.open(entries[0].locator)
    assert content.pread(0, 1000) == FILES[entries[0].path][:1000]


def test_a_cut_tar_gz_says_so():
    noise = random.Random(1).randbytes(200_000)
    packed = gzip.compress(tarred({"first": b"abc", "noise": noise}))
    system = opened(packed[: len(packed) // 2])
    entries, faults = split(system)
    assert system.open("first").whole() == b"abc"
    assert [e.name for e in entries] == ["first", "noise"]
    assert any("gzip" in f.detail for f in faults)


def test_a_damaged_header_ends_the_listing_and_is_said():
    data = bytearray(tarred())
    data[data.index(b"empty\0") + 148] ^= 0xFF
    entries, faults = split(opened(bytes(data)))
    assert entries
    assert [f.kind for f in faults] == ["damaged"]


def test_links_of_a_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("a/file")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"text"))
        for name, kind, target in (("hard", tarfile.LNKTYPE, "a/file"), ("soft", tarfile.SYMTYPE, "/etc/passwd")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)
        info = tarfile.TarInfo("lost")
        info.type, info.linkname = tarfile.LNKTYPE, "lost"
        tar.addfile(info)
    system = opened(out.getvalue())
    entries = {e.path: e for e in split(system)[0]}
    assert (entries["hard"].size, entries["hard"].flags) == (4, ("link",))
    assert system.open("hard").whole() == b"text"
    assert (system.open("soft").whole(), entries["soft"].flags) == (b"", ("symlink",))
    assert system.open("lost").whole() == b""


def test_a_sparse_member_costs_no_memory():
    data = b"begin" + bytes(507)
    info = tarfile.TarInfo("sparse")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 512
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"%011o\0%011o\0" % (1 << 30, 512)
    block[483:495] = b"%011o\0" % ((1 << 30) + 512)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    system = opened(bytes(block) + data + bytes(1024))
    (entry,) = split(system)[0]
    reader = system.open(entry.locator)
    assert reader.size == (1 << 30) + 512
    assert reader.pread((1 << 30) - 3, 8) == b"\0\0\0begin"


class Counting(Memory):
    """How much was read."""

    read = 0

    def pread(self, offset, n):
        self.read += n
        return super().pread(offset, n)


@pytest.mark.parametrize("form", FORMS)
def test_notes_spare_the_next_process_the_search(form):
    chance = random.Random(form)
    files = {f"data/{n}.bin": chance.randbytes(chance.randrange(9000)) for n in range(2000)}
    raw = {"zip": zipped, "stored": zipped, "tar": tarred, "gnu": tarred, "gz": lambda f: gzip.compress(tarred(f), 1)}[
        form
    ](files)
    _, first = open_archive(Memory(raw))
    assert first.news() == b""
    entries, _ = split(first)
    notes = first.news()
    assert first.news() == b""
    assert len(notes) < 16 * len(files) + 200_000
    for entry in chance.sample(entries, 40):
        medium = Counting(raw)
        _, again = open_archive(medium, (), notes)
        assert again.open(entry.locator).whole() == files[entry.path]
        assert again.news() == b""
        assert form == "gz" or medium.read < 4 * 0xFFFF + 3 * 4096 + entry.size
    for wrong in (b"", notes[:50], notes.replace(b"data", b"atad"), b"\x93\x01"):
        _, again = open_archive(Memory(raw), (), wrong)
        assert again.open(entries[-1].locator).whole() == files[entries[-1].path]
    with pytest.raises(AddressError):
        again.open("data/none.bin")


def test_notes_about_another_archive_are_not_believed():
    small, other = (
        zipped({"a": b"1", "b": b"2"}, zipfile.ZIP_STORED),
        zipped({"b": b"1", "a": b"2"}, zipfile.ZIP_STORED),
    )
    _, system = open_archive(Memory(small))
    split(system)
    _, misled = open_archive(Memory(other), (), system.news())
    with pytest.raises(AddressError):
        misled.open("a")


def test_a_damaged_header_costs_its_member_and_no_other():
    raw = bytearray(tarred({"one": b"1" * 700, "two": b"2" * 700, "three": b"3" * 700}, tarfile.GNU_FORMAT))
    raw[raw.index(b"two\0") + 148] ^= 0x55
    system = opened(bytes(raw))
    entries, faults = split(system)
    assert [e.name for e in entries] == ["one", "three"]
    assert [f.kind for f in faults] == ["damaged"]
    assert system.open("three").whole() == b"3" * 700


@pytest.mark.parametrize("style", ["0.0", "0.1", "1.0"])
def test_sparse_members_of_gnu_tar(style, tmp_path):
    plain = bytes(70_000) + b"island" + bytes(200_000) + b"shore"
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(70_000)
        file.write(b"island")
        file.seek(270_006)
        file.write(b"shore")
    run("tar", "--format=posix", f"--sparse-version={style}", "-S", "-cf", "it.tar", "sparse", cwd=tmp_path)
    raw = (tmp_path / "it.tar").read_bytes()
    if len(raw) > 200_000:
        pytest.skip("this file system keeps no holes")
    system = opened(raw)
    (entry,), faults = split(system)
    assert not faults
    assert (entry.path, entry.size, "sparse" in entry.flags) == ("sparse", len(plain), True)
    assert system.open(entry.locator).whole() == plain


def test_the_telephone_of_the_demonstration():
    path = DEMO / "media" / "AMP-004.zip"
    if not path.exists():
        pytest.skip("the demonstration haul is not beside this checkout")
    system = opened(path.read_bytes())
    reference = zipfile.ZipFile(path)
    wanted = {i.filename: reference.read(i) for i in reference.infolist() if not i.is_dir()}
    assert {e.path: system.open(e.locator).whole() for e in split(system)[0] if not e.directory} == wanted


@pytest.mark.parametrize("form", FORMS)
def test_damage_raises_nothing_but_evidence_errors(form):
    whole, chance = FORMS[form][0](), random.Random(form)
    for _ in range(120):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        try:
            found = open_archive(Memory(bytes(data)))
            for entry in split(found[1])[0] if found else ():
                found[1].open(entry.locator).pread(0, 1 << 20)
        except EvidenceError:
            continue


PLAIN = b"".join(b"%d of many\n" % n for n in range(30_000))


@pytest.fixture(scope="module", params=["ZipCrypto", "AES128", "AES192", "AES256"])
def archive(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zip")
    (folder / "plain.txt").write_bytes(PLAIN)
    run("7z", "a", "-tzip", f"-mem={request.param}", "-pmoisson", "locked.zip", "plain.txt", cwd=folder)
    return Memory((folder / "locked.zip").read_bytes())


def test_a_key_opens_it_at_any_place(archive):
    found = open_archive(archive, ("wrong", "moisson"))
    assert found is not None
    (entry,), _ = split(found[1])
    assert "encrypted" in entry.flags
    reader = found[1].open(entry.locator)
    assert reader.pread(200_000, 50) == PLAIN[200_000:200_050]
    assert reader.whole() == PLAIN


def test_without_the_key(archive):
    for keys in ((), ("wrong", "")):
        found = open_archive(archive, keys)
        assert found is not None
        with pytest.raises(PasswordError):
            found[1].open("plain.txt").head()


def test_a_large_locked_member_is_read_forwards_and_damage_is_not_let_through(archive, monkeypatch):
    monkeypatch.setattr(zipmember, "KEEP", 1000)
    monkeypatch.setattr(zipmember, "_WHOLE", 1000)
    _, system = open_archive(archive, ("wrong", "moisson"))
    (entry,), _ = split(system)
    if b"\x01\x99\x07\0" not in archive.data:
        with pytest.raises(LimitError):
            system.open(entry.locator)
        return
    content = system.open(entry.locator)
    assert (content.whole(), damage(content)) == (PLAIN, "")
    for most in (1000, 1 << 20):
        monkeypatch.setattr(zipmember, "KEEP", most)
        for at in range(5000, 50_000, 5000):
            raw = bytearray(archive.data)
            raw[at] ^= 1
            with pytest.raises(PasswordError):
                open_archive(Memory(bytes(raw)), ("moisson",))[1].open(entry.locator)
