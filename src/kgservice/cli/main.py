"""The commands together: names, help, and what an error becomes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from kgservice import garbage
from kgservice.cli import (
    ask,
    audit,
    backups,
    crm,
    decide,
    exits,
    findings,
    keys,
    links,
    load,
    measures,
    migrate,
    output,
    quality,
    quarantine,
    requests,
    serve,
    subjects,
)
from kgservice.errors import BadInput, BadParameter, KgError, StoreFailed

_JSON = "kgservice.json"
# Typer names no class for it, and has it from click, or its own since it holds a copy of that.
_USAGE_ERROR: Any = typer.BadParameter.__mro__[1]


class _Commands(TyperGroup):
    """The group of all commands: tells expected errors in one line and sets the exit code."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        as_json = "--json" in args
        with _told(as_json=as_json):  # the help is printed here
            ctx = super().make_context(info_name, args, *rest, **extra)
        ctx.meta[_JSON] = as_json
        return ctx

    def invoke(self, ctx: Any) -> Any:
        with _told(as_json=ctx.meta[_JSON]):
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


def _ended(error: BaseException) -> BaseException:
    """What ends a command whose reader has gone away; rich exits there by itself."""
    if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
        return error
    exits.silence_output()
    return typer.Exit(exits.Exit.BROKEN_PIPE)


@contextmanager
def _told(*, as_json: bool) -> Iterator[None]:
    """Errors that are expected become one line on the error stream and an exit code."""
    try:
        yield
    except KgError as error:
        exits.tell(error, as_json=as_json)
        raise typer.Exit(exits.code(error)) from error
    except (BrokenPipeError, SystemExit) as error:
        raise _ended(error) from None
    except OSError as error:
        if error.errno is None:  # not from the operating system: a fault of the program
            raise
        if error.filename is None:  # no file was opened: what was open could not be written
            said = f"The output cannot be written: {os.strerror(error.errno)}"
            if as_json:
                exits.tell(StoreFailed(said), as_json=True)
            else:
                print(said, file=sys.stderr)
            exits.silence_output()
            raise typer.Exit(exits.Exit.STORE) from error
        if as_json:
            exits.tell(BadInput(os.strerror(error.errno), source=str(error.filename)), as_json=True)
        else:
            print(f"{error.filename}: {os.strerror(error.errno)}", file=sys.stderr)
        raise typer.Exit(exits.Exit.BAD_INPUT) from error
    except _USAGE_ERROR as error:
        if not as_json:
            raise  # told by typer, with the usage
        exits.tell(BadParameter(error.format_message()), as_json=True)
        raise typer.Exit(exits.Exit.BAD_INPUT) from None
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        raise typer.Exit(exits.Exit.INTERRUPTED) from None


app = typer.Typer(
    name="kgservice",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A knowledge graph of what a company learns from its customers.\n\n"
    "The commands work on the store directory, or through the service when it runs on that store.",
    epilog=f"\b\nExit codes:\n{exits.help_text()}",
)
app.command()(serve.serve)
app.command()(load.load)
app.command()(ask.query)
app.command()(ask.ask)
app.command()(ask.trace)
app.command()(decide.decide)
app.command()(quality.validate)
app.command()(quality.check)
app.command()(measures.quality)
app.add_typer(findings.findings, name="findings")
app.add_typer(quarantine.quarantine, name="quarantine")
app.add_typer(crm.crm, name="crm")
app.add_typer(links.links, name="links")
app.add_typer(audit.audit, name="audit")
app.add_typer(keys.keys, name="keys")
app.add_typer(subjects.subject, name="subject")
app.add_typer(requests.requests, name="requests")
app.command("processing-activities")(requests.activities)
app.command()(requests.compact)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(backups.verify)
app.command()(migrate.migrate)
app.command()(output.export)
app.add_typer(output.docs, name="docs")
app.command()(output.version)


def main() -> None:
    """Run the command line of this process."""
    garbage.look_seldom()
    exits.buffer_output()
    app()
