from __future__ import annotations

from moisson import registry
from moisson.registry import Limits, Step


def test_a_kind_beats_a_name_and_a_name_a_wildcard():
    step = Step("extract.x", 1, "extract", lambda data: [], ("image/png", "text/*"), ("*.txt",))
    assert step.score("image/png", "a.txt") == 100
    assert step.score("application/x", "A.TXT") == 50
    assert step.score("text/x-python", "a.py") == 10
    assert step.score("video/mp4", "a.mp4") == 0


def test_every_built_in_declares_a_reader_with_a_version_and_a_reference():
    steps = registry.steps("extract")
    assert {step.run.__module__ for step in steps} >= set(registry.BUILT_IN)
    assert all(step.version >= 1 and step.reference and (step.kinds or step.names) for step in steps)


def test_no_two_readers_claim_the_same_kind():
    claimed: dict[str, str] = {}
    for step in registry.steps("extract"):
        for kind in step.kinds:
            if "*" not in kind:
                assert claimed.setdefault(kind, step.name) == step.name, kind


def test_what_may_come_out_grows_with_the_input_but_never_below_the_spare():
    limits = Limits(ratio=200, spare_mb=256)
    assert limits.bytes_from(10) == 256 << 20
    assert limits.bytes_from(1 << 30) == 200 << 30
