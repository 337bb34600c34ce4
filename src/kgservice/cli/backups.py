"""`kgservice backup`, `restore` and `verify`: copies of the store, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgservice.cli.answers import put_json, say
from kgservice.cli.backend import connected, refuse_running
from kgservice.cli.exits import Exit
from kgservice.cli.options import (
    JsonOption,
    StoreOption,
    TokenOption,
    UrlOption,
    existing_path,
    given_path,
    settings_for,
)
from kgservice.phrases import noun

BackupArgument = Annotated[
    Path,
    typer.Argument(parser=existing_path, metavar="DIRECTORY", help="A backup, or the directory of backups."),
]
IntoOption = Annotated[
    Path | None,
    typer.Option(
        "--into",
        "--store",
        parser=given_path,
        metavar="PATH",
        envvar="KGSERVICE_STORE",
        help="Directory of the store that is made. [default: data/store]",
        show_default=False,
        show_envvar=True,
    ),
]


def backup(
    directory: Annotated[
        Path | None,
        typer.Argument(parser=given_path, help="Directory of backups. [default: <store>.backups]"),
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Make a backup while the service goes on, in a directory of its own below DIRECTORY.

    Files that the backup before has are shared with it. A service that runs on the store makes the backup
    itself, in the directory of its setting KGSERVICE_BACKUPS.

    Example: kgservice backup /mnt/backups
    """
    with connected(settings_for(store, token), url) as backend:
        made = backend.backup(directory)
    if as_json:
        put_json(made)
        return
    size, shared = (f"{made[name] / 2**20:.1f} MiB" for name in ("bytes", "shared"))
    print(f"Backup of commit {made['commit']}: {made['folder']} ({size}, of these {shared} as before)")


def restore(
    directory: BackupArgument,
    into: IntoOption = None,
    erased: Annotated[
        Path | None,
        typer.Option(
            parser=existing_path, metavar="FILE", help="A list of the erased that was kept elsewhere."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the store from a backup, the newest one in DIRECTORY, where there is no store.

    All of it is read and compared with its checksums first. Who was erased since the backup is erased again:
    the list beside the store (<store>.erased.jsonl) says who. The audit log and the keys beside it stay.

    Example: kgservice restore /mnt/backups --into data/store
    """
    # The store and the engines behind it cost time to import.
    from kgservice.application.care.backups import chosen  # noqa: PLC0415
    from kgservice.application.care.restoring import restore as restored  # noqa: PLC0415
    from kgservice.application.graph.erased import list_of  # noqa: PLC0415
    from kgservice.cli.local import forgotten, opened  # noqa: PLC0415
    from kgservice.cli.recording import recording  # noqa: PLC0415

    settings = settings_for(into)
    refuse_running(settings)  # it goes on with the files that it has open, wherever they were moved
    found = chosen(directory)
    listed = erased is not None or list_of(settings.store).exists()
    manifest, stays = restored(found, settings, erased)
    for name in stays:
        say(f"{name} was there and stays as it is.")
    with (
        recording(settings) as recorder,
        recorder.doing("restore", "backups", reads=False),
        opened(settings) as kg,
    ):
        head = kg.head
    forgotten(settings)
    if not listed:
        say(
            f"There was no {list_of(settings.store).name} beside the store, and no list was named "
            "(--erased): whoever was erased since the backup is back."
        )
    if as_json:
        put_json(
            {"folder": str(found), "store": str(settings.store), "backup": manifest.commit, "commit": head}
        )
        return
    print(f"Restored: {settings.store} from {found}, of commit {manifest.commit}")


def verify(directory: BackupArgument, as_json: JsonOption = False) -> None:
    """Read a backup, the newest one in DIRECTORY, and compare it with its checksums.

    Example: kgservice verify /mnt/backups
    """
    from kgservice.application.care.backups import chosen, faults_of, manifest_of  # noqa: PLC0415

    found = chosen(directory)
    faults, manifest = faults_of(found), manifest_of(found)
    files = len(manifest.files)
    if as_json:
        put_json({"folder": str(found), "commit": manifest.commit, "files": files, "faults": faults})
    else:
        for fault in faults:
            print(fault)
        if not faults:
            print(f"{found} is whole: commit {manifest.commit}, {files} {noun(files, 'file|files')}")
    if faults:
        raise typer.Exit(Exit.FINDINGS)
