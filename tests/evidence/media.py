"""Media made for tests: specimens by name, damage done to them, images written by QEMU's and libewf's own tools."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from moisson.reader import Medium, Memory
from tests.conftest import unpack


def part(folder: Path, name: str) -> tuple[str, Medium]:
    return Path(name).name.removesuffix(".gz").removesuffix(".xz"), Memory(unpack(folder / name))


def whole(medium: Medium) -> bytes:
    return b"".join(medium.pread(at, 1 << 20) for at in range(0, medium.size, 1 << 20))


def sha256(medium: Medium) -> str:
    return hashlib.sha256(whole(medium)).hexdigest()


def changed(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def run(*command: str | Path, cwd: Path) -> None:
    if not shutil.which(str(command[0])):
        pytest.skip(f"{command[0]} is not installed")
    subprocess.run([str(c) for c in command], cwd=cwd, check=True, capture_output=True)
