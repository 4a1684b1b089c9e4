"""The program: global options, exit codes, and the verbs."""

from __future__ import annotations

import io
import signal
import sys

import click

from moisson import __version__
from moisson.cli import custody, findings, harvest, look, status, sweep, tools
from moisson.errors import MoissonError


class Program(click.Group):
    """Turns what went wrong into one sentence and a stable exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the work."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; an error of ours ends in its sentence and its code."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("moisson: stopped", err=True)
            ctx.exit(128 + signal.SIGINT)
        except MoissonError as error:
            click.echo(f"moisson: {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(0)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"moisson: {where}{error.strerror or error}", err=True)
            ctx.exit(MoissonError.exit_code)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="moisson")
def program() -> None:
    """From a pile of seized media to searchable, linked, provable leads."""


for verb in (
    tools.demo,
    harvest.harvest,
    harvest.add,
    status.status,
    findings.leads,
    findings.links,
    findings.countries,
    look.search,
    look.sightings,
    look.events,
    look.show,
    custody.verify,
    custody.export,
    sweep.sweep,
    tools.doctor,
):
    program.add_command(verb)
