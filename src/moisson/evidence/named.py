"""The label and the serial number of a volume, from its first sectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.evidence.filesystem import printable

if TYPE_CHECKING:
    from moisson.reader import Medium


def label_and_serial(kind: str, medium: Medium) -> tuple[str, str]:
    """What the volume calls itself; empty where its format has no such thing or does not say."""
    head = medium.pread(0, 2048)
    if len(head) < 2048:
        return "", ""
    if kind == "fat":
        wide = head[0x52:0x57] == b"FAT32"
        serial, label = (head[67:71], head[71:82]) if wide else (head[39:43], head[43:54])
        return _text(label), serial[::-1].hex().upper()
    if kind == "exfat":
        return "", head[100:104][::-1].hex().upper()
    if kind == "ext":
        return _text(head[1144:1160].partition(b"\0")[0]), head[1128:1144].hex()
    if kind == "iso9660":
        return _text(medium.pread(32768 + 40, 32)), ""
    if kind == "hfs":
        if head[1024:1026] == b"BD":
            return head[1061 : 1061 + min(head[1060], 27)].decode("mac-roman"), ""
        return _hfs_name(medium, head[1024:1536]), head[1128:1136].hex()
    return "", ""


def _hfs_name(medium: Medium, header: bytes) -> str:
    """The name of the root folder: the key of the first record in the catalog (TN1150, "Catalog File")."""
    block, start = int.from_bytes(header[40:44], "big"), int.from_bytes(header[288:292], "big")
    head = medium.pread(block * start, 34)
    if not 512 <= block <= 1 << 20 or len(head) < 34:
        return ""
    leaf, node = int.from_bytes(head[24:28], "big"), int.from_bytes(head[32:34], "big")
    key = medium.pread(block * start + leaf * node + 14, 520).ljust(520, b"\0")
    letters = min(int.from_bytes(key[6:8], "big"), 255)
    if int.from_bytes(key[2:6], "big") != 1:
        return ""
    return printable(key[8 : 8 + 2 * letters].decode("utf-16-be", "surrogatepass"))


def _text(raw: bytes) -> str:
    text = printable(raw.strip(b" \0"))
    return "" if text == "NO NAME" else text
