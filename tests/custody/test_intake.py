"""The door: lists as people write them, and deliveries without a list."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.custody.intake import COLUMNS, compare, digest, gather, read_intake
from moisson.errors import UsageError

HAULS = Path(__file__).resolve().parents[3] / "hauls"


def put(folder: Path, *names: str, size: int = 10) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode().ljust(size, b"."))
    return [folder / name for name in names]


def write_list(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "intake.csv").write_bytes(text.encode(encoding))
    return folder / "intake.csv"


def shape(exhibits):
    return [(e.id, e.kind, [Path(f).name for f in e.files]) for e in exhibits]


@pytest.mark.parametrize("haul", ["tiny1", "tiny2"])
def test_a_real_list_is_read_and_its_digests_hold(haul):
    if not (HAULS / haul / "intake.csv").exists():
        pytest.skip("the synthetic hauls are not beside this checkout")
    exhibits = read_intake(HAULS / haul / "intake.csv")
    assert len(exhibits) >= 4
    for exhibit in exhibits:
        assert exhibit.label
        assert exhibit.seal.startswith("SC-")
        assert all(Path(f).is_absolute() for f in exhibit.files)
        size, sha256, md5 = digest([Path(f) for f in exhibit.files])
        assert size == exhibit.size
        assert compare(exhibit, {"sha256": sha256, "md5": md5}) == []


def test_the_names_of_a_list_are_kept_in_a_split_set(tmp_path):
    put(tmp_path, "m/a.001", "m/a.002")
    whole = (tmp_path / "m/a.001").read_bytes() + (tmp_path / "m/a.002").read_bytes()
    text = f"exhibit,files,md5\nA-1,m/a.001 | m/a.002,{hashlib.md5(whole).hexdigest().upper()}\n"
    (exhibit,) = gather([tmp_path], write_list(tmp_path, text))
    assert exhibit.files == tuple((tmp_path / "m" / f"a.00{n}").as_posix() for n in (1, 2))
    assert exhibit.size == 20
    size, sha256, md5 = digest([Path(f) for f in exhibit.files])
    assert (size, sha256) == (20, hashlib.sha256(whole).hexdigest())
    assert compare(exhibit, {"sha256": sha256, "md5": md5}) == []
    (sentence,) = compare(exhibit, {"md5": "0" * 32})
    assert "A-1: MD5 IS 000" in sentence
    assert md5 in sentence


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_out_of_every_spreadsheet(tmp_path, encoding, separator, end):
    put(tmp_path, "é.dd")
    rows = [["Exhibit", "LABEL", "files", "unknown column"], ["E1", "clé, trouvée; là", "é.dd", "?"], ["", "", "", ""]]
    text = end.join(separator.join(f'"{cell}"' for cell in row) for row in rows) + end
    (exhibit,) = read_intake(write_list(tmp_path, text, encoding))
    assert (exhibit.id, exhibit.label, exhibit.seal) == ("E1", "clé, trouvée; là", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("exhibit,files\n", "names no exhibit"),
        ("exhibit,label\nE1,x\n", "no column 'files'"),
        ("exhibit,files,files\nE1,a.dd,a.dd\n", "column 'files' comes twice"),
        ("exhibit,files\nE1,a.dd\ne1,b.dd\n", "line 3: exhibit e1 is listed twice"),
        ("exhibit,files\nE1,a.dd\nE2,a.dd\n", "belongs to exhibit E1 already"),
        ("exhibit,files\nE1,a.dd | a.dd\n", "a file is named twice"),
        ("exhibit,files\nE1,c.dd\n", "line 2, exhibit E1: there is no file c.dd"),
        ("exhibit,files\nE1,\n", "no files are named"),
        ("exhibit,files\nE1\n", "no files are named"),
        ("exhibit,files\nE 1,a.dd\n", "cannot be the id"),
        ("exhibit,files\n../x,a.dd\n", "cannot be the id"),
        ("exhibit,files\n..,a.dd\n", "cannot be the id"),
        ("exhibit,files\n,a.dd\n", "cannot be the id"),
        ("exhibit,files,sha256\nE1,a.dd,abc\n", "'abc' is no sha256"),
        ("exhibit,files,md5\nE1,a.dd," + "g" * 32 + "\n", "is no md5"),
        ("exhibit,files,seized_at\nE1,a.dd,yesterday\n", "'yesterday' is no date"),
        ("exhibit,files,seized_at\nE1,a.dd,0202-05-15\n", "not in our time"),
        ("exhibit,files\nE1,a.dd,b.dd\n", "more cells than"),
        ('exhibit,files\nE1,"a.dd\n', "not a table"),
        ("exhibit,files,label\nE1,a.dd," + "x" * 5000 + "\n", "absurd value in column 'label'"),
        ("exhibit,files\nE1,a\0.dd\n", "absurd value"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_in_one_sentence(tmp_path, text, sentence):
    put(tmp_path, "a.dd", "b.dd")
    with pytest.raises(UsageError, match=re.escape(sentence)) as caught:
        read_intake(write_list(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(UsageError):
        read_intake(tmp_path / "none.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_a_usage_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    (folder / "intake.csv").write_bytes(b"exhibit,files\n" + data)
    with pytest.raises(UsageError):
        read_intake(folder / "intake.csv")


def test_one_image_is_one_exhibit(tmp_path):
    (file,) = put(tmp_path, "USB stick (red).dd", size=20)
    (exhibit,) = gather([file])
    assert shape([exhibit]) == [("USB-stick-red", "image", ["USB stick (red).dd"])]
    assert exhibit.address == exhibit.id
    assert exhibit.label == "USB stick (red)"
    assert exhibit.size == 20


@pytest.mark.parametrize("given_part", [0, 1, -1])
@pytest.mark.parametrize(
    "names",
    [
        ["d.001", "d.002", "d.003"],
        ["d.000", "d.001"],
        ["d.E01", "d.E02"],
        ["d.e01", "d.e02", "d.e03"],
        ["d.Ex01", "d.Ex02"],
        ["d.s01", "d.s02"],
        [f"d.E{n:02}" for n in range(1, 100)] + ["d.EAA", "d.EAB"],
        ["d.vmdk", "d-s001.vmdk", "d-s002.vmdk"],
        ["d.vmdk", "d-flat.vmdk"],
        ["d-f001.vmdk", "d-f002.vmdk"],
        ["d.raw.001", "d.raw.002"],
    ],
)
def test_a_split_set_is_one_exhibit_from_any_part_and_from_its_folder(tmp_path, names, given_part):
    files = put(tmp_path, *names, size=100)
    put(tmp_path, "notes.txt", "d.log", "d.eml")
    for paths in ([files[given_part]], files, [tmp_path]):
        assert shape(gather(paths)) == [("d", "image", names)]


def test_the_order_of_segments_past_ezz(tmp_path):
    from moisson.custody import gather as g

    late = {f"{a}{b}{c}" for a in "ef" for b in "abcdefghijklmnopqrstuvwxyz" for c in "abcdefghijklmnopqrstuvwxyz"}
    numbered = dict(g._letters("e", {part: Path(part) for part in late}))
    assert [numbered[n].name for n in (0, 1, 26, 675, 676)] == ["eaa", "eab", "eba", "ezz", "faa"]
    assert sorted(numbered) == list(range(2 * 676))


def test_a_segment_past_a_gap_is_known_by_its_first_bytes(tmp_path):
    files = put(tmp_path, *(f"d.E{n:02}" for n in range(1, 100)), "d.EAA", "d.EAC")
    assert len(gather([files[0]])[0].files) == 100
    files[-1].write_bytes(b"EVF\x09\x0d\x0a\xff\0")
    with pytest.raises(UsageError, match=r"d\.EAC: a part before this one is missing"):
        gather([files[0]])


@pytest.mark.parametrize("names", [["d.001", "d.003"], ["d.E01", "d.E03"], ["d.vmdk", "d-s001.vmdk", "d-s003.vmdk"]])
def test_a_hole_in_a_set_is_said_aloud(tmp_path, names):
    files = put(tmp_path, *names)
    with pytest.raises(UsageError, match="a part before this one is missing"):
        gather([files[0]])


def test_a_folder_of_images_becomes_many(tmp_path):
    put(
        tmp_path,
        "a/one.dd",
        "a/two.E01",
        "a/two.E02",
        "b/phone.zip",
        "b/other.tar.gz",
        "three.001",
        "three.002",
        "read me.txt",
    )
    assert shape(gather([tmp_path])) == [
        ("one", "image", ["one.dd"]),
        ("two", "image", ["two.E01", "two.E02"]),
        ("other", "phone", ["other.tar.gz"]),
        ("phone", "phone", ["phone.zip"]),
        ("three", "image", ["three.001", "three.002"]),
    ]


def test_a_folder_of_ordinary_files_is_one_exhibit(tmp_path):
    put(tmp_path, "Seized docs/x.docx", "Seized docs/y/z.jpg", "Seized docs/old.zip", "Seized docs/mail.eml", size=1000)
    put(tmp_path, "Seized docs/firmware.bin", "Seized docs/report.2024")
    (exhibit,) = gather([tmp_path / "Seized docs"])
    assert shape([exhibit]) == [("Seized-docs", "folder", ["Seized docs"])]
    assert exhibit.size == 0


def test_an_empty_folder_and_a_single_document_are_exhibits(tmp_path):
    (tmp_path / "empty").mkdir()
    put(tmp_path, "letter.pdf")
    assert shape(gather([tmp_path / "empty", tmp_path / "letter.pdf"])) == [
        ("empty", "folder", ["empty"]),
        ("letter.pdf", "file", ["letter.pdf"]),
    ]


def test_ids_are_unique_and_do_not_depend_on_order(tmp_path):
    files = put(tmp_path, "a/usb.dd", "b/usb.dd", "c/USB.dd", "قرص.dd", "d/قرص.dd")
    first, second = gather(files), gather([*reversed(files), *files])
    assert [(e.id, e.files) for e in first] == [(e.id, e.files) for e in second]
    ids = [e.id.casefold() for e in first]
    assert len(set(ids)) == 5
    assert all(re.fullmatch("[A-Za-z0-9._-]+", e.id) for e in first)


def test_a_list_and_more_than_it_names(tmp_path):
    put(tmp_path, "m/a.dd", "m/b.dd", "F/x.docx", "F/disc.iso")
    listed = write_list(tmp_path, "exhibit,files\nb,m/a.dd\nE2,F\n")
    exhibits = gather([tmp_path, listed], listed)
    assert exhibits[0].id == "b"
    assert exhibits[2].id.startswith("b-")
    assert [Path(f).name for e in exhibits for f in e.files] == ["a.dd", "F", "b.dd"]


def test_links_are_not_followed_out_of_a_folder(tmp_path):
    put(tmp_path, "outside/secret.dd", "in/a.dd")
    (tmp_path / "in" / "link.dd").symlink_to(tmp_path / "outside" / "secret.dd")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert shape(gather([tmp_path / "in"])) == [("a", "image", ["a.dd"])]


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        gather([tmp_path / "none"])
    with pytest.raises(UsageError):
        digest([tmp_path / "none"])


@given(st.lists(st.binary(max_size=2000), max_size=4))
def test_a_digest_is_that_of_the_parts_in_order(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / str(n) for n in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    whole = b"".join(parts)
    assert digest(paths) == (len(whole), hashlib.sha256(whole).hexdigest(), hashlib.md5(whole).hexdigest())


def test_the_columns_are_those_of_the_record(tmp_path):
    put(tmp_path, "a.dd")
    values = {c: f"{c} value" for c in COLUMNS[1:11]} | {
        "exhibit": "E1",
        "files": "a.dd",
        "seized_at": "2025-05-15T05:55:17+03:00",
    }
    text = ",".join(values) + "\n" + ",".join(values.values()) + "\n"
    (exhibit,) = read_intake(write_list(tmp_path, text))
    for column in set(values) - {"exhibit", "files"}:
        assert getattr(exhibit, column) == values[column]
