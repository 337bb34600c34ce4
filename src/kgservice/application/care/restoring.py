"""Restore a backup: a store from it where there is none, beside what this machine has kept since."""

from __future__ import annotations

from pathlib import Path

from kgservice.application.care.backups import AUDIT, ERASED, KEYS, OF_HASHES, STORE, faults_of, manifest_of
from kgservice.application.changes import standing
from kgservice.application.graph.erased import Erased
from kgservice.domain.backup import Manifest
from kgservice.errors import BadInput, BadParameter, Conflict
from kgservice.settings import Settings
from kgservice.store.audit_file import beside
from kgservice.store.folders import copy, put, written
from kgservice.store.keys import keys_of
from kgservice.store.rewriting import recover
from kgservice.store.secret import secret_of


def restore(folder: Path, settings: Settings, erased: Path | None = None) -> tuple[Manifest, list[str]]:
    """Make the store of the settings from a backup, which is read through first; what was left as it is here.

    What stands beside the store is newer than the backup and stays: the audit log and the keys. In the list
    of the erased, which decides who is erased again when the store is opened, no line is lost: it holds what
    this machine, the backup and `erased` know, a list that was kept elsewhere with the secret of its hashes
    beside it. Raises `BadInput` for a backup that is damaged, `Conflict` when there is a store or it is a
    server, `BadParameter` for a backup of another base, `StoreFailed`.
    """
    if settings.remote:
        raise Conflict(
            "a backup is restored into an embedded store, and the setting remote names a server: restore "
            "without it, then bring the store there (kgservice migrate)"
        )
    manifest = manifest_of(folder)
    if faults := faults_of(folder):
        raise BadInput(f"the backup is damaged: {'; '.join(faults[:5])}", source=str(folder))
    if manifest.base != settings.base:
        raise BadParameter(f"the backup is of {manifest.base}", source="KGSERVICE_BASE")
    standing.refuse_newer(manifest.schema)
    store = settings.store
    recover(store)
    if store.exists() and (not store.is_dir() or any(store.iterdir())):
        raise Conflict(f"there is a store at {store}; move it away, or name another directory (--into)")
    stays = []
    with written(store) as made:
        own = Erased.beside(store)
        for path in (folder / ERASED, erased):
            if path is not None and path.exists():
                own.join(Erased.read(path))
        if own.persons:
            own.are_purged(0)  # what the files hold again is not known
        for name, place in ((AUDIT, beside(store)), (KEYS, keys_of(store)), (OF_HASHES, secret_of(store))):
            near = [folder / name] if erased is None or name != OF_HASHES else [_near(erased), folder / name]
            found = next((path for path in near if path.exists()), None)
            if place.exists():
                stays.append(place.name)
            elif found is not None:
                put(found, place)
        for path in sorted((folder / STORE).iterdir()):
            copy(path, made / path.name)
    return manifest, stays


def _near(erased: Path) -> Path:
    """The secret that the hashes in a list of the erased were made with: beside it."""
    return erased.with_name(f"{erased.name.removesuffix(ERASED)}{OF_HASHES}")
