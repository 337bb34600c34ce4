"""The model of the last run of the matching, kept beside the canonical tables.

It holds shares of levels, and no value of anybody.
"""

from __future__ import annotations

from pathlib import Path

from kgservice.crm.models import MatchModel, from_json
from kgservice.errors import BadInput


def keep(folder: Path, model: MatchModel) -> None:
    """Keep the model in the folder of the sources, in the place of that of the run before."""
    path = _path(folder, model.kind)
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    part.write_text(model.to_json(), encoding="utf-8")
    part.replace(path)


def kept(folder: Path, kind: str) -> MatchModel | None:
    """The model of the last run, if it was trained, and compares what this version compares."""
    try:
        model = from_json(_path(folder, kind).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, BadInput):
        return None
    return model if model.kind == kind and model.frequencies else None


def _path(folder: Path, kind: str) -> Path:
    return folder / f"model-{kind}.json"
