"""Backups: copies of the store and of what stands beside it, made while the service goes on."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgservice import __version__
from kgservice.application.changes.record_texts import Progress, counted, silent
from kgservice.application.changes.standing import SCHEMA
from kgservice.application.graph.erased import list_of
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.decisions import stamp
from kgservice.domain.backup import File, Manifest, differences
from kgservice.errors import BadInput, Conflict, NotFound
from kgservice.store.audit_file import beside
from kgservice.store.checksums import Checksums
from kgservice.store.folders import copy, copy_database, file_at, paths_in, written
from kgservice.store.keys import keys_of
from kgservice.store.secret import secret_of

MANIFEST = "manifest.json"
STORE, ERASED, AUDIT, KEYS = "store", "erased.jsonl", "audit.sqlite", "keys.sqlite"
OF_HASHES = "secret"  # without it the hashes in the list of the erased say nothing


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in a directory, and how many bytes of it are files that the one before has, too."""

    folder: Path
    manifest: Manifest
    shared: int = 0

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, without the list of files."""
        kept = self.manifest
        return {
            "folder": str(self.folder),
            "commit": kept.commit,
            "time": stamp(kept.time),
            "version": kept.version,
            "schema": kept.schema,
            "base": kept.base,
            "files": len(kept.files),
            "bytes": kept.size,
            "shared": self.shared,
        }


class Backups:
    """The backups of an open graph below one directory, each in one with the time as its name."""

    def __init__(self, kg: KnowledgeGraph, folder: Path) -> None:
        self._kg = kg
        self.folder = folder.absolute()
        self._making = threading.Lock()

    def all(self) -> list[Backup]:
        """Those that are whole, the oldest first."""
        return [Backup(folder, manifest_of(folder)) for folder in backups_in(self.folder)]

    def make(self, told: Progress = silent) -> Backup:
        """Make one; commits wait only for a moment, or where a server is the store until it is copied.

        It holds the store, the list of the erased, the audit log and the hashes of the keys. Files of the
        store never change once they are written: those that the backup before has are shared with it by hard
        links. It has its name only when it is whole and on the disk. `told` hears how many of its files are
        there, and may raise to end it. Raises `Conflict` while another one is made, `StoreFailed`.
        """
        if not self._making.acquire(blocking=False):
            raise Conflict("A backup is being made")
        try:
            return self._made(told)
        finally:
            self._making.release()

    def _made(self, told: Progress) -> Backup:
        kg, store = self._kg, self._kg.settings.store
        now = kg.clock()
        target = self.folder / now.strftime("%Y%m%dT%H%M%SZ")
        if target.exists():
            raise Conflict(
                "There is a backup {target} already; another one can be made in a second", target=target
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.folder.glob(".*.unfinished"):  # of one that broke off
            shutil.rmtree(left, ignore_errors=True)
        before = {
            file: folder / file.path for folder in backups_in(self.folder)[-1:] for file in _files(folder)
        }
        with written(target) as folder, ExitStack() as held:
            # All of a server is fetched while commits go on; if one came, they wait for another copy.
            before_it = kg.head
            made = None if kg.store.copied_at_once else held.enter_context(kg.store.checkpoint())
            with kg.writing:
                commit = kg.head
                if made is None or commit != before_it:
                    made = held.enter_context(kg.store.checkpoint())
                if list_of(store).exists():
                    copy(list_of(store), folder / ERASED)
                if secret_of(store).exists():
                    copy(secret_of(store), folder / OF_HASHES)
            (folder / STORE).mkdir(mode=0o700)
            files, shared, sums = [], 0, Checksums(store)
            for path in counted(sorted(made.iterdir()), "Copying files", told, every=1):
                file = file_at(path, f"{STORE}/{path.name}")
                sums.compare([replace(file, path=path.name)])
                old = before.get(file)
                # What is damaged there must not become part of this one.
                if old is not None and old.exists() and file_at(old, file.path) == file:
                    os.link(old, folder / file.path)
                    shared += file.size
                else:
                    copy(path, folder / file.path)
                files.append(file)
            for source, name in ((beside(store), AUDIT), (keys_of(store), KEYS)):
                if source.exists():
                    copy_database(source, folder / name)
            files += [file_at(path, path.name) for path in sorted(folder.iterdir()) if path.is_file()]
            manifest = Manifest(__version__, SCHEMA, kg.addresses.base, commit, now, tuple(files))
            (folder / MANIFEST).write_text(manifest.written(), encoding="utf-8")
            (folder / MANIFEST).chmod(0o600)
        return Backup(target, manifest, shared)


def backups_in(folder: Path) -> list[Path]:
    """The whole backups in a directory, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"[!.]*/{MANIFEST}"))


def chosen(folder: Path) -> Path:
    """The backup that a directory is, else the newest one in it. Raises `NotFound` when there is none."""
    if (folder / MANIFEST).exists():
        return folder
    if found := backups_in(folder):
        return found[-1]
    raise NotFound("there is no whole backup in {folder}", folder=folder)


def manifest_of(folder: Path) -> Manifest:
    """The manifest of a backup. Raises `BadInput` for one that is damaged."""
    path = folder / MANIFEST
    try:
        return Manifest.read(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the manifest cannot be read: {error}", error=error, source=str(path)) from error


def faults_of(folder: Path, told: Progress = silent) -> list[str]:
    """What is wrong with a backup, one sentence each; all of it is read. Raises `BadInput`."""
    manifest, paths = manifest_of(folder), paths_in(folder)
    found = (
        file_at(path, path.relative_to(folder).as_posix())
        for path in counted(paths, "Reading files", told, every=1)
        if path != folder / MANIFEST
    )
    return differences(manifest, found)


def _files(folder: Path) -> tuple[File, ...]:
    try:
        return manifest_of(folder).files
    except BadInput:  # then nothing is shared with it
        return ()
