"""The specimens of the shared corpora: each, laid on a sector, comes back at its very length."""

from __future__ import annotations

import gzip
import lzma
from collections import defaultdict

import pytest

from moisson.carve.find import find
from moisson.identify.kind import identify
from moisson.reader import Reader

LEAST = {
    "image/jpeg": 1.0,
    "image/png": 1.0,
    "image/gif": 1.0,
    "image/tiff": 1.0,
    "image/webp": 1.0,
    "image/heic": 1.0,
    "application/pdf": 1.0,
    "application/msword": 1.0,
    "application/vnd.ms-excel": 1.0,
    "application/vnd.ms-powerpoint": 1.0,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": 1.0,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": 1.0,
    "application/vnd.oasis.opendocument.text": 1.0,
    "application/vnd.ms-outlook-pst": 1.0,
    "application/x-plist-binary": 0.95,
    "application/x-ms-shortcut": 1.0,
    "application/vnd.sqlite3": 0.95,
    "message/rfc822": 0.99,
    "text/html": 0.95,
    "text/vcard": 1.0,
    "text/csv": 1.0,
    "audio/mpeg": 1.0,
    "audio/amr": 1.0,
    "audio/ogg": 1.0,
    "application/zip": 0.96,
}
SMALLEST, LARGEST = 128, 1 << 20
NOT_WHOLE = ("len6192.jpg", "cgbi.png", "olympus-d320l.jpg", "boundary-name-clash_decoded_1_2.bin")


@pytest.mark.corpus
def test_specimens_come_back_at_their_length(corpora, index):
    seen: dict[str, list[str]] = defaultdict(list)
    for path in sorted(p for p in corpora.rglob("*") if p.is_file()):
        if path.name in NOT_WHOLE or "firefox_cache" in path.parts:
            continue
        data = path.read_bytes()
        packed = index["files"].get(str(path.relative_to(corpora)), {}).get("packed")
        data = gzip.decompress(data) if packed == "gz" else lzma.decompress(data) if packed == "xz" else data
        kind = identify(Reader.of(data), path.name).mime
        if kind not in LEAST or not SMALLEST <= len(data) <= LARGEST:
            continue
        shot = bytes(512) + data + bytes(-len(data) % 512 + 512)
        whole = any(c.offset == 512 and c.size == len(data) for c in find(Reader.of(shot)))
        seen[kind].append("" if whole else path.name)
    missed = {kind: [name for name in names if name] for kind, names in seen.items()}
    assert {k: v for k, v in missed.items() if len(v) > (1 - LEAST[k]) * len(seen[k])} == {}
    assert set(seen) == set(LEAST)
