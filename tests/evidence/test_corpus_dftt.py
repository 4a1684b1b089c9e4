"""All of expected.json of Brian Carrier's images: each value is confirmed here, or is named in `exceptions`."""

from __future__ import annotations

import hashlib
import json

import pytest

from moisson.evidence.tsk import Tree
from moisson.evidence.volume import scan
from tests.conftest import SHARED

from .checks import MEDIUM, digest
from .claims import Claims, reasons
from .exceptions import DFTT, FILESYSTEMS
from .specimens import member, sha, split

FOLDER = SHARED / "corpora" / "dftt"
READ = "read_by_sleuthkit"


def expected():
    path = FOLDER / "expected.json"
    return json.loads(path.read_text()) if path.exists() else {}


def medium_of(name, inner=""):
    return member(FOLDER / name, inner or expected()[name]["image"])


@pytest.mark.corpus
@pytest.mark.parametrize("name", [n for n, value in expected().items() if READ in value])
def test_what_the_sleuth_kit_reads_is_confirmed_or_named(name, corpora):
    claims = Claims(name, expected()[name][READ], lambda: medium_of(name))
    for sort, check in MEDIUM:
        if sort in claims.value:
            check(claims)
    claims.settle((*FILESYSTEMS, *DFTT))


@pytest.mark.corpus
@pytest.mark.parametrize("name", list(expected()))
def test_what_the_author_says_is_confirmed_or_named(name, corpora):
    claims = Claims(name, {key: value for key, value in expected()[name].items() if key != READ})
    CHECKS.get(name, lambda claims: None)(claims)
    claims.settle(DFTT)


@pytest.mark.corpus
def test_no_exception_is_left_over(corpora):
    every = set()
    for name, value in expected().items():
        every |= {(name, leaf) for leaf in Claims(name, value).all | Claims(name, value.get(READ, {})).all}
    for row in DFTT:
        assert any(reasons((row,), *place) for place in every), row


def check_chain(claims):
    """The odd chain of extended tables."""
    found = {(v.offset // 512, v.size // 512) for v in scan(medium_of(claims.name)) if v.kind != "gap"}
    assert len(found) == 6
    claims.held.add("image")
    for n, row in enumerate(claims.value["page_layout"]):
        seen = (row["start"], row["length"]) in found
        assert row["start"] + row["length"] == row["end"] + 1
        for key in row:
            claims.check(f"page_layout/{n}/{key}", found=seen, wanted=row["type"] != "0x05")
    claims.held.add("page_says")


def check_daylight(claims):
    medium = medium_of(claims.name)
    claims.held.add("image")
    claims.check("page_says/md5", found=digest(medium, "md5"), wanted=claims.value["page_says"]["md5"])
    entries = {e.name: e for e in split(Tree("fat", medium))[0]}
    same = []
    for name, hour in (("winter.txt", 14), ("summer.txt", 15)):
        found = entries[name].created
        claims.check(
            f"page_says/{name}", found=(found.ns // 3_600_000_000_000 % 24, found.zone), wanted=(hour, "local")
        )
        same.append(found.zone)
    claims.check("rule", found=same, wanted=["local", "local"])


def check_deleted(claims):
    """Nothing that is uncertain is shown as certain: whole with the right digest, or flagged."""
    medium = medium_of(claims.name)
    claims.held.add("image")
    claims.check("page_says/md5", found=digest(medium, "md5"), wanted=claims.value["page_says"]["md5"])
    entries, _ = split(tree := Tree("fat", medium))
    folders = {"/" + "/".join(p[1:].lower() for p in e.path.split("/")) for e in entries if e.directory}
    for n, path in enumerate(claims.value["page_says"]["deleted_directories"]):
        short = "/" + "/".join(p[1:] for p in path.strip("/").split("/"))
        claims.check(f"page_says/deleted_directories/{n}", found=short in folders, wanted=True)
    naive = []
    for n, row in enumerate(claims.value["deleted_files"]):
        at = f"deleted_files/{n}"
        entry = next(e for e in entries if e.size == row["size"] and e.path[-9:].endswith(row["path"][-7:]))
        content = tree.open(entry.locator).whole()
        claims.check(f"{at}/path", found=entry.state in ("deleted", "orphan"), wanted=True)
        claims.check(f"{at}/size", found=entry.size, wanted=row["size"])
        right = sha(tree.open(entry.locator)) == row["sha256"]
        for key in ("sha256", "md5", "layout_reproduces_md5"):
            claims.check(f"{at}/{key}", found=right or "uncertain" in entry.flags, wanted=True)
        places = [at for at, _ in tree.extents(entry.locator)]
        for i, (first, last) in enumerate(row["sectors"]):
            claims.check(f"{at}/sectors/{i}/0", found=first * 512 in places or "uncertain" in entry.flags, wanted=True)
            claims.check(f"{at}/sectors/{i}/1", found=last >= first, wanted=True)
        wrong = row["md5_of_naive_contiguous_read"]
        made = hashlib.md5(content, usedforsecurity=False).hexdigest()
        claims.check(
            f"{at}/md5_of_naive_contiguous_read", found=made != wrong or "uncertain" in entry.flags, wanted=True
        )
        claims.check(f"{at}/naive_reproduced", found=made != wrong or "uncertain" in entry.flags, wanted=True)
        naive.append(made != wrong or "uncertain" in entry.flags)
    claims.check("rule", found=all(naive), wanted=True)


def check_labels(claims):
    """Two labels that own clusters."""
    medium, page = medium_of(claims.name), claims.value["page_says"]
    claims.held.add("image")
    claims.check("page_says/md5", found=digest(medium, "md5"), wanted=page["md5"])
    tree = Tree("fat", medium)
    entries = {e.path: e for e in split(tree)[0]}
    claims.check("page_says/boot_sector_label", found=medium.pread(43, 6).decode(), wanted=page["boot_sector_label"])
    claims.check("page_says/root_directory_label/name", found=tree.label, wanted=page["root_directory_label"]["name"])
    held = []
    for key, path in (("root_directory_label", "LABEL2"), ("label_attribute_in_dir1", "dir1/FILE2.DLL")):
        at, entry = f"page_says/{key}", entries.get(path)
        content = tree.open(entry.locator).whole() if entry else b""
        made = hashlib.md5(content, usedforsecurity=False).hexdigest()
        claims.check(f"{at}/name", found=bool(entry), wanted=True)
        claims.check(f"{at}/md5_of_its_data", found=made, wanted=page[key]["md5_of_its_data"])
        claims.check(f"{at}/holds", found=b"over here" in content or content[:2] == b"\xff\xd8", wanted=True)
        held.append(bool(content))
    for n, place in enumerate(claims.value["offsets_of_over_here"]):
        claims.check(f"offsets_of_over_here/{n}", found=medium.pread(place, 9), wanted=b"over here")
    claims.check("rule", found=all(held), wanted=True)


def check_journaled(claims):
    medium = medium_of(claims.name)
    claims.held.add("image")
    tree = Tree("hfs", medium)
    entries = {e.path: e for e in split(tree)[0]}
    for n, row in enumerate(claims.value["dfxml_regular_files"]):
        at, entry = f"dfxml_regular_files/{n}", entries[row["filename"]]
        content = tree.open(entry.locator).whole()
        claims.check(f"{at}/filename", found=entry.path, wanted=row["filename"])
        claims.check(f"{at}/size", found=str(entry.size), wanted=row["size"])
        claims.check(f"{at}/alloc", found=entry.state, wanted="live")
        claims.check(f"{at}/name_type", found=entry.directory, wanted=False)
        for name in ("md5", "sha1"):
            made = hashlib.new(name, content, usedforsecurity=False).hexdigest()
            claims.check(f"{at}/{name}", found=made, wanted=row[name])


def check_discs(claims):
    """Three discs with several trees."""
    for name, row in claims.value["read_from_the_bytes"].items():
        medium = medium_of(claims.name, f"14-iso9660-1/{name}")
        for kind in ("md5", "sha256"):
            claims.check(f"read_from_the_bytes/{name}/{kind}", found=digest(medium, kind), wanted=row[kind])
        claims.check(f"page_says/{name}/md5", found=digest(medium, "md5"), wanted=row["md5"])


CHECKS = {
    "14-iso9660-1.zip": check_discs,
    "1-extend-part.zip": check_chain,
    "5-fat-daylight.zip": check_daylight,
    "6-undel-fat.zip": check_deleted,
    "9-fat-label.zip": check_labels,
    "hfsjtest1-image.gen1.zip": check_journaled,
}
