"""The one table from errors to exit codes, and how an error is told in a terminal."""

from __future__ import annotations

import io
import json
import os
import sys
from enum import IntEnum

from kgservice import errors
from kgservice.http.messages.details import details, in_a_line


class Exit(IntEnum):
    """What the exit code of a command says."""

    OK = 0
    FINDINGS = 1
    BAD_INPUT = 2
    FORBIDDEN = 3
    NOT_FOUND = 4
    CONFLICT = 5
    STORE = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: dict[Exit, str] = {
    Exit.OK: "all is well",
    Exit.FINDINGS: "done, and there are findings: data is not valid or was refused, or a check failed",
    Exit.BAD_INPUT: "bad input: query, RDF, table, parameter, option or file",
    Exit.FORBIDDEN: "forbidden, or no or a wrong token",
    Exit.NOT_FOUND: "no such graph, question, record or term",
    Exit.CONFLICT: "the change contradicts what is stored",
    Exit.STORE: "the store, the service or a source cannot answer (in time), or the output cannot be written",
    Exit.INTERRUPTED: "stopped with Ctrl-C",
    Exit.BROKEN_PIPE: "the reader of the output went away",
}

_CODES: dict[type[errors.KgError], Exit] = {
    errors.BadInput: Exit.BAD_INPUT,
    errors.Forbidden: Exit.FORBIDDEN,
    errors.Unauthorised: Exit.FORBIDDEN,
    errors.NotFound: Exit.NOT_FOUND,
    errors.NotAcceptable: Exit.BAD_INPUT,
    errors.Conflict: Exit.CONFLICT,
    errors.PreconditionFailed: Exit.CONFLICT,
    errors.TooSlow: Exit.STORE,
    errors.TooLarge: Exit.BAD_INPUT,
    errors.UnsupportedMediaType: Exit.BAD_INPUT,
    errors.Invalid: Exit.FINDINGS,
    errors.TooMany: Exit.STORE,
    errors.StoreFailed: Exit.STORE,
    errors.Busy: Exit.STORE,
    errors.DeadlineExceeded: Exit.STORE,
    errors.TooCostly: Exit.STORE,
    errors.SourceFailed: Exit.STORE,
    errors.AuditFailed: Exit.STORE,
}


def code(error: errors.KgError) -> Exit:
    """The exit code of an error: that of its nearest class in the table.

    >>> code(errors.BadQuery("…")).name
    'BAD_INPUT'
    """
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), Exit.BAD_INPUT)


def tell(error: errors.KgError, *, as_json: bool) -> None:
    """Say on the error stream what went wrong, and where: in a line for people, or as problem details."""
    if not as_json:
        print(in_a_line(error, language()), file=sys.stderr)
        return
    problem = {key: value for key, value in details(error, language()).items() if key != "status"}
    if isinstance(error, errors.StoreFailed):
        problem["detail"] = error.in_full
    print(json.dumps(problem), file=sys.stderr)


def language() -> str:
    """The language of the terminal, as the environment says it: `de` or `en`, which is for all others."""
    said = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "de" if said.lower().startswith("de") else "en"


def silence_output() -> None:
    """Point standard output to nowhere, so that what is left to write does not fail once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def buffer_output() -> None:
    """Write to standard output through a buffer, also where the environment says PYTHONUNBUFFERED.

    Python takes what it writes there without one for written when the reader went away in the middle of it.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and isinstance(out.buffer, io.FileIO):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(out.buffer), encoding=out.encoding, errors=out.errors, line_buffering=True
        )


def help_text() -> str:
    """The exit codes as lines for the help."""
    return "\n".join(f"{int(exit_code):>3}  {meaning}" for exit_code, meaning in MEANINGS.items())
