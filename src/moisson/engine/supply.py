"""What a confined child may have: the descriptors of its exhibit, the answers to its questions, and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from moisson.address import decode as decode_name
from moisson.address import encode as encode_name
from moisson.custody import intake
from moisson.engine import messages as m
from moisson.engine.confine import Confinement
from moisson.engine.delivery import lots
from moisson.engine.forks import Forks
from moisson.engine.notebook import Notebook
from moisson.engine.sandbox import Sandbox
from moisson.errors import EvidenceError
from moisson.evidence.folder import Local
from moisson.identify.known import Known
from moisson.registry import BUILT_IN
from moisson.settings import Settings
from moisson.store.manifest import Manifest
from moisson.triage.match import Matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from moisson.engine.child import Kind
    from moisson.model import Exhibit, Lead, Record

PAGE = 2000
PRELOAD = (
    "moisson.engine.serve",
    "moisson.selectors.find",
    "moisson.selectors.names",
    "moisson.selectors.language:_whole",
    "moisson.identify.kind",
    *BUILT_IN,
    "moisson.engine.warm:warm",
)
_DECODED = (".e01", ".ex01", ".s01", ".qcow2", ".vmdk", ".vhd", ".vhdx")


@dataclass(frozen=True)
class Delivered:
    """The delivered files of an exhibit, measured one after the other."""

    name: str
    size: int
    sha256: str
    md5: str
    problems: tuple[str, ...]
    decodes: bool


class Single(Local):
    """A lone document, as a folder with one file in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.parent)
        self.name = path.name

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """That one file."""
        info = (self.root / self.name).stat()
        yield self.name, info.st_size, info.st_mtime_ns

    def open(self, path: str) -> int:
        """A descriptor of it."""
        if path != self.name:
            raise EvidenceError(f"{path} is not part of this exhibit")
        return super().open(path)


@dataclass
class Shelf:
    """One exhibit's open files."""

    descriptors: list[int] = field(default_factory=list)
    folder: Local | None = None
    pages: Iterator[m.Page] | None = None

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []


class Supply:
    """Owns the sandbox of one worker and answers what its child asks."""

    def __init__(self, root: Path, settings: Settings, exhibits: Mapping[str, Exhibit]) -> None:
        self.root, self.settings, self.exhibits = root, settings, exhibits
        self.shelf, self.shelved = Shelf(), ""
        known = root / "lists" / "known.bin"
        self.known = Known.open(known) if known.exists() else None
        self.notes = Notebook(root / "tmp")
        self.matcher = Matcher.open(root / "lists", settings)
        memory = settings.limits.memory_mb
        self.forks = Forks("moisson.engine.serve:serve", PRELOAD, Confinement(data_mb=memory))
        self.sandbox = Sandbox(self.forks)
        self.sandbox.start()
        self.level = str(self.sandbox.level)

    def call(
        self, exhibit: str, request: m.Request, seconds: float, take: Callable[[m.Reply], None]
    ) -> tuple[Kind, str]:
        """Send one request; gives `("ok", "")` or the kind and detail of what broke the child."""

        def on_message(message: bytes) -> bytes | tuple[bytes, list[int]] | None:
            reply = m.replies.decode(message)
            if isinstance(reply, m.Ask):
                return self._answer(reply)
            if isinstance(reply, m.Notes):
                self.notes.take(exhibit, reply)
                return None
            take(reply)
            return None

        outcome = self.sandbox.call(m.encode(request), (), seconds, on_message)
        return outcome.kind, outcome.detail

    def _answer(self, ask: m.Ask) -> tuple[bytes, list[int]]:
        match ask.what:
            case "exhibit":
                return self._open(ask.exhibit)
            case "walk":
                return m.encode(next(self.shelf.pages or iter(()), m.Page())), []
            case "open":
                return self._open_file(decode_name(ask.path))
            case "known":
                known = self.known is not None and self.known.has(ask.sha256, ask.md5, ask.sha1)
                return b"1" if known else b"0", []
        raise EvidenceError(f"the child asked for {ask.what!r}")

    def _open(self, name: str) -> tuple[bytes, list[int]]:
        exhibit = self.exhibits[name]
        self.shelf.close()
        self.shelf, self.shelved = Shelf(), name
        paths = [Path(p) for p in exhibit.files]
        folder = len(paths) == 1 and (paths[0].is_dir() or exhibit.kind == "file")
        if folder:
            self.shelf.folder = Local(paths[0]) if paths[0].is_dir() else Single(paths[0])
            self.shelf.pages = pages(self.shelf.folder)
        else:
            self.shelf.descriptors = [os.open(p, os.O_RDONLY | os.O_CLOEXEC) for p in paths]
        algorithms = tuple(sorted(self.known.algorithms)) if self.known else ()
        names = () if folder else tuple(p.name for p in paths)
        notes = None if folder else self.notes.open(name)
        if notes is not None:
            self.shelf.descriptors.append(notes)
        sought = self.root / "lists" / "blocks.bin"
        if not folder and sought.exists():
            self.shelf.descriptors.append(os.open(sought, os.O_RDONLY | os.O_CLOEXEC))
        kind, keys = "folder" if folder else "image", self.notes.keys.get(name, ())
        opening = m.Opening(
            kind, names, self.settings, algorithms, notes is not None, keys, not folder and sought.exists()
        )
        return m.encode(opening), list(self.shelf.descriptors)

    def _open_file(self, path: str) -> tuple[bytes, list[int]]:
        assert self.shelf.folder is not None
        try:
            descriptor = self.shelf.folder.open(path)
        except (EvidenceError, OSError) as error:
            return str(error).encode("utf-8", "replace"), []
        for old in self.shelf.descriptors:
            os.close(old)
        self.shelf.descriptors = [descriptor]
        return b"", [descriptor]

    def leads(self, record: Record) -> list[Lead]:
        """What the watchlists and requirements say of a new record."""
        return self.matcher.leads(record)

    def delivered(self, name: str) -> Delivered | None:
        """Hash the delivered files of an exhibit and compare with the intake; None for a folder."""
        exhibit = self.exhibits[name]
        paths = [Path(p) for p in exhibit.files]
        if any(p.is_dir() for p in paths):
            return None
        size, sha256, md5 = intake.digest(paths)
        problems = tuple(intake.compare(exhibit, {"sha256": sha256, "md5": md5}))
        decodes = paths[0].suffix.lower() in _DECODED
        return Delivered(paths[0].name, size, sha256, md5, problems, decodes)

    def patience(self, name: str) -> float:
        """Seconds that a request on a whole exhibit may take."""
        exhibit = self.exhibits.get(name)
        size = sum(p.stat().st_size for f in (exhibit.files if exhibit else ()) if (p := Path(f)).is_file())
        return 120 + self.settings.limits.per_mb * size / 1e6

    def recycle(self) -> None:
        """Let the child go; the next request gets a fresh one."""
        self.sandbox.recycle()

    def close(self) -> None:
        """End the sandbox and close the files."""
        self.sandbox.close()
        self.forks.close()
        self.shelf.close()


def pages(folder: Local) -> Iterator[m.Page]:
    """The files of a folder, page by page, then what was left out."""
    files = ((encode_name(path), size, changed) for path, size, changed in folder.walk())
    yield from map(m.Page, lots(files, PAGE, lambda row: len(row[0])))
    skipped = ((encode_name(path), why) for path, why in folder.skipped)
    yield from (m.Page((), lot) for lot in lots(skipped, PAGE, lambda row: len(row[0])))


def open_supply(root: Path) -> Supply:
    """What a worker of an existing case needs."""
    manifest = Manifest(root / "manifest.db", readonly=True)
    settings = msgspec.json.decode(manifest.setting("settings"), type=Settings)
    exhibits = {e.id: e for e in manifest.exhibits()}
    manifest.close()
    return Supply(root, settings, exhibits)
