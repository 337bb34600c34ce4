"""What the tests of sources share: folders of sources, and what their database holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kgservice import resources
from kgservice.crm.canonical_tables import opened
from kgservice.crm.settings import Source, read_source

# A mapping that takes a number, a name, an e-mail address and a date.
PERSONS = """
SELECT line, number AS key, moment_of(changed) AS updated, name AS full_name, values_of([mail]) AS email,
  faults([unread('Changed', changed, moment_of(changed))]) AS faults
FROM raw
"""
COLUMNS = """
[tables.people.columns]
number = ["Number"]
name = ["Name"]
mail = ["E-Mail"]
changed = ["Changed"]
"""


def example(name: str, to: Path) -> Path:
    """A copy of a folder of examples/crm."""
    return Path(shutil.copytree(resources.folder("examples") / "crm" / name, to / name))


def people(
    folder: Path, place: str, *, kind: str = "csv", connection: str = "", more: str = "", sql: str = PERSONS
) -> Source:
    """A source called `people` with one table of persons; `place` says where that is, in TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.sql").write_text(sql, encoding="utf-8")
    (folder / "source.toml").write_text(
        f'name = "people"\nkind = "{kind}"\n{more}\n[connection]\n{connection}\n[tables.people]\n{place}\n'
        f'key = "number"\nrequired = ["name"]\ninto = {{ persons = "people.sql" }}\n{COLUMNS}',
        encoding="utf-8",
    )
    return read_source(folder)


def rows(folder: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What the database of a folder answers."""
    with opened(folder, read_only=True) as db:
        return db.execute(sql, list(values)).fetchall()
