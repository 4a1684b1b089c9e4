from __future__ import annotations

import subprocess
import sys

import pytest

_HELD = """
from moisson.engine.memory import give_back, resident
held = [bytes(1000) for _ in range(150_000)]
keep = held[::5000]
before = resident()
del held
give_back({above})
print(before - resident())
"""


@pytest.mark.parametrize(("above", "least", "most"), [(0, 50 << 20, 1 << 40), (1 << 40, 0, 50 << 20)])
def test_what_was_freed_goes_back_when_much_is_held(above, least, most):
    command = [sys.executable, "-c", _HELD.format(above=above)]
    given = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert least <= given < most
