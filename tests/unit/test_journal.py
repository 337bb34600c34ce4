"""The journal of a validation: what was written whole counts, of the same job and by our own hand."""

from __future__ import annotations

import os
import pickle
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode

from kgservice.application.guard.journal import Journal
from kgservice.domain.finding import Finding, Rule
from kgservice.errors import BadInput

BEGAN, LATER = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 20, 15, tzinfo=UTC)
RULE = Rule("R05", "urn:shape", "Warning", {"de": "Name", "en": "name"})
PARTS = [
    [],
    [
        Finding(RULE, NamedNode("urn:a"), "ci:unit", Literal("1", language="de"), {"en": "x"}, {}, "urn:c"),
        Finding(
            *(RULE, BlankNode("b"), "", None, {}, {}, "urn:c"),
            ((rdflib.BNode("r"), rdflib.SH.value, rdflib.Literal("01", datatype=rdflib.XSD.integer)),),
        ),
    ],
]


@pytest.fixture
def interrupted(tmp_path: Path) -> Path:
    """The file of a validation that found `PARTS` and was interrupted."""
    path = tmp_path / "store.validation"
    with pytest.raises(KeyboardInterrupt), Journal(path) as journal:
        assert journal.begin("job", BEGAN) == BEGAN
        for part in PARTS:
            journal.add(part)
        raise KeyboardInterrupt
    return path


def test_it_goes_on_with_what_was_found(interrupted: Path) -> None:
    said: list[str] = []
    with Journal(interrupted, resume=True, say=said.append) as journal:
        assert journal.begin("job", LATER) == BEGAN
        assert journal.parts == PARTS
        assert journal.parts[1][1].result[0][2].n3() == PARTS[1][1].result[0][2].n3()
    assert said == ["Going on with the validation that began at 2026-11-20T12:00:00+00:00."]
    assert not interrupted.exists()


def test_only_the_owner_can_read_it(interrupted: Path) -> None:
    assert interrupted.stat().st_mode & 0o777 == 0o600


def _cut(data: bytes) -> bytes:
    return data[:-5]


def _spoil(data: bytes) -> bytes:
    return data[:-5] + bytes(5)


@pytest.mark.parametrize("spoil", [_cut, _spoil])
def test_a_part_that_is_not_whole_is_found_again(interrupted: Path, spoil: Callable[[bytes], bytes]) -> None:
    interrupted.write_bytes(spoil(interrupted.read_bytes()))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), Journal(interrupted, resume=True) as journal:
            journal.begin("job", LATER)
            if len(journal.parts) == 1:
                journal.add(PARTS[1])
            assert journal.parts == PARTS
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("job", "resume", "words"),
    [
        ("other job", True, ["The records, the model or the shapes have changed since. Starting anew."]),
        ("job", False, []),
    ],
)
def test_it_starts_anew(interrupted: Path, job: str, resume: bool, words: list[str]) -> None:
    said: list[str] = []
    with Journal(interrupted, resume=resume, say=said.append) as journal:
        assert journal.begin(job, LATER) == LATER
        assert journal.parts == []
    assert said == words


def test_where_nothing_was_interrupted_it_starts(tmp_path: Path) -> None:
    said: list[str] = []
    with Journal(tmp_path / "none", resume=True, say=said.append) as journal:
        assert journal.begin("job", LATER) == LATER
    assert said == ["No validation was interrupted. Starting one."]


class Forged:
    """Makes a folder when it is unpacked."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("forged",)


def test_a_forged_file_calls_nothing(
    interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    block = pickle.dumps([Forged()])
    with interrupted.open("ab") as file:
        file.write(len(block).to_bytes(4) + zlib.crc32(block).to_bytes(4) + block)
    with pytest.raises(BadInput, match="no validation has written"):
        Journal(interrupted, resume=True).begin("job", LATER)
    assert not (tmp_path / "forged").exists()
