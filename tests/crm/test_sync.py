"""Synchronising sources that are files: what is taken, refused, changed and gone, and what breaks."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgservice.crm.canonical import CANONICAL, DATABASE
from kgservice.crm.canonical_tables import Difference, opened
from kgservice.crm.cleaned import Reject
from kgservice.crm.forgetting import CanonicalTables
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import TableCounts, look, sync
from kgservice.domain.matching import RecordId
from kgservice.errors import BadInput, BadTable, Conflict, StoreFailed
from tests.crm.folders import PERSONS, example, people, rows

HEAD = "Number,Name,E-Mail,Changed\n"
ANNA, BEN = "1,Anna,anna@example.org,2026-01-02\n", "2,Ben,,2026-01-03 10:00\n"


def csv(folder: Path, text: str, **options: str) -> Source:
    """A source of one CSV file with this text."""
    source = people(folder / "source", 'file = "people.csv"', connection='delimiter = ","', **options)
    (folder / "source" / "people.csv").write_text(text, encoding="utf-8")
    return source


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / DATABASE).read_bytes()).hexdigest()


def test_an_export_of_a_workshop(tmp_path: Path) -> None:
    """cp1252, semicolons, German dates and amounts, an Excel serial, a ragged row, a repeated one."""
    summary = sync(read_source(example("werkstatt", tmp_path)), tmp_path / "crm")
    assert summary.tables == {"kunden": TableCounts(7, 3, 1, 3), "auftraege": TableCounts(3, 2, 0, 1)}
    assert summary.rejects == [
        Reject("auftraege", 4, "A-3", "Betrag cannot be read: vier", "deals"),
        Reject("kunden", 4, "0003", "Geburtsdatum cannot be read: 31.02.1960", "persons"),
        Reject("kunden", 5, "0004", "Nachname is empty", "persons"),
        Reject("kunden", 8, None, "5 columns instead of 14", "persons"),
    ]
    assert rows(
        tmp_path / "crm",
        "SELECT key, family_name, birth_date, street, country, email, phone, updated, opted_out FROM persons ORDER BY key",
    ) == [
        ("0001", "Müller", date(1971, 2, 3), "Königstraße 5", "DE", ["j.mueller@example.org"], ["0351 / 123 45 67"],
         datetime(2026, 3, 12, 13, 5), False),
        ("0002", "Weiß", None, "Große Gasse 12", "DE", ["zoe@example.com"], ["+49 170 1234567"],
         datetime(2026, 3, 13, 8, 0), True),
        ("0005", "Österreicher", date(1981, 1, 28), "Ringstraße 2", "AT", ["ana@example.net"], [],
         datetime(2026, 3, 15), None),
    ]  # fmt: skip
    assert rows(tmp_path / "crm", "SELECT key, amount, closed FROM deals ORDER BY key") == [
        ("A-1", Decimal("1234.50"), datetime(2026, 3, 20)),
        ("A-2", Decimal("349.00"), datetime(2026, 3, 21, 15, 30)),
    ]
    # a tick box has no origin, and none is made of a row that is refused
    assert rows(tmp_path / "crm", "SELECT person_key, state, origin FROM preferences ORDER BY key") == [
        ("0001", "given", None),
        ("0002", "refused", None),
    ]
    assert [p.name for p in (tmp_path / "crm").iterdir()] == [DATABASE]


def test_the_canonical_tables_are_those_of_the_schema(tmp_path: Path) -> None:
    sync(csv(tmp_path, HEAD + ANNA), tmp_path / "crm")
    with opened(tmp_path / "crm", read_only=True) as db:
        for table, columns in CANONICAL.items():
            found = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE {table}").fetchall()}
            assert found == columns


@pytest.mark.slow
def test_new_changed_and_gone(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    assert sync(csv(tmp_path, HEAD + ANNA + BEN), folder).changes == {"persons": Difference(new=2)}
    second = sync(csv(tmp_path, HEAD + ANNA.replace("Anna", "Änne") + "3,Cem,,\n"), folder)
    assert second.changes == {"persons": Difference(new=1, changed=1, gone=1)}
    assert rows(folder, "SELECT key, full_name FROM persons ORDER BY key") == [("1", "Änne"), ("3", "Cem")]
    assert rows(folder, "SELECT run, kind, key, change FROM changes ORDER BY key") == [
        (2, "persons", "1", "changed"),
        (2, "persons", "2", "gone"),
        (2, "persons", "3", "new"),
    ]
    # a row that comes back is new again
    assert sync(csv(tmp_path, HEAD + BEN), folder).changes["persons"] == Difference(new=1, gone=2)


def test_nothing_changed_writes_nothing_and_is_quick(tmp_path: Path) -> None:
    source, folder = csv(tmp_path, HEAD + ANNA + BEN + "x,,,\n"), tmp_path / "crm"
    first = sync(source, folder)
    again = sync(source, folder)
    assert (again.run, again.read, again.rejects) == (0, False, first.rejects)
    # another file of the same rows, in another order: read, and still nothing is written but what was read
    assert sync(csv(tmp_path, HEAD + BEN + ANNA + "x,,,\n"), folder).changes == {
        "persons": Difference(unchanged=2)
    }
    assert rows(folder, "SELECT count(*) FROM changes WHERE run > 1") == [(0,)]
    assert rows(folder, "SELECT counts FROM runs WHERE run = 2") == [('{"persons": [0, 0, 0]}',)]


def test_the_database_is_the_same_file_when_nothing_changed(tmp_path: Path) -> None:
    source, folder = csv(tmp_path, HEAD + ANNA), tmp_path / "crm"
    sync(source, folder)
    before = digest(folder), (folder / DATABASE).stat().st_mtime_ns
    sync(source, folder)
    assert (digest(folder), (folder / DATABASE).stat().st_mtime_ns) == before


@pytest.mark.slow
def test_a_row_that_is_refused_now_keeps_what_was_known(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(csv(tmp_path, HEAD + ANNA + BEN), folder)
    summary = sync(csv(tmp_path, HEAD + ANNA + BEN.replace("2026-01-03", "2026-13-03")), folder)
    assert summary.rejects == [
        Reject("people", 3, "2", "Changed cannot be read: 2026-13-03 10:00", "persons")
    ]
    assert summary.changes["persons"] == Difference(unchanged=1)
    assert rows(folder, "SELECT full_name FROM persons WHERE key = '2'") == [("Ben",)]
    # mended, it is no longer among the rejects
    assert sync(csv(tmp_path, HEAD + ANNA + BEN), folder).rejects == []


def test_two_rows_of_one_key(tmp_path: Path) -> None:
    summary = sync(csv(tmp_path, HEAD + ANNA + ANNA + ANNA.replace("Anna", "Otto")), tmp_path / "crm")
    assert summary.tables["people"] == TableCounts(read=3, taken=1, repeated=1, rejected=1)
    assert summary.rejects == [
        Reject("people", 4, "1", "the key 1 stands on line 2 with other content", "persons")
    ]


@pytest.mark.slow
def test_two_sources_of_one_key_are_two_rows(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(csv(tmp_path / "a", HEAD + ANNA), folder)
    other = csv(tmp_path / "b", HEAD + ANNA.replace("Anna", "Otto"))
    text = (other.folder / "source.toml").read_text().replace('name = "people"', 'name = "others"')
    (other.folder / "source.toml").write_text(text)
    sync(read_source(other.folder), folder)
    assert rows(folder, "SELECT source, full_name FROM persons ORDER BY source") == [
        ("others", "Otto"),
        ("people", "Anna"),
    ]
    assert sync(csv(tmp_path / "a", HEAD + BEN), folder).changes["persons"] == Difference(new=1, gone=1)
    assert rows(folder, "SELECT source, full_name FROM persons ORDER BY source")[0] == ("others", "Otto")


@pytest.mark.slow
def test_an_export_that_is_empty_takes_nothing_away(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(csv(tmp_path, HEAD + ANNA), folder)
    with pytest.raises(Conflict, match="1 persons would be gone"):
        sync(csv(tmp_path, HEAD), folder)
    assert rows(folder, "SELECT count(*) FROM persons") == [(1,)]
    assert sync(csv(tmp_path, HEAD), folder, allow_empty=True).changes["persons"] == Difference(gone=1)


def test_a_missing_or_renamed_column_is_named_with_what_stands_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"people\.csv: columns are missing: Name; not known are: Nachname"):
        sync(csv(tmp_path, "Number,Nachname,E-Mail\n1,Anna,a@b.c\n"), tmp_path / "crm")
    with pytest.raises(BadInput, match="'E-Mail' and 'e_mail' mean the same"):
        sync(csv(tmp_path, "Number,Name,E-Mail,e_mail\n1,Anna,a,b\n"), tmp_path / "crm")
    # one that need not be there may be missing
    assert sync(csv(tmp_path, "NUMBER,name\n1,Anna\n"), tmp_path / "crm").tables["people"].taken == 1


def test_nobody_is_born_after_today(tmp_path: Path) -> None:
    """Of a year of two digits the century before is meant where this one has not got so far."""
    sql = PERSONS.replace("name AS full_name", "name AS full_name, born_on(mail) AS birth_date").replace(
        "values_of([mail]) AS email", "CAST([] AS VARCHAR[]) AS email"
    ).replace("faults([", "faults([unread('E-Mail', mail, born_on(mail)), ")  # fmt: skip
    days = ["14.02.68", "14.02.25", "16.05.26", "29.02.00", "2068-02-14", "16.05.2026", "15.05.2026"]
    text = HEAD + "".join(f"{n},Anna,{day},\n" for n, day in enumerate(days, start=1))
    done = sync(
        csv(tmp_path, text, sql=sql), tmp_path / "crm", clock=lambda: datetime(2026, 5, 15, tzinfo=UTC)
    )
    assert rows(tmp_path / "crm", "SELECT CAST(birth_date AS VARCHAR) FROM persons ORDER BY key") == [
        ("1968-02-14",),
        ("2025-02-14",),
        ("1926-05-16",),
        ("2000-02-29",),
        ("2026-05-15",),
    ]
    assert [(one.key, one.reason) for one in done.rejects] == [
        ("5", "E-Mail cannot be read: 2068-02-14"),
        ("6", "E-Mail cannot be read: 16.05.2026"),
    ]


def test_a_date_of_birth_of_a_ready_mapping(tmp_path: Path) -> None:
    source = read_source(example("werkstatt", tmp_path))
    file = source.folder / "kunden.csv"
    file.write_bytes(file.read_bytes().replace(b"03.02.1971", b"03.02.71"))
    sync(source, tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT birth_date FROM persons WHERE key = '0001'") == [
        (date(1971, 2, 3),)
    ]


def test_a_wrong_encoding_refuses_its_rows_or_the_file(tmp_path: Path) -> None:
    source = csv(tmp_path, HEAD)
    file = source.folder / "people.csv"
    file.write_bytes((HEAD + ANNA + "2,Jürgen,,\n").encode("cp1252"))
    summary = sync(source, tmp_path / "crm")
    assert summary.tables["people"] == TableCounts(2, 1, 0, 1)
    assert summary.rejects == [Reject("people", 3, None, "byte 0xFC is not utf-8", "persons")]
    file.write_bytes((HEAD + ANNA).encode("utf-16-le"))
    with pytest.raises(BadTable, match="UTF-16"):
        sync(source, tmp_path / "crm")
    file.write_bytes(b"\xef\xbb\xbf" + (HEAD + "2,Jürgen,,\n").encode())  # with a byte order mark
    sync(source, tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT full_name FROM persons") == [("Jürgen",)]


def test_long_cells_and_formulas_are_texts(tmp_path: Path) -> None:
    long, formula = "x" * 10_000, "=HYPERLINK(1)"
    text = HEAD + f'1,{long},,\n2,{formula},,\n"=""003""",@SUM(A1),,\n'
    sync(csv(tmp_path, text), tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT key, full_name FROM persons ORDER BY key") == [
        ("003", "@SUM(A1)"),
        ("1", long),
        ("2", formula),
    ]


def test_a_file_that_is_not_there_or_broken_changes_nothing(tmp_path: Path) -> None:
    source, folder = csv(tmp_path, HEAD + ANNA), tmp_path / "crm"
    sync(source, folder)
    before = digest(folder)
    (source.folder / "people.csv").unlink()
    with pytest.raises(BadInput, match=r"people\.csv: is not there"):
        sync(source, folder)
    (source.folder / "people.csv").write_bytes(b"")
    with pytest.raises(BadTable, match="is empty"):
        sync(source, folder)
    assert digest(folder) == before
    assert [p.name for p in folder.iterdir()] == [DATABASE]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "fails"),
        ("SELECT * FROM 'https://example.org/x.csv'", "fails"),
        ("COPY raw TO '/tmp/stolen.csv'", "is not one SELECT"),
        ("SELECT 1; DROP TABLE people", "is not one SELECT"),
        ("SET enable_external_access = true", "is not one SELECT"),
        ("SELECT line, number AS key, FROM nothing", "fails"),
        (PERSONS + " LIMIT 1", "loses 1 row"),
        (PERSONS + " UNION ALL " + PERSONS, "repeats 2 rows"),
        (PERSONS.replace("SELECT line,", "SELECT line + 100 AS line,"), "makes up 2 rows"),
        (PERSONS.replace("name AS full_name", "name AS nickname"), "makes a column nickname that persons has not"),
        (PERSONS.replace("moment_of(changed) AS updated", "changed AS updated"), "updated as VARCHAR instead of TIMESTAMP"),
        ("SELECT line, number AS key FROM raw", "has no column faults"),
        (PERSONS.replace("name AS full_name", "CAST(name AS INTEGER) AS full_name"), "fails"),
    ],
)  # fmt: skip
def test_what_the_sql_of_a_mapping_may_not_do(tmp_path: Path, sql: str, words: str) -> None:
    with pytest.raises(BadTable, match=words):
        sync(csv(tmp_path, HEAD + ANNA + BEN, sql=sql), tmp_path / "crm")
    assert rows(tmp_path / "crm", "SELECT count(*) FROM persons") == [(0,)]


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_nothing_half_done(tmp_path: Path) -> None:
    """Killed while it extracts: the next run cleans up and does it all."""
    source, folder = csv(tmp_path, HEAD + ANNA), tmp_path / "crm"
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from kgservice.crm.settings import read_source; from kgservice.crm.sync import sync\n"
        "sync(read_source(Path(sys.argv[1])), Path(sys.argv[2]), lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, source.folder, folder], env=dict(os.environ), timeout=60, check=False
    )
    assert done.returncode == -9
    assert any(p.name.startswith(".work-") for p in folder.iterdir())
    assert sync(source, folder).changes["persons"] == Difference(new=1)
    assert [p.name for p in folder.iterdir() if p.name != DATABASE] == []


def test_two_runs_at_the_same_time(tmp_path: Path) -> None:
    """DuckDB lets one process write: the other is told, and changes nothing."""
    source, folder = csv(tmp_path, HEAD + ANNA), tmp_path / "crm"
    sync(source, folder)
    code = "import sys; from pathlib import Path; from kgservice.crm.canonical_tables import opened\nwith opened(Path(sys.argv[1])):\n    print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Conflict, match="somebody else"):
            sync(source, folder)
        other.stdin.close()


@pytest.mark.slow
def test_what_is_forgotten_is_nowhere_in_the_database(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(read_source(example("werkstatt", tmp_path)), folder)
    tables = CanonicalTables(folder / DATABASE)
    assert tables.forget([RecordId("werkstatt", "0002")]) == 3  # person, order, preference
    for table in (*CANONICAL, "changes"):
        assert rows(folder, f"SELECT count(*) FROM {table} WHERE key = '0002'") == [(0,)]
    assert rows(folder, "SELECT 1 FROM persons WHERE list_contains(email, 'zoe@example.com')") == []
    assert tables.forget([RecordId("werkstatt", "0003")]) == 1  # its refused row
    assert rows(folder, "SELECT count(*) FROM rejects WHERE key = '0003'") == [(0,)]


def test_rows_that_went_before_the_file_could_be_written_anew_leave_it_the_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(read_source(example("werkstatt", tmp_path)), folder)
    path = folder / DATABASE
    erased, other = RecordId("werkstatt", "0002"), RecordId("other", "1")
    tables = CanonicalTables(path)
    blocked = path.with_name(f"{path.name}.fresh")
    blocked.mkdir()
    with pytest.raises(StoreFailed, match="the rows of the CRM cannot be deleted"):
        tables.forget([erased])
    assert rows(folder, "SELECT key FROM persons WHERE key = '0002'") == []
    assert b"zoe@example.com" in path.read_bytes()
    for asked in ([erased], [other], []):  # whoever is erased next: the file is written anew first
        with pytest.raises(StoreFailed):
            tables.forget(asked)
    blocked.rmdir()
    blocked.write_bytes(b"of a copy that was broken off")
    assert tables.forget([erased]) == 0
    assert b"zoe@example.com" not in path.read_bytes()
    assert b"ana@example.net" in path.read_bytes()
    assert [file.name for file in folder.iterdir()] == [DATABASE]


@pytest.mark.slow
def test_what_is_noted_of_a_row_that_has_gone_before_leaves_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    sync(csv(tmp_path, HEAD + ANNA + BEN), folder)
    sync(csv(tmp_path, HEAD + BEN), folder)  # the change is noted, the row is no more
    path = folder / DATABASE
    assert rows(folder, "SELECT change FROM changes WHERE key = '1'") == [("gone",)]
    assert b"anna@example.org" in path.read_bytes()
    assert CanonicalTables(path).forget([RecordId("people", "1")]) == 0
    assert rows(folder, "SELECT count(*) FROM changes WHERE key = '1'") == [(0,)]
    assert b"anna@example.org" not in path.read_bytes()


def test_the_moment_of_a_run_is_that_of_the_clock(tmp_path: Path) -> None:
    moment = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    sync(csv(tmp_path, HEAD + ANNA), tmp_path / "crm", clock=lambda: moment)
    assert rows(tmp_path / "crm", "SELECT run, source, moment FROM runs") == [
        (1, "people", datetime(2026, 5, 1, 12))
    ]


def test_looking_says_what_is_recognised(tmp_path: Path) -> None:
    found = look(read_source(example("werkstatt", tmp_path)))
    assert found["kunden"].ignored == ("Notiz",)
    assert set(found["auftraege"].found) == {"nummer", "kunde", "titel", "betrag", "abgeschlossen"}


LINE = st.sampled_from(
    [ANNA, BEN, "3,Cem,,2026-99-99\n", "4,,,\n", ",Dora,,\n", "1,Eva,,\n", "5\n", '6,"Fa\n', "7,Gü,,45000\n"]
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, min_size=1, max_size=12))
def test_each_row_is_taken_repeated_or_refused(tmp_path: Path, lines: list[str]) -> None:
    summary = sync(csv(tmp_path, HEAD + "".join(lines)), tmp_path / "crm", allow_empty=True)
    if not summary.read:
        return
    counts = summary.tables["people"]
    assert counts.read == counts.taken + counts.repeated + counts.rejected
    assert counts.rejected == len({r.line for r in summary.rejects}) == len(summary.rejects)
    assert (
        summary.changes["persons"].unchanged
        + summary.changes["persons"].new
        + summary.changes["persons"].changed
        == counts.taken
    )
    physical = sum(line.count("\n") for line in lines)
    assert counts.read <= physical
    assert counts.read >= physical - lines.count('6,"Fa\n')
