"""The program: global options, exit codes, and the verbs."""

from __future__ import annotations

import sys

import click

from moisson import __version__
from moisson.cli import custody, findings, harvest, look, sweep, tools
from moisson.errors import MoissonError


class Program(click.Group):
    """Turns what went wrong into one sentence and a stable exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; an error of ours ends in its sentence and its code."""
        try:
            return super().invoke(ctx)
        except MoissonError as error:
            click.echo(f"moisson: {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(0)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="moisson")
def main() -> None:
    """From a pile of seized media to searchable, linked, provable leads."""


for verb in (
    harvest.harvest,
    harvest.add,
    harvest.status,
    sweep.sweep,
    look.search,
    look.sightings,
    look.events,
    look.show,
    findings.links,
    findings.countries,
    findings.leads,
    custody.verify,
    custody.export,
    tools.doctor,
    tools.demo,
):
    main.add_command(verb)
