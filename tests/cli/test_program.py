from __future__ import annotations

import subprocess
import sys

import click
import pytest

from moisson.cli.program import VERBS, program


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_where_the_program_looks_for_it(verb):
    found = program.get_command(click.Context(program), verb)
    assert found is not None
    assert found.name == verb


def test_no_other_verb_is_had():
    assert program.get_command(click.Context(program), "destroy") is None


def test_a_verb_loads_what_it_needs_and_no_more():
    loaded = "import sys; from moisson.cli.program import program; program(standalone_mode=False); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", loaded, "--version"], capture_output=True, text=True, check=True)
    assert not {"duckdb", "numpy", "pyarrow", "moisson.engine.case"} & set(said.stdout.split())
