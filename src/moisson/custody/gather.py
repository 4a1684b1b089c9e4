"""What one delivered thing is, when no list says it: images, sets of parts, phone archives, folders."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moisson.custody.parts import is_part
from moisson.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

_IMAGES = (
    ".dd", ".raw", ".img", ".ima", ".bin", ".000", ".001", ".e01", ".ex01", ".l01", ".lx01", ".s01", ".aff", ".vmdk",
    ".vhd", ".vhdx", ".vdi", ".qcow", ".qcow2", ".dmg", ".iso", ".mem",
)  # fmt: skip
_ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip", ".ufdr", ".ab")
_NOTES = (".txt", ".csv", ".pdf", ".log", ".md5", ".sha1", ".sha256", ".xml", ".json", ".html")
_NUMBERED = re.compile(r"(?P<stem>.+)\.(?P<part>\d{3,})", re.DOTALL)
_EWF = re.compile(r"(?P<stem>.+)\.(?P<kind>ex|lx|[els])(?P<part>\d\d)", re.DOTALL | re.IGNORECASE)
_EWF_LATER = re.compile(r"(?P<stem>.+)\.(?P<part>(?:ex|lx|[e-z])[a-z]{2})", re.DOTALL | re.IGNORECASE)
_VMDK = re.compile(r"(?P<stem>.+?)(?:-(?:[sf]\d{3,}|flat))?\.vmdk", re.DOTALL | re.IGNORECASE)
_MOST_FILES, _MOST_PARTS, _DEPTH = 1_000_000, 20_000, 16
_LONGEST_ID = 48


@dataclass(frozen=True)
class Bundle:
    """The files of one exhibit in order, what to call it, and its kind: image, phone, folder or file."""

    name: str
    files: tuple[Path, ...]
    kind: str


def find_exhibits(paths: Sequence[Path], taken: frozenset[Path]) -> list[Bundle]:
    """Every exhibit among `paths` but what is `taken` or lies in a taken folder; a folder of images becomes many."""
    found: dict[tuple[Path, ...], Bundle] = {}
    for path in sorted({p.resolve() for p in paths}):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        for bundle in _bundles(path):
            if not _covered(bundle, taken):
                found.setdefault(bundle.files, bundle)
    members = {file for files in found if len(files) > 1 for file in files}
    alone = [b for b in found.values() if len(b.files) > 1 or b.files[0] not in members]
    return sorted(alone, key=lambda b: b.files[0].as_posix())


def exhibit_id(name: str, used: AbstractSet[str], path: str) -> str:
    """An id out of a name, in letters that every system writes; one taken already gets a mark made from its path."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    mark = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()
    text = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)[:_LONGEST_ID].strip("-.") or f"exhibit-{mark[:8]}"
    if text.casefold() not in used:
        return text
    return next(made for n in range(8, 65) if (made := f"{text}-{mark[:n]}").casefold() not in used)


def _covered(bundle: Bundle, taken: frozenset[Path]) -> bool:
    first = bundle.files[0]
    if any(file in taken or not taken.isdisjoint(file.parents) for file in bundle.files):
        return True
    if bundle.kind != "folder" or not any(first in other.parents for other in taken):
        return False
    return all(file in taken or not taken.isdisjoint(file.parents) for file in _walk(first))


def _bundles(path: Path) -> Iterator[Bundle]:
    if path.is_file():
        yield _of_file(path)
        return
    if not path.is_dir():
        raise UsageError(f"{path}: neither a file nor a folder")
    images = _images(path)
    if not images:
        yield Bundle(path.name, (path,), "folder")
        return
    sets: set[tuple[Path, ...]] = set()
    for file in images:
        bundle = _of_file(file)
        if bundle.files not in sets:
            sets.add(bundle.files)
            yield bundle


def _images(folder: Path) -> list[Path]:
    """The images and phone archives of a folder that is a delivery of such; none for a folder of ordinary files.

    A delivery has an image, or nothing but archives; and, notes apart, they are at least half of its bytes.
    """
    files = [f for f in _walk(folder) if f.suffix.lower() not in _NOTES]
    images = [f for f in files if _is_image(f)]
    archives = [f for f in files if not _is_image(f) and _is_archive(f)]
    if not images and len(archives) < len(files):
        return []
    parts = sum(f.stat().st_size for f in files if _is_image(f) or _is_archive(f) or _is_part(f))
    return images + archives if 2 * parts >= sum(f.stat().st_size for f in files) else []


def _walk(folder: Path) -> Iterator[Path]:
    """The regular files below a folder, by name; links are not followed."""
    todo, seen = [(folder, 0)], 0
    while todo:
        here, depth = todo.pop()
        try:
            entries = sorted(here.iterdir())
        except OSError as error:
            raise UsageError(f"{here}: {error.strerror}") from error
        for entry in entries:
            seen += 1
            if seen > _MOST_FILES:
                return
            if entry.is_symlink():
                continue
            if entry.is_dir():
                if depth < _DEPTH:
                    todo.append((entry, depth + 1))
            elif entry.is_file():
                yield entry


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in _IMAGES and not is_part(file.name)


def _is_archive(file: Path) -> bool:
    """True for what may be the extraction of a phone: whole, or cut into numbered parts of which this is one."""
    whole = file.stem if is_part(file.name) and _NUMBERED.fullmatch(file.name) else file.name
    return whole.lower().endswith(_ARCHIVES) and not (whole == file.name and file.with_suffix(".z01").exists())


def _is_part(file: Path) -> bool:
    """True if a name may be that of a later part of a set."""
    return any(pattern.fullmatch(file.name) for pattern in (_NUMBERED, _EWF))


def _of_file(file: Path) -> Bundle:
    if _is_archive(file):
        match = _NUMBERED.fullmatch(file.name) if is_part(file.name) else None
        parts = _numbered(file, match) if match else ()
        return Bundle(_bare(match["stem"] if match else file.name), parts or (file,), "phone")
    for pattern, parts_of in ((_VMDK, _vmdk), (_EWF, _ewf), (_EWF_LATER, _ewf), (_NUMBERED, _numbered)):
        if is_part(file.name):
            break
        if (match := pattern.fullmatch(file.name)) and (parts := parts_of(file, match)) and file in parts:
            return Bundle(_bare(match["stem"]), parts, "image")
    return Bundle(_bare(file.name), (file,), "image" if _is_image(file) else "file")


def _beside(file: Path, stem: str) -> Iterator[Path]:
    return (f for f in file.parent.iterdir() if f.name.startswith(stem) and f.is_file())


def _numbered(file: Path, match: re.Match[str]) -> tuple[Path, ...]:
    stem, width = match["stem"], len(match["part"])
    numbered = {
        int(m["part"]): f
        for f in _beside(file, stem)
        if (m := _NUMBERED.fullmatch(f.name)) and m["stem"] == stem and len(m["part"]) == width
    }
    return _run(numbered, min(numbered)) if min(numbered) in (0, 1) else ()


def _ewf(file: Path, match: re.Match[str]) -> tuple[Path, ...]:
    """Segments 01 to 99, then AA to ZZ behind the same letter, then behind the next ones (EnCase, .E99 to .EAA)."""
    stem, kind = match["stem"], match.groupdict().get("kind") or match["part"][:-2]
    first = file if kind.lower() in ("e", "ex", "l", "lx", "s") else None
    numbered: dict[int, Path] = {}
    later: dict[str, Path] = {}
    for f in _beside(file, stem):
        if (m := _EWF.fullmatch(f.name)) and m["stem"] == stem and (not first or m["kind"].lower() == kind.lower()):
            numbered[int(m["part"])] = f
            kind = m["kind"]
        elif (m := _EWF_LATER.fullmatch(f.name)) and m["stem"] == stem:
            later[m["part"].lower()] = f
    if 1 not in numbered:
        return ()
    if 99 in numbered:
        letters = dict(_letters(kind.lower(), later))
        run = next(n for n in range(len(letters) + 1) if n not in letters)
        numbered.update({100 + n: f for n, f in letters.items() if n < run or _is_ewf(f)})
    return _run(numbered, 1)


def _is_ewf(file: Path) -> bool:
    """True for a segment by its first bytes: past a gap, `disc.eml` has the name of one as well."""
    with file.open("rb") as opened:
        return opened.read(3) in (b"EVF", b"LVF")


def _letters(kind: str, later: dict[str, Path]) -> Iterator[tuple[int, Path]]:
    for part, f in later.items():
        step = ord(part[-3]) - ord(kind[-1])
        if step >= 0 and part[:-3] == kind[:-1] and kind + "aa" in later:
            yield step * 676 + (ord(part[-2]) - 97) * 26 + ord(part[-1]) - 97, f


def _vmdk(file: Path, match: re.Match[str]) -> tuple[Path, ...]:
    """The descriptor, then its extents."""
    stem = match["stem"]
    extents = sorted(
        f
        for f in _beside(file, stem + "-")
        if (m := _VMDK.fullmatch(f.name)) and m["stem"] == stem and f.name.lower() != f"{stem}.vmdk".lower()
    )
    numbered = {int(f.stem[-3:]): f for f in extents if f.stem[-3:].isdigit()}
    if numbered:
        _run(numbered, 1)
    descriptor = file.with_name(f"{stem}.vmdk")
    return (*((descriptor,) if descriptor.is_file() else ()), *extents)


def _run(numbered: dict[int, Path], start: int) -> tuple[Path, ...]:
    """The parts in order; a gap is an error, for an image with a hole must not pass for a whole one."""
    order = sorted(numbered)
    if len(order) > _MOST_PARTS:
        raise UsageError(f"{numbered[order[0]]}: more than {_MOST_PARTS} parts")
    if gap := next((n for at, n in enumerate(order, start) if n != at), None):
        raise UsageError(f"{numbered[gap]}: a part before this one is missing")
    return tuple(numbered[n] for n in order)


def _bare(name: str) -> str:
    """A name without the extensions that only say how it was packed."""
    for suffix in (*_ARCHIVES, *_IMAGES):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return _bare(name[: -len(suffix)])
    return name
