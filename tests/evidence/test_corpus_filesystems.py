"""All of expected.json of the corpus of images: each value is confirmed here, or is named in `exceptions`."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

import pytest

from moisson.errors import EvidenceError, UnsupportedError
from moisson.evidence import mft
from moisson.evidence.filetable import read_boot
from moisson.evidence.image import open_image
from moisson.evidence.mount import mount
from moisson.evidence.partition import read_table
from moisson.evidence.volume import open_volume, scan
from moisson.reader import Memory
from tests.conftest import SHARED, unpack

from .checks import MEDIUM, volumes
from .claims import Claims, reasons
from .exceptions import FILESYSTEMS
from .media import part
from .specimens import split

FOLDER = SHARED / "corpora" / "filesystems"
LARGE = 70 << 20
MORE = {
    "made/ext4.split.001.gz": ("made/ext4.split.002.gz", "made/ext4.split.003.gz"),
    "dfvfs/ext2.splitraw.000.gz": ("dfvfs/ext2.splitraw.001.gz",),
    "dfvfs/image-differential.vhd.gz": ("dfvfs/image.vhd.gz",),
    "plaso/image-split.E01.gz": ("plaso/image-split.E02.gz",),
}


def expected():
    path = FOLDER / "expected.json"
    return json.loads(path.read_text()) if path.exists() else {}


def specimens():
    for name, value in expected().items():
        large = value.get("media_size", 0) > LARGE
        yield pytest.param(name, marks=[pytest.mark.slow] * large + [pytest.mark.corpus])


@pytest.mark.parametrize("name", list(specimens()))
def test_every_value_is_confirmed_or_named(name, corpora):
    claims = Claims(name, expected()[name], lambda: image_of(name), 1 + len(MORE.get(name, ())))
    with suppress(UnsupportedError):
        for sort, check in CHECKS:
            if sort in claims.value:
                check(claims)
    claims.settle(FILESYSTEMS)


@pytest.mark.corpus
def test_no_exception_is_left_over(corpora):
    every = {(n, leaf) for n, value in expected().items() for leaf in Claims(n, value).all}
    for row in FILESYSTEMS:
        assert any(reasons((row,), *place) for place in every), row


def image_of(name):
    return open_image([part(FOLDER, n) for n in (name, *MORE.get(name, ()))])


def check_records(claims):
    data, size = unpack(FOLDER / claims.name), claims.value["record_size"]
    heads = [mft.head(data[at : at + size]) for at in range(0, len(data), size)]
    signed = [h for h in heads if h is not None]
    claims.check("records_with_FILE_signature", found=len(signed), wanted=claims.value["records_with_FILE_signature"])
    claims.check("records_in_use", found=sum(h.live for h in signed), wanted=claims.value["records_in_use"])
    whole = all(mft.decode(data[at : at + size], n) for n, at in enumerate(range(0, len(data), size)) if heads[n])
    claims.check("record_size", found=size if whole else 0, wanted=size)
    names = {n.name for h, at in zip(heads, range(0, len(data), size), strict=True) if h
             for n in mft.decode(data[at : at + size], at // size).names()}  # fmt: skip
    for n, wanted in enumerate(claims.value.get("orphan_files_in_source_test", ())):
        claims.check(f"orphan_files_in_source_test/{n}", found=wanted in names, wanted=True)


def check_unpacked(claims):
    data = unpack(FOLDER / claims.name)
    claims.check("unpacked_size", found=len(data), wanted=claims.value["unpacked_size"])
    if wanted := claims.value.get("unpacked_sha256"):
        claims.check("unpacked_sha256", found=hashlib.sha256(data).hexdigest(), wanted=wanted)


def check_boot(claims):
    boot, wanted = read_boot(Memory(unpack(FOLDER / claims.name))), claims.value
    factor = wanted["sectors_per_cluster_byte"]
    cluster = wanted["bytes_per_sector"] * (factor if factor <= 128 else 1 << 256 - factor)
    for key in ("bytes_per_sector", "sectors_per_cluster_byte", "oem"):
        claims.check(key, found=boot.cluster, wanted=cluster)
    claims.check("serial", found=boot.serial, wanted=wanted["serial"])


def check_rows(claims):
    table = read_table(Memory(unpack(FOLDER / claims.name)))
    sector = 4096 if "4096" in claims.name else 512
    known = {(p.offset // sector, p.size // sector) for p in table.partitions} if table else set()
    for n, row in enumerate(claims.value["primary_entries_read_from_the_bytes"]):
        seen = (row["start"], row["length"]) in known or row["type"] == "0x05"
        for key in row:
            claims.check(f"primary_entries_read_from_the_bytes/{n}/{key}", found=seen, wanted=True)
    if not claims.value["primary_entries_read_from_the_bytes"]:
        claims.check("primary_entries_read_from_the_bytes", found=known, wanted=set())
    claims.check("size", found=len(unpack(FOLDER / claims.name)), wanted=claims.value["size"])
    for n, row in enumerate(claims.value["sleuthkit"] or ()):
        seen = (row["start"], row["length"]) in known
        for key in row:
            claims.check(f"sleuthkit/{n}/{key}", found=seen, wanted=row.get("allocated", True))
    if not claims.value["sleuthkit"]:
        claims.check("sleuthkit", found=None, wanted=claims.value["sleuthkit"])


def check_promise(claims):
    """What is asked in words, specimen by specimen."""
    promise = PROMISES.get(claims.name)
    if promise:
        claims.check("expect", found=promise(claims.name), wanted=True)


def is_unknown(name):
    return [getattr(v, "kind", "") for v in scan(image_of(name))] == ["unknown"]


def ends(name):
    image = image_of(name)
    (volume,) = volumes(image)
    return 0 < len(split(mount(volume.kind, image))[0]) < 2000


def is_read_or_refused(name):
    image = image_of(name)
    for volume in volumes(image):
        try:
            system = mount(volume.kind, open_volume(image, volume.layers))
        except EvidenceError as error:
            return bool(str(error))
        return bool(split(system)[0])
    return True


PROMISES = {
    "cryptsetup/blkid-luks2-pv.img.xz": lambda name: [v.kind for v in scan(image_of(name))] == ["lvm"],
    "cryptsetup/tc_1-sha1-cbc-aes": is_unknown,
    "dfvfs/bogus.001": lambda name: not [v for v in scan(image_of(name)) if getattr(v, "kind", "") != "unknown"],
    "dfir_ntfs/fat32_loop.raw.gz": ends,
    "dfir_ntfs/fat32_small.raw.gz": is_read_or_refused,
    "dfir_ntfs/fat64.raw.gz": is_read_or_refused,
}
CHECKS = (
    *MEDIUM,
    ("record_size", check_records),
    ("unpacked_size", check_unpacked),
    ("oem", check_boot),
    ("primary_entries_read_from_the_bytes", check_rows),
    ("expect", check_promise),
)
