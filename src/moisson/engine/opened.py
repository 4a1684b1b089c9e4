"""An exhibit opened inside the confined child: its medium, its volumes, and the bytes at any address in it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from moisson.address import Address, Layer, parse_layer
from moisson.custody.parts import is_part
from moisson.engine import phone
from moisson.engine.messages import Place
from moisson.errors import AddressError, EvidenceError, UnsupportedError
from moisson.evidence import image, unlock, volume
from moisson.evidence.folder import Folder
from moisson.evidence.mount import mount
from moisson.evidence.tsk import SCHEMES
from moisson.identify.blocks import Blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.engine.messages import Opening
    from moisson.evidence.filesystem import FileSystem
    from moisson.evidence.folder import Files
    from moisson.evidence.image import Image
    from moisson.reader import Medium, Reader

_SYSTEMS = frozenset((*SCHEMES.values(), "dir"))
VOLUME_LAYERS = frozenset({"p", "bde", "luks", "@", "pieces"})


class Opened:
    """One exhibit: an image, a phone extraction or a folder."""

    def __init__(self, exhibit: str, opening: Opening, descriptors: Sequence[int], files: Files | None = None) -> None:
        self.exhibit, self.opening, self.files = exhibit, opening, files
        self.keys = (*opening.keys, *opening.settings.passwords)
        self._notes = descriptors[len(opening.parts)] if opening.notes else -1
        self._sought = descriptors[-1] if opening.sought else -1
        self.parts: list[tuple[str, Medium]] = [
            (name, image.Descriptor(fd)) for name, fd in zip(opening.parts, descriptors, strict=False)
        ]
        self._image: Image | None = None
        self._told: tuple[str, ...] = ()
        self._bundle: tuple[tuple[Layer, ...], phone.Archive] | Literal[False] | None = False
        self._mounted: dict[tuple[str, ...], FileSystem] = {}

    @property
    def image(self) -> Image:
        """The decoded medium."""
        if self._image is None:
            self._image = image.open_image(self.parts)
        return self._image

    def places(self) -> Iterator[Place | volume.Locked | volume.Damage]:
        """Every volume, and what could not be entered."""
        if self.files is not None:
            yield Place((), "dir")
            return
        if found := self._archive():
            layers, system = found
            yield Place(tuple(map(str, layers)), system.kind, 0, self.parts[0][1].size)
            return
        for found_volume in volume.scan(self.image, self.keys):
            if isinstance(found_volume, volume.Volume):
                yield Place(
                    tuple(map(str, found_volume.layers)),
                    found_volume.kind,
                    found_volume.offset,
                    found_volume.size,
                    found_volume.label or found_volume.name,
                )
            else:
                yield found_volume

    def medium(self, layers: Sequence[str]) -> Medium:
        """The image, or what is inside the container that layers lead to."""
        return volume.open_volume(self.image, [parse_layer(x) for x in layers], self.keys) if layers else self.image

    @cached_property
    def sought(self) -> Blocks | None:
        """The blocks of files that are sought, if any are."""
        return Blocks.of(self._sought) if self._sought >= 0 else None

    def mount(self, layers: Sequence[str], kind: str) -> FileSystem:
        """The file system at these layers; opened once."""
        key = (*layers, kind)
        if key not in self._mounted:
            self._mounted[key] = self._mount([parse_layer(layer) for layer in layers], kind)
        return self._mounted[key]

    def _mount(self, layers: list[Layer], kind: str) -> FileSystem:
        if kind == "dir":
            if self.files is None:
                raise AddressError(f"{self.exhibit} is no folder")
            return Folder(self.files)
        if kind in ("zip", "tar"):
            if not (found := self._archive()) or found[1].kind != kind:
                raise AddressError(f"{self.exhibit} is no {kind} archive")
            return found[1]
        return mount(kind, volume.open_volume(self.image, layers, self.keys))

    def _archive(self) -> tuple[tuple[Layer, ...], phone.Archive] | None:
        if self._bundle is False:
            notes = image.Descriptor(self._notes) if self._notes >= 0 else None
            raw = notes.pread(0, notes.size) if notes else b""
            media = [medium for _, medium in self.parts]
            whole = media[0] if len(media) == 1 else image.Joined(media) if is_part(self.parts[0][0]) else None
            self._bundle = phone.open_archive(whole, self.keys, raw) if whole else None
        return self._bundle

    def news(self) -> tuple[bytes, tuple[str, ...]]:
        """What the next process that opens this exhibit should know, and the keys it should have; told once."""
        notes = self._bundle[1].news() if self._bundle else b""
        told, self._told = self._told, unlock.opened_keys()
        return notes, tuple(key for key in self._told if key not in told and key not in self.keys)

    def split(self, address: Address) -> tuple[tuple[Layer, ...], Layer | None, tuple[Layer, ...]]:
        """An address in three: the layers to the volume, the file in it, the layers inside that file.

        Without a file, what comes first are the layers to a range of a medium.
        """
        layers = address.layers
        cut = 0
        while cut < len(layers) and (layers[cut].scheme in VOLUME_LAYERS or self._outer(layers, cut)):
            cut += 1
        if cut < len(layers) and self._entry(layers, cut):
            return layers[:cut], layers[cut], layers[cut + 1 :]
        return layers[:cut], None, layers[cut:]

    @staticmethod
    def _entry(layers: tuple[Layer, ...], cut: int) -> bool:
        """Whether a layer names a file of a volume, and not what is inside of bytes that nothing names."""
        scheme, archive = layers[cut].scheme, cut == 0 or layers[0].scheme == "gzip"
        return scheme in _SYSTEMS or (scheme in ("zip", "tar") and archive)

    @staticmethod
    def _outer(layers: tuple[Layer, ...], cut: int) -> bool:
        """A compressor around a whole phone archive, as in `E4/gzip/tar:…`."""
        return cut == 0 and layers[cut].scheme == "gzip" and len(layers) > 1 and layers[1].scheme == "tar"

    def file(self, address: Address) -> tuple[Reader, tuple[Layer, ...]]:
        """The bytes of the file of a volume that an address runs through, and the layers left inside it."""
        from moisson.reader import Reader

        outer, entry, inner = self.split(address)
        if entry is None:
            medium = volume.open_volume(self.image, outer, self.keys) if outer else self.image
            return Reader(medium), inner
        system = self.mount([str(layer) for layer in outer], entry.scheme)
        if inner and inner[0].scheme == "slack":
            return system.slack(entry.locator), inner[1:]
        if inner and inner[0].scheme == "joined":
            others = (locator.replace("%2C", ",") for locator in inner[0].locator.split(","))
            parts = [system.open(locator).medium for locator in (entry.locator, *others)]
            return Reader(image.Joined(parts)), inner[1:]
        return system.open(entry.locator), inner


def failure_kind(error: BaseException) -> str:
    """The kind of `Failure` that an error of the evidence becomes."""
    from moisson.errors import DamagedError, LimitError, PasswordError

    if isinstance(error, PasswordError):
        return "password"
    if isinstance(error, LimitError):
        return "limit"
    if isinstance(error, UnsupportedError):
        return "unsupported"
    if isinstance(error, MemoryError):
        return "memory"
    return "damaged" if isinstance(error, DamagedError | EvidenceError | OSError) else "crash"
