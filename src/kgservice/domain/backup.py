"""What a backup holds: the list of its files with their checksums, and what they are a copy of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kgservice.errors import BadInput


@dataclass(frozen=True, slots=True)
class File:
    """A file of a backup: its path in it with `/`, its bytes, and their SHA-256 in hexadecimal digits."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup: of which deployment (`base`), in which state (`commit`, `time`), by which `version`.

    `schema` is how that version writes a store.
    """

    version: str
    schema: int
    base: str
    commit: int
    time: datetime
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "version": self.version,
            "schema": self.schema,
            "base": self.base,
            "commit": self.commit,
            "time": self.time.isoformat(),
            "files": [asdict(file) for file in self.files],
        }

    def written(self) -> str:
        """The text of the file, which tells when it was changed."""
        said = self.to_json()
        return json.dumps(said | {"sha256": _digest(said)}, indent=1) + "\n"

    @classmethod
    def read(cls, text: str, source: str) -> Manifest:
        """The manifest that a file says. Raises `BadInput` for one that was changed or is none."""
        try:
            said = json.loads(text)
            digest = said.pop("sha256")
            files = tuple(File(**file) for file in said["files"])
            found = cls(**said | {"time": datetime.fromisoformat(said["time"]), "files": files})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(f"this is no manifest of a backup: {error}", source=source) from None
        if digest != _digest(said):
            raise BadInput("the manifest was changed or is damaged", source=source)
        return found


def differences(manifest: Manifest, found: Iterable[File]) -> list[str]:
    """What is wrong with the files that were found, one sentence each.

    >>> whole = Manifest("1", 1, "urn:x/", 0, datetime.min, (File("a", 1, "0"), File("b", 1, "0")))
    >>> differences(whole, [File("a", 1, "1"), File("c", 1, "0")])
    ['a is damaged: its checksum differs', 'b is missing', 'c does not belong to the backup']
    """
    there = {file.path: file for file in found}
    faults = []
    for file in manifest.files:
        if file.path not in there:
            faults.append(f"{file.path} is missing")
        elif (size := there[file.path].size) != file.size:
            faults.append(f"{file.path} is damaged: it has {size} bytes instead of {file.size}")
        elif there[file.path] != file:
            faults.append(f"{file.path} is damaged: its checksum differs")
    known = {file.path for file in manifest.files}
    return faults + [f"{path} does not belong to the backup" for path in sorted(there.keys() - known)]


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
