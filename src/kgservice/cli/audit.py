"""`kgservice audit`: the audit log of a store: read it, verify it, take it along, put old entries away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kgservice.application.law import audit_export
from kgservice.application.law.audit import archive as take_out
from kgservice.application.law.audit import before as older
from kgservice.application.law.audit import verified
from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.exits import Exit
from kgservice.cli.options import (
    JsonOption,
    StoreOption,
    existing_path,
    given_path,
    settings_for,
    unicode_text,
)
from kgservice.cli.recording import Entry, owner, recording
from kgservice.domain.audit import Head, Line, Verification
from kgservice.domain.audit import verify as verify_lines
from kgservice.domain.clock import system_clock
from kgservice.errors import BadInput, BadParameter, NotFound
from kgservice.phrases import noun
from kgservice.store.audit_file import AuditFile, beside

audit = typer.Typer(
    no_args_is_help=True, help="Who read, changed and was denied what. See `kgservice audit list`."
)

_COLUMNS = ("number", "moment", "principal", "action", "outcome", "count", "resource", "purpose")

Since = Annotated[str | None, typer.Option(help="Only from this day or moment on, such as 2026-11-20.")]
Until = Annotated[str | None, typer.Option(help="Only before this day or moment.")]
Who = Annotated[str | None, typer.Option("--principal", help="Only what this principal did.")]
What = Annotated[str | None, typer.Option("--action", help="Only this: read, everything, denied, right, …")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", parser=given_path, metavar="PATH", help="File. [default: standard output]"
    ),
]


@audit.command("list")
def list_(
    since: Since = None,
    until: Until = None,
    principal: Who = None,
    action: What = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = audit_export.LIMIT,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """List entries, the newest first.

    Examples:

      kgservice audit list --action denied --since 2026-11-01

      kgservice audit list --principal key:3f2a --json
    """
    wanted = audit_export.wanted(_given(since=since, until=until, principal=principal, action=action))
    with _reading(store, "audit list") as (file, _):
        found = [line.to_json() for line in file.newest(wanted, limit)]
    if as_json:
        put_json(found)
        return
    show_rows(_COLUMNS, [{name: str(entry.get(name, "")) for name in _COLUMNS} for entry in found])


@audit.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A file of JSON lines that was exported or archived. [default: the log of the store]",
            parser=existing_path,
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="A head that was noted earlier, HASH@NUMBER, as `audit head` prints it."),
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Tell whether the log holds what was written. Exit code 1 when it does not.

    Entries that were changed, taken out, put in or moved are seen. That the last ones were cut off, or all
    were written anew, is seen only with a head that was noted elsewhere.

    Examples:

      kgservice audit verify

      kgservice audit verify --head 9f86d0…@1200

      kgservice audit verify audit-2025.jsonl
    """
    known = None if head is None else Head.parse(unicode_text(head, "--head"))
    if file is not None:
        with file.open("rb") as source:
            found = verify_lines(audit_export.read(source, str(file)), None, known)
    else:
        with _opened(store) as log:
            found = verified(log, known)
    if as_json:
        put_json(found.to_json())
    else:
        _tell(found)
    if found.faults:
        raise typer.Exit(Exit.FINDINGS)


def _tell(found: Verification) -> None:
    for fault in found.faults:
        typer.echo(str(fault))
    if found.faults:
        say("The log is not as it was written.")
        return
    since = f" after entry {found.start.number}" if found.start.number else ""
    entries = f"{found.entries} {noun(found.entries, 'entry|entries')}"
    say(f"{entries}{since}, each as it was written. The head is {found.end}")


@audit.command()
def head(as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Print the head of the log, HASH@NUMBER. Keep it elsewhere: with it `verify` sees what was cut off.

    Example: kgservice audit head >> /mnt/other-machine/heads.txt
    """
    with _opened(store) as file:
        found = file.ends()[1]
    if as_json:
        put_json({"head": str(found), "number": found.number, "hash": found.digest})
    else:
        typer.echo(str(found))


@audit.command()
def export(
    since: Since = None,
    until: Until = None,
    principal: Who = None,
    action: What = None,
    fmt: Annotated[str, typer.Option("--format", "-f", help="jsonl or csv.")] = "jsonl",
    output: Output = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
    store: StoreOption = None,
) -> None:
    """Write entries in their order as JSON lines, which `verify` takes, or as CSV.

    Examples:

      kgservice audit export --since 2026-01-01 --until 2027-01-01 -o audit-2026.jsonl

      kgservice audit export --action denied --format csv > denied.csv
    """
    fmt = "jsonl" if as_json else fmt
    if fmt not in audit_export.FORMATS:
        raise BadParameter(
            "{fmt!r} is none of {formats}",
            fmt=fmt,
            formats=", ".join(audit_export.FORMATS),
            source="--format",
        )
    wanted = audit_export.wanted(_given(since=since, until=until, principal=principal, action=action))
    with _reading(store, "audit export") as (file, entry):
        if output is None:
            entry.tell()  # so that what is written ends with the head of the log
            audit_export.write(file.lines(wanted), fmt, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        with _private(output) as descriptor, os.fdopen(descriptor, "wb") as out:
            entry.tell()
            audit_export.write(file.lines(wanted), fmt, out)


@audit.command()
def archive(
    file: Annotated[Path, typer.Argument(help="New file for the entries, JSON lines.", parser=given_path)],
    before: Annotated[str, typer.Option(help="Day or moment: older entries are taken out of the log.")],
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Move the oldest entries out of the log into a file, which may be deleted when it need not be kept.

    The log goes on from the last of them, and says so. Nothing is moved when the log is not valid.

    Example: kgservice audit archive audit-2025.jsonl --before 2026-01-01
    """
    moment = audit_export.when(unicode_text(before, "--before"), "--before")
    with _opened(store) as log:
        wanted, last, count = older(log, moment), None, 0

        def counted() -> Iterator[Line]:
            nonlocal last, count
            for last in log.lines(wanted):
                count += 1
                yield last

        if next(log.lines(wanted), None) is not None:
            with _private(file) as descriptor, os.fdopen(descriptor, "wb") as out:
                audit_export.write(counted(), "jsonl", out)
                out.flush()
                os.fsync(out.fileno())  # what is deleted in the log must be on the disk elsewhere
        anchor = (
            None if last is None else take_out(log, last, count, system_clock(), owner(settings_for(store)))
        )
    if as_json:
        put_json({"archived": count, "start": None if anchor is None else str(anchor)})
    elif anchor is None:
        say("There are no older entries.")
    else:
        say(f"{count} {noun(count, 'entry is|entries are')} in {file}; the log goes on after {anchor}")


@contextmanager
def _private(path: Path) -> Iterator[int]:
    """A new file that only its owner reads; it goes away again when it cannot be filled."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadInput("there is a file already", source=str(path)) from None
    try:
        yield descriptor
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _opened(store: Path | None) -> Iterator[AuditFile]:
    """The log of the store. Raises `NotFound` when there is none."""
    path = beside(settings_for(store).store)
    if not path.exists():
        raise NotFound(
            "there is no audit log at {path}; a service that runs on the store makes one", path=path
        )
    file = AuditFile(path)
    try:
        yield file
    finally:
        file.close()


@contextmanager
def _reading(store: Path | None, command: str) -> Iterator[tuple[AuditFile, Entry]]:
    """The log of the store, whose entries are read: that is recorded in it. Raises `AuditFailed`."""
    with (
        _opened(store) as file,
        recording(settings_for(store)) as recorder,
        recorder.doing(command, "audit") as entry,
    ):
        yield file, entry


def _given(**options: str | None) -> dict[str, Any]:
    return {name: unicode_text(value, f"--{name}") for name, value in options.items() if value is not None}
