"""Going back inward: the bytes that layers inside a file lead to, by running the readers of its containers again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moisson import registry
from moisson.address import Layer
from moisson.errors import AddressError, EvidenceError
from moisson.extract.strings import read_strings
from moisson.identify.kind import identify
from moisson.model import Fact, Passage, Stated
from moisson.reader import Child, Reader, Window
from moisson.scan.decode import DECODERS, open_layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.address import Address


def descend(
    data: Reader, layers: tuple[Layer, ...], address: Address, names: dict[str, str], keys: tuple[str, ...]
) -> Reader:
    """The bytes that the layers inside a file lead to, by running the readers of its containers again.

    A range, slack or a layer in raw bytes that is not in `names` is no item: its text is the strings in it.
    """
    for layer in layers:
        bare = str(address) not in names and _is_bare(address)
        if layer.scheme == "@":
            offset, length = layer.span
            data = Reader(Window(data.medium, offset, data.size - offset if length is None else length))
        elif layer.scheme in DECODERS and not layer.locator:
            data = open_layer(data, layer.scheme)
        elif layer.scheme == "t" and bare:
            offset, length = layer.span
            data = Reader.of(_strings(data)[offset : None if length is None else offset + length].encode())
        elif layer.scheme in ("t", "m"):
            data = Reader.of(_content(data, layer, names.get(str(address), ""), keys).encode())
        else:
            data = _member(data, layer, names.get(str(address), ""), keys)
        address = address.child(layer)
    return data


def _is_bare(address: Address) -> bool:
    layer = address.layers[-1] if address.layers else Layer("")
    return layer.scheme in ("@", "slack", "pieces") or (layer.scheme in DECODERS and not layer.locator)


def _pieces(data: Reader, name: str, keys: tuple[str, ...]) -> Iterator[Any]:
    step = registry.best("extract", identify(data, name).mime, name)
    return iter(step.run(data, keys) if step else read_strings(data))


def _member(data: Reader, layer: Layer, name: str, keys: tuple[str, ...]) -> Reader:
    for piece in _pieces(data, name, keys):
        if isinstance(piece, Child) and piece.layer == layer:
            return piece.open()
    raise AddressError(f"no {layer} here")


def _strings(data: Reader) -> str:
    return "".join(p.text for p in read_strings(data)).encode("utf-8", "replace").decode()


def _content(data: Reader, layer: Layer, name: str, keys: tuple[str, ...]) -> str:
    if layer.scheme == "t":
        offset, length = layer.span
        gathered: list[str] = []
        try:
            gathered += [p.text for p in _pieces(data, name, keys) if isinstance(p, Passage)]
        except EvidenceError:
            gathered = gathered or [p.text for p in read_strings(data)]
        text = "".join(gathered).encode("utf-8", "replace").decode()
        return text[offset : None if length is None else offset + length]
    values = [str(v) for key, v in _fields(data, name, keys) if key == layer.name]
    if not values:
        raise AddressError(f"no field {layer.name} here")
    return "\n".join(values)


def _fields(data: Reader, name: str, keys: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for piece in _pieces(data, name, keys):
        if isinstance(piece, Fact):
            for value in piece.value if isinstance(piece.value, list) else [piece.value]:
                yield piece.key, value
        elif isinstance(piece, Stated):
            yield piece.place or piece.kind, piece.raw
