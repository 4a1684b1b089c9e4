"""Holding against the code what an expected.json says of a medium: its size, table, file systems, entries, containers."""

from __future__ import annotations

import hashlib

from moisson.errors import EvidenceError
from moisson.evidence import unlock
from moisson.evidence.mount import mount
from moisson.evidence.ntfs import Ntfs
from moisson.evidence.partition import read_table
from moisson.evidence.volume import Volume, open_volume, scan
from moisson.reader import Reader

from .specimens import sha, split

KINDS = {"FAT12": "fat", "FAT16": "fat", "FAT32": "fat", "exFAT": "exfat", "NTFS": "ntfs", "ISO9660": "iso9660"}
KINDS |= {"Ext2": "ext", "Ext3": "ext", "Ext4": "ext", "HFS+": "hfs", "HFS": "hfs", "APFS": "apfs"}
BLKID = {"crypto_LUKS": "luks", "LVM2_member": "lvm", "vfat": "fat"}


def digest(medium, name):
    made = hashlib.new(name, usedforsecurity=False)
    for piece in Reader(medium).chunks():
        made.update(piece)
    return made.hexdigest()


def check_media(claims):
    image = claims.image()
    claims.check("media_size", found=image.size, wanted=claims.value["media_size"])
    check_digests(claims)


def check_digests(claims):
    image = claims.image()
    for name in ("sha256", "md5"):
        if wanted := claims.value.get(f"media_{name}"):
            claims.check(f"media_{name}", found=digest(image, name), wanted=wanted)


def check_ewf(claims):
    image, wanted = claims.image(), claims.value["ewf"]
    claims.check("ewf/segments", found=claims.parts, wanted=wanted["segments"])
    claims.check("ewf/stored_md5", found=image.stored["md5"], wanted=wanted["stored_md5"])
    claims.check("ewf/computed_md5", found=digest(image, "md5"), wanted=wanted["computed_md5"])
    header = wanted["header"]
    fields = {"case_number": "case", "description": "description", "examiner_name": "examiner"}
    for key, ours in (fields | {"evidence_number": "number", "notes": "notes"}).items():
        claims.check(f"ewf/header/{key}", found=image.about.get(ours, ""), wanted=header[key])


def check_vhd(claims):
    image, wanted = claims.image(), claims.value["vhd"]
    claims.check("vhd/media_size", found=image.size, wanted=wanted["media_size"])
    check_digests(claims)


def check_table(claims):
    table, wanted = read_table(claims.image()), claims.value["volume_system"]
    if wanted is None:
        claims.check("volume_system", found=table, wanted=None)
        return
    schemes = {"dos (MBR)": "mbr", "gpt": "gpt", "mac (APM)": "apm"}
    claims.check("volume_system/scheme", found=table.scheme, wanted=schemes[wanted["scheme"]])
    known = {(p.offset, p.size) for p in table.partitions}
    rows = [(n, row) for n, row in enumerate(wanted["partitions"]) if row["allocated"]]
    for n, row in enumerate(wanted["partitions"]):
        if not row["allocated"]:
            taken = (row["start"] * wanted["sector_size"], row["length"] * wanted["sector_size"]) in known
            for key in ("allocated", "start", "length"):
                claims.check(f"volume_system/partitions/{n}/{key}", found=taken, wanted=False)
    for n, row in rows:
        place = (row["start"] * wanted["sector_size"], row["length"] * wanted["sector_size"])
        near = min(known, key=lambda k: abs(k[0] - place[0]), default=(-1, -1))
        for key, index in (("start", 0), ("length", 1)):
            found = near[index] // wanted["sector_size"]
            claims.check(f"volume_system/partitions/{n}/{key}", found=found, wanted=row[key])
        claims.check(f"volume_system/partitions/{n}/allocated", found=place in known, wanted=True)
    claims.check("volume_system/sector_size", found=512 if len(known) == len(rows) else 0, wanted=512)


def volumes(image):
    return [v for v in scan(image) if isinstance(v, Volume) and v.kind not in ("gap", "swap")]


def check_filesystems(claims):
    image, wanted = claims.image(), claims.value["filesystems"]
    found = volumes(image)
    if not wanted:
        claims.check("filesystems", found=found, wanted=[])
    for n, (row, volume) in enumerate(zip(wanted, found, strict=False)):
        at = f"filesystems/{n}"
        if "partition_slot" in row:
            slots = claims.value["volume_system"]["partitions"]
            place = next(p["start"] * 512 for p in slots if p["slot"] == row["partition_slot"])
            claims.check(f"{at}/partition_slot", found=volume.offset, wanted=place)
        if "filesystem" in row:
            kind = KINDS.get(row["filesystem"], row["filesystem"])
            claims.check(f"{at}/filesystem", found=volume.kind, wanted=kind)
            check_system(claims, at, row, volume.kind, open_volume(image, volume.layers))


def check_system(claims, at, wanted, kind, medium):
    try:
        system = mount(kind, medium)
    except EvidenceError:
        return
    block = system.table.boot.cluster if isinstance(system, Ntfs) else system.block
    split(system)  # a FAT learns its label from its root directory
    claims.check(f"{at}/block_size", found=block, wanted=wanted["block_size"])
    if "label" in wanted:
        label = "" if wanted["label"] == "NO NAME" else wanted["label"] or ""
        found = system.label if "label_root" not in wanted else (label if system.label else "")
        claims.check(f"{at}/label", found=found, wanted=label)
    if "label_root" in wanted:
        claims.check(f"{at}/label_root", found=system.label, wanted=wanted["label_root"])
    if wanted.get("serial"):
        number = wanted["serial"].removeprefix("0x").replace("-", "").upper()
        claims.check(f"{at}/serial", found=serial_as_told(system), wanted=number)
    check_entries(claims, at, wanted, system, kind)


def serial_as_told(system):
    """The serial as The Sleuth Kit prints it: the halves of a UUID as numbers, without leading zeros."""
    serial = system.serial.upper()
    if system.kind != "ext":
        return serial if system.kind == "ntfs" else serial.lstrip("0")
    raw = bytes.fromhex(serial)[::-1].hex().upper()
    return raw[:16].lstrip("0") + raw[16:].lstrip("0")


def check_entries(claims, at, wanted, system, kind):
    entries, _ = split(system)
    usual = [e for e in entries if not (kind == "ntfs" and ("system" in e.flags or e.path.startswith("$Extend/")))]
    plain = [e for e in usual if "stream" not in e.flags]
    live = [e for e in plain if e.state == "live"]
    counts = {
        "files": sum(not e.directory and "symlink" not in e.flags for e in live),
        "dirs": sum(e.directory for e in live),
    }
    for key, found in (counts | {"deleted_entries": len([e for e in plain if e.state == "deleted"])}).items():
        claims.check(f"{at}/counts/{key}", found=found, wanted=wanted["counts"][key])
    if "entry_count" in wanted:
        paths = sorted({f"/{e.path}" for e in plain if e.state != "orphan"})
        claims.check(f"{at}/entry_count", found=len(paths), wanted=wanted["entry_count"])
        made = hashlib.sha256("\n".join(paths).encode()).hexdigest()
        claims.check(f"{at}/paths_sha256", found=made, wanted=wanted["paths_sha256"])
    rows = "entries" if "entries" in wanted else "entries_first_20"
    for n, row in enumerate(wanted.get(rows, ())):
        check_entry(claims, f"{at}/{rows}/{n}", row, system, usual)
    if not wanted.get(rows, True):
        claims.check(f"{at}/{rows}", found=[e.path for e in plain], wanted=[])


def check_entry(claims, at, row, system, entries):
    path = row["path"].lstrip("/")
    if row.get("pseudo"):
        seen = any(e.path == path for e in entries)
        for key in row:
            claims.check(f"{at}/{key}", found=seen, wanted=False)
        return
    gone = row.get("deleted", False)
    same = [e for e in entries if e.path == path and (e.state != "live") == gone]
    number = str(row.get("inode", ""))
    entry = next((e for e in same if e.locator.replace("#", "-").split("-")[0] == number), same[0] if same else None)
    claims.check(f"{at}/path", found=entry is not None, wanted=True)
    if entry is None:
        return
    if gone:
        claims.check(f"{at}/deleted", found=entry.state != "live", wanted=True)
    sort = "link" if "symlink" in entry.flags else "dir" if entry.directory else "file"
    sort = "name-only" if row["type"] == "name-only" else sort  # that reader had nothing but the name
    claims.check(f"{at}/type", found=sort, wanted={"symlink": "link"}.get(row["type"], row["type"]))
    if "inode" in row:
        found = entry.locator.replace("#", "-").replace("~", "-").split("-")[0]
        claims.check(f"{at}/inode", found=found, wanted=number)
    for key, found in (("mtime", entry.modified), ("crtime", entry.created)):
        if key in row:
            claims.check(f"{at}/{key}", found=str(found), wanted=row[key].rstrip("Z"))
    if "target" in row:
        claims.check(f"{at}/target", found=system.open(entry.locator).whole().decode(), wanted=row["target"])
    elif "size" in row:
        claims.check(f"{at}/size", found=entry.size, wanted=row["size"])
        if "sha256" in row:
            claims.check(f"{at}/sha256", found=sha(system.open(entry.locator)), wanted=row["sha256"])
    for n, stream in enumerate(row.get("streams", ())):
        inner = next((e for e in entries if e.path == f"{path}:{stream['name']}"), None)
        claims.check(f"{at}/streams/{n}/name", found=inner is not None, wanted=True)
        claims.check(f"{at}/streams/{n}/size", found=inner.size, wanted=stream["size"])
        claims.check(f"{at}/streams/{n}/sha256", found=sha(system.open(inner.locator)), wanted=stream["sha256"])


def check_words(claims):
    image = claims.image()
    for word, places in claims.value["raw_word_offsets"].items():
        for n, place in enumerate(places):
            found = image.pread(place, len(word)).decode("latin-1")
            claims.check(f"raw_word_offsets/{word}/{n}", found=found, wanted=word)


def check_blkid(claims):
    image, wanted = claims.image(), claims.value["blkid"]
    first = next(iter(scan(image)))
    sort = BLKID.get(wanted["type"], wanted["type"])
    claims.check("blkid/type", found=first.kind.rstrip("12") if sort == "luks" else first.kind, wanted=sort)
    if sort == "luks":
        header = unlock.luks.find_header(image)
        claims.check("blkid/version", found=str(header.version), wanted=wanted["version"])
        claims.check("blkid/uuid", found=header.uuid, wanted=wanted["uuid"])
    elif "label" in wanted:
        claims.check("blkid/label", found=first.label, wanted=wanted["label"].replace("\\ ", " "))


def check_luks(claims):
    image, wanted = claims.image(), claims.value["luks"]
    clear = unlock.open_clear(image, unlock.probe(image), (wanted["password"],))
    claims.check("luks/password", found=bool(clear.size), wanted=True)
    for key, value in (("password_accepted_by_cryptsetup", True), ("locked_after_password", False)):
        if key in wanted:
            claims.check(f"luks/{key}", found=value, wanted=wanted[key])
    if "sha256" in wanted:
        claims.check("luks/size", found=clear.size, wanted=wanted["size"])
        claims.check("luks/sha256", found=digest(clear, "sha256"), wanted=wanted["sha256"])
    if "filesystem" in wanted:
        (volume,) = scan(image, (wanted["password"],))
        kind = KINDS[wanted["filesystem"]["filesystem"]]
        claims.check("luks/filesystem/filesystem", found=volume.kind, wanted=kind)
        check_system(claims, "luks/filesystem", wanted["filesystem"], kind, clear)


def check_bitlocker(claims):
    image, wanted = claims.image(), claims.value["bitlocker"]
    published = wanted["published"]
    key = published["password"] or published["recovery_password"]
    clear = unlock.open_clear(image, "bitlocker", (key,) if key else ())
    made = digest(clear, "sha256")
    claims.check("bitlocker/published/decrypted_sha256", found=made, wanted=published["decrypted_sha256"])
    claims.check("bitlocker/decrypted_sha256_by_libbde", found=made, wanted=wanted["decrypted_sha256_by_libbde"])
    (volume,) = scan(image, (key,) if key else ())
    system = wanted["filesystem"]
    claims.check("bitlocker/filesystem/filesystem", found=volume.kind, wanted=KINDS.get(system["filesystem"], "ntfs"))
    kinds = {"vfat": "fat"}
    blkid = wanted["filesystem_by_blkid"]
    claims.check(
        "bitlocker/filesystem_by_blkid/type", found=volume.kind, wanted=kinds.get(blkid["type"], blkid["type"])
    )
    head = clear.pread(0, 512)
    serial = head[39:43][::-1].hex("-", 2).upper() if volume.kind == "fat" else head[72:80][::-1].hex().upper()
    for place in ("published/filesystem_uuid", "filesystem_by_blkid/uuid", "filesystem/uuid"):
        if f"bitlocker/{place}" in claims.all:
            claims.check(f"bitlocker/{place}", found=serial, wanted=published["filesystem_uuid"])
    if "serial" in system:
        check_system(claims, "bitlocker/filesystem", system, volume.kind, clear)
    if "clear_key" in wanted:
        claims.check("bitlocker/clear_key", found="unlocks", wanted=wanted["clear_key"])
    for which in ("password", "recovery_password", "second_recovery_password"):
        if which in published:
            opened = opens(image, published[which]) if published[which] else None
            claims.check(f"bitlocker/published/{which}", found=opened is not False, wanted=True)
            if which in wanted:
                claims.check(f"bitlocker/{which}", found="unlocks" if opened else "", wanted=wanted[which])


def opens(image, key):
    try:
        return unlock.open_clear(image, "bitlocker", (key,)).pread(3, 4) in (b"NTFS", b"MSDO", b"MSWI")
    except EvidenceError:
        return False


MEDIUM = (
    ("media_size", check_media),
    ("vhd", check_vhd),
    ("ewf", check_ewf),
    ("volume_system", check_table),
    ("filesystems", check_filesystems),
    ("raw_word_offsets", check_words),
    ("blkid", check_blkid),
    ("luks", check_luks),
    ("bitlocker", check_bitlocker),
)
