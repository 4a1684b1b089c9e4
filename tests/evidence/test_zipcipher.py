"""Encrypted members of a zip, made by 7-Zip."""

from __future__ import annotations

import pytest

from moisson.errors import PasswordError
from moisson.evidence.phone import open_archive
from moisson.reader import Memory

from .media import run
from .specimens import split

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
