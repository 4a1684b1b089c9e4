"""The program: global options, exit codes, and the verbs."""

from __future__ import annotations

import importlib
import io
import signal
import sys

import click

from moisson import __version__
from moisson.cli.loading import loading
from moisson.errors import MoissonError

# The verbs in the order of the work, each with the module of this package that it is in.
VERBS = {
    "demo": "tools",
    "harvest": "harvest",
    "add": "harvest",
    "status": "status",
    "leads": "findings",
    "links": "findings",
    "countries": "findings",
    "search": "look",
    "sightings": "look",
    "events": "look",
    "show": "look",
    "verify": "custody",
    "export": "custody",
    "sweep": "sweep",
    "doctor": "tools",
}


class Program(click.Group):
    """Loads the verb that is asked for and no other; turns what went wrong into a sentence and a stable exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of this name."""
        if cmd_name not in VERBS:
            return None
        with loading():
            module = importlib.import_module(f"moisson.cli.{VERBS[cmd_name]}")
        verb: click.Command = getattr(module, cmd_name)
        return verb

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
