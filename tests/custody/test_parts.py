from __future__ import annotations

import pytest

from moisson.custody.gather import find_exhibits
from moisson.custody.parts import is_part


@pytest.mark.parametrize(
    "name", ["a.zip.001", "A.7Z.012", "a.z01", "a.part1.rar", "a.part003.rar", "a.r00", "a.tar.gz.002"]
)
def test_a_part_is_known_by_its_name(name):
    assert is_part(name)


@pytest.mark.parametrize("name", ["a.zip", "a.7z", "a.rar", "a.001", "a.zip.0001", "a.part1.rar.txt", "zip.001", ""])
def test_other_names_are_none(name):
    assert not is_part(name)


def bundles(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return [
        (b.kind, b.name, [f.relative_to(folder).as_posix() for f in b.files])
        for b in find_exhibits([folder], frozenset())
    ]


def test_parts_of_an_archive_are_no_images(tmp_path):
    folder = tmp_path / "key"
    names = ["a.7z.001", "a.7z.002", "b.z01", "b.zip", "c.part1.rar"]
    assert bundles(folder, *names) == [("folder", "key", ["."])]


def test_parts_of_a_phone_extraction_are_one_exhibit(tmp_path):
    assert bundles(tmp_path, "p.zip.001", "p.zip.002") == [("phone", "p", ["p.zip.001", "p.zip.002"])]


def test_parts_beside_an_image_stay_what_they_are(tmp_path):
    names = ["d.001", "d.002", "p.tar.gz.001", "p.tar.gz.002"]
    assert bundles(tmp_path, *names) == [("image", "d", names[:2]), ("phone", "p", names[2:])]
