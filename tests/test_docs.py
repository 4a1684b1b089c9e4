"""The handbook names every verb, option and kind, and its examples run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from moisson.cli.harvest import harvest
from moisson.cli.program import VERBS, program
from moisson.selectors import kinds

ROOT = Path(__file__).resolve().parents[1]
HANDBOOK = (ROOT / "docs" / "handbook.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\$ moisson (.+)$", HANDBOOK, re.MULTILINE)


def test_every_verb_stands_in_the_handbook():
    missing = [name for name in VERBS if f"moisson {name}" not in HANDBOOK and f"`{name}`" not in HANDBOOK]
    assert missing == []


def test_every_option_of_the_main_job_stands_in_the_handbook():
    options = [o for p in harvest.params if isinstance(p, click.Option) for o in p.opts]
    assert [o for o in options if o not in HANDBOOK and o != "--engine"] == []


def test_every_kind_of_selector_stands_in_the_handbook():
    assert [name for name in kinds.KINDS if not re.search(rf"\b{name}\b", HANDBOOK)] == []


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.startswith("harvest")])
def test_the_examples_run(example, demo_case, tmp_path):
    words = [
        str(demo_case) if w == "CASE" else str(tmp_path / w) if w.startswith("OUT") else w for w in shlex.split(example)
    ]
    result = CliRunner().invoke(program, words)
    assert result.exit_code == 0, result.output
    assert result.output.strip()


def test_the_harvest_example_is_what_the_other_tests_ran():
    assert any(e.startswith("harvest CASE --intake demo/intake.csv") for e in EXAMPLES)


def test_readme_and_docs_name_no_machine_path():
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert not re.search(r"/(home|root|work|Users)/", path.read_text(encoding="utf-8")), path
