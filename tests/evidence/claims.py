"""What an entry of an expected.json claims, value by value, and which of the claims a test has held against the code."""

from __future__ import annotations

from fnmatch import fnmatchcase


def leaves(value, path=""):
    """The places of all values in it, as in `filesystems/0/entries/3/sha256`."""
    if isinstance(value, dict) and value:
        return {leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}/{key}" if path else key)}
    if isinstance(value, list) and value:
        return {leaf for n, inner in enumerate(value) for leaf in leaves(inner, f"{path}/{n}" if path else str(n))}
    return {path}


class Claims:
    """The claims on one specimen, ticked off as they are checked."""

    def __init__(self, name, value, image=None, parts=1):
        self.name, self.value, self.image, self.parts = name, value, image, parts
        self.all, self.held = leaves(value), set()
        self.wrong = []

    def check(self, path, *, found, wanted):
        """Hold a claim against what was found."""
        assert path in self.all, path
        self.held.add(path)
        if found != wanted:
            self.wrong.append((path, wanted, found))

    def settle(self, exceptions):
        """Every claim holds or is an exception, and none is an exception without need."""
        excused = {leaf for leaf in self.all for _ in reasons(exceptions, self.name, leaf)}
        failed = {path for path, _, _ in self.wrong}
        assert [w for w in self.wrong if w[0] not in excused] == []
        assert sorted(self.all - self.held - excused) == [], "neither checked nor named"
        needless = sorted(p for p in self.held & excused - failed)
        assert needless == [], "named as exceptions, and yet they hold"


def reasons(exceptions, name, leaf):
    """Why a claim is not expected to hold."""
    return [why for names, places, why in exceptions if fnmatchcase(name, names) and fnmatchcase(leaf, places)]
