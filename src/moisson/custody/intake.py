"""The door: which exhibits were delivered, in which files, and whether their digests are those of the paper."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from moisson.custody.gather import Bundle, exhibit_id, find_exhibits
from moisson.errors import UsageError
from moisson.model import Exhibit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RUN = "custody.intake@1"
COLUMNS = (
    "exhibit", "label", "kind", "files", "seized_at", "site", "seized_by", "circumstances", "found_with", "seal",
    "device_serial", "sha256", "md5",
)  # fmt: skip
_PLAIN = ("label", "kind", "site", "seized_by", "circumstances", "found_with", "seal", "device_serial")
_DIGESTS = {"sha256": 64, "sha1": 40, "md5": 32}
_LARGEST, _MOST_ROWS, _LONGEST = 64 << 20, 100_000, 4096
_CHUNK = 4 << 20


def read_intake(path: Path) -> list[Exhibit]:
    """The exhibits that an intake list names; raises `UsageError` in one sentence for what cannot be meant.

    A CSV with a header among `COLUMNS` (also `sha1`), in any order, other columns ignored, separated by comma,
    semicolon or tab. Paths in `files` are relative to the list's own folder.
    """
    header, rows = _rows(path)
    exhibits: dict[str, Exhibit] = {}
    owners: dict[str, str] = {}
    for number, row in rows:
        where = f"{path.name}, line {number}"
        if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
            raise UsageError(f"{where}: more cells than the header has columns")
        exhibit = _exhibit(dict(zip(header, map(str.strip, row), strict=False)), path.parent, where)
        if exhibit.id.casefold() in exhibits:
            raise UsageError(f"{where}: exhibit {exhibit.id} is listed twice")
        for file in exhibit.files:
            if file in owners:
                raise UsageError(f"{where}: {file} belongs to exhibit {owners[file]} already")
            owners[file] = exhibit.id
        exhibits[exhibit.id.casefold()] = exhibit
    if not exhibits:
        raise UsageError(f"{path.name}: the intake list names no exhibit")
    return list(exhibits.values())


def gather(paths: Sequence[Path], intake: Path | None = None, known: Sequence[Exhibit] = ()) -> list[Exhibit]:
    """The exhibits of an intake list, and those found under `paths` that it does not name; raises `UsageError`.

    Ids are made from the names and do not depend on the order of `paths`. Exhibits that are `known` keep theirs; what
    comes under one of these with other files or digests is refused.
    """
    before = {exhibit.id.casefold(): exhibit for exhibit in known}
    listed = read_intake(intake) if intake is not None else []
    for exhibit in listed:
        _refuse_other(exhibit, before.get(exhibit.id.casefold(), exhibit))
    taken = {Path(file).resolve() for exhibit in listed for file in exhibit.files}
    ignore = {intake.resolve()} if intake is not None else set()
    found = find_exhibits([p for p in paths if p.resolve() not in ignore], frozenset(taken | ignore))
    again = {exhibit.files: exhibit for exhibit in known}
    ids = {exhibit.id.casefold() for exhibit in (*listed, *known)}
    fresh = [bundle for bundle in found if _names(bundle) not in again]
    names = Counter(exhibit_id(bundle.name, ids, "").casefold() for bundle in fresh)
    ids |= {name for name, count in names.items() if count > 1}
    more: list[Exhibit] = []
    for bundle in found:
        files = _names(bundle)
        if files in again:
            more.append(again[files])
            continue
        name = exhibit_id(bundle.name, ids, str(bundle.files[0]))
        ids.add(name.casefold())
        more.append(Exhibit(name, RUN, name, bundle.name, bundle.kind, files, _size(bundle.files)))
    return [*listed, *more]


def _names(bundle: Bundle) -> tuple[str, ...]:
    return tuple(file.as_posix() for file in bundle.files)


def _refuse_other(exhibit: Exhibit, before: Exhibit) -> None:
    """A case keeps what was registered; who means another thing by the same id would wait for it in vain."""
    if exhibit.files != before.files:
        raise UsageError(f"{exhibit.id} is registered already, with other files: {', '.join(before.files)}")
    if exhibit.digests != before.digests:
        stated = ", ".join(f"{name} {value}" for name, value in before.digests.items()) or "none"
        raise UsageError(f"{exhibit.id} is registered already, with other digests: {stated}")


def digest(paths: Sequence[Path]) -> tuple[int, str, str]:
    """Size, SHA-256 and MD5 of files one after the other, in one reading; raises `UsageError`."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size, buffer = 0, memoryview(bytearray(_CHUNK))
    for path in paths:
        try:
            with path.open("rb", buffering=0) as file:
                while got := file.readinto(buffer):
                    sha256.update(buffer[:got])
                    md5.update(buffer[:got])
                    size += got
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
    return size, sha256.hexdigest(), md5.hexdigest()


def compare(exhibit: Exhibit, measured: Mapping[str, str]) -> list[str]:
    """A sentence for each digest of the intake that is not the measured one."""
    problems = []
    for name, stated in sorted(exhibit.digests.items()):
        now = measured.get(name)
        if now is not None and now.lower() != stated.lower():
            problems.append(f"{exhibit.id}: {name.upper()} IS {now}, BUT THE INTAKE LIST SAYS {stated}")
    return problems


def _rows(path: Path) -> tuple[list[str], Iterable[tuple[int, list[str]]]]:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path}: larger than any intake list")
        text = _decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
            if len(rows) > _MOST_ROWS:
                raise UsageError(f"{path.name}: more than {_MOST_ROWS} exhibits")
    except csv.Error as error:
        raise UsageError(f"{path.name}, line {reader.line_num}: not a table: {error}") from error
    if not rows:
        raise UsageError(f"{path.name}: the intake list is empty")
    header = [cell.strip().casefold().replace(" ", "_") for cell in rows[0][1]]
    _check_header(header, path.name)
    return header, rows[1:]


def _decode(data: bytes) -> str:
    """The text of a list: UTF-8, UTF-16 with its mark, else what a Western spreadsheet writes."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _check_header(header: list[str], name: str) -> None:
    for column in ("exhibit", "files"):
        if column not in header:
            raise UsageError(f"{name}: there is no column {column!r}")
    known = [cell for cell in header if cell in COLUMNS or cell in _DIGESTS]
    if twice := next((cell for cell in known if known.count(cell) > 1), None):
        raise UsageError(f"{name}: column {twice!r} comes twice")


def _exhibit(row: dict[str, str], folder: Path, where: str) -> Exhibit:
    for column, value in row.items():
        if "\0" in value or (len(value) > _LONGEST and column != "files"):
            raise UsageError(f"{where}: absurd value in column {column!r}")
    name = row["exhibit"]
    if not re.fullmatch(r"(?!\.+$)[A-Za-z0-9._-]{1,64}", name):
        raise UsageError(
            f"{where}: {name!r} cannot be the id of an exhibit; use letters, digits, dot, dash, underscore"
        )
    files = _files(row.get("files", ""), folder, f"{where}, exhibit {name}")
    where = f"{where}, exhibit {name}"
    exhibit = Exhibit(name, RUN, name, files=tuple(f.as_posix() for f in files), size=_size(files))
    plain = {c: row.get(c, "") for c in _PLAIN}
    return replace(exhibit, **plain, seized_at=_moment(row.get("seized_at", ""), where), digests=_digests(row, where))


def _files(cell: str, folder: Path, where: str) -> list[Path]:
    names = [part.strip() for part in cell.split("|") if part.strip()]
    if not names:
        raise UsageError(f"{where}: no files are named")
    files = []
    for name in names:
        # A list written on Windows has backslashes.
        path = folder / name
        if not path.exists() and "\\" in name:
            path = folder / name.replace("\\", "/")
        if not path.exists():
            raise UsageError(f"{where}: there is no file {name}")
        if not (path.is_file() or (path.is_dir() and len(names) == 1)):
            raise UsageError(f"{where}: {name} is neither a file nor a folder alone")
        files.append(path.resolve())
    if len(set(files)) != len(files):
        raise UsageError(f"{where}: a file is named twice")
    return files


def _digests(row: dict[str, str], where: str) -> dict[str, str]:
    digests = {}
    for name, length in _DIGESTS.items():
        value = row.get(name, "").lower()
        if value and not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
            raise UsageError(f"{where}: {value[:80]!r} is no {name}")
        if value:
            digests[name] = value
    return digests


def _moment(text: str, where: str) -> str:
    if text:
        try:
            year = datetime.fromisoformat(text).year
        except ValueError as error:
            raise UsageError(f"{where}: seized_at {text!r} is no date of the form 2025-05-15T05:55:17+03:00") from error
        if not 1980 <= year <= 2100:
            raise UsageError(f"{where}: seized_at {text!r} is not in our time")
    return text


def _size(files: Sequence[Path]) -> int:
    """The size of the delivered files; of a folder, 0, since nobody has walked it yet."""
    return sum(file.stat().st_size for file in files if file.is_file())
