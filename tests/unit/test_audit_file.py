"""The file of the audit log and the thread that writes it: crashes, several processes, tampering, floods."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kgservice.application.law import audit
from kgservice.application.law.audit import AuditLog, check_tail, verified
from kgservice.domain.audit import START, Action, Draft, Head
from kgservice.domain.principal import Principal, Role
from kgservice.errors import AuditFailed
from kgservice.settings import Settings
from kgservice.store.audit_file import AuditFile, Filter, beside

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANNA = Principal("key:3f2a", frozenset({Role.RESEARCHER, Role.READER}))
READ = Draft(NOON, Action.READ, ANNA.name, "GET /sparql")
DENIED = Draft(NOON, Action.DENIED, "unknown", "GET /sparql", outcome=401)
QUERY = 'SELECT * { ?anna ?p "anna.miller@b.example" } # Anna Miller'

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from kgservice.domain.audit import Action, Draft
from kgservice.store.audit_file import AuditFile

file = AuditFile(Path(sys.argv[1]), wait=30)
for number in range(int(sys.argv[2])):
    drafts = [Draft(datetime.now(UTC), Action.READ, sys.argv[3], "GET /sparql", outcome=number)] * 3
    head = file.append(drafts)
    print(head, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.audit.sqlite"


@pytest.fixture
def file(path: Path) -> Iterator[AuditFile]:
    file = AuditFile(path, wait=0.2)
    yield file
    file.close()


@pytest.fixture
def log(file: AuditFile) -> Iterator[AuditLog]:
    log = AuditLog(file, lambda: NOON)
    yield log
    log.close()


def start(path: Path, number: int, name: str) -> subprocess.Popen[str]:
    """A process that adds three entries `number` times, and prints the head after each."""
    command = [sys.executable, "-c", WRITER, str(path), str(number), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def meddle(path: Path, *statements: str) -> None:
    """Change the file as somebody would who is allowed to write it and knows SQL."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER IF EXISTS entry_stays")
        connection.execute("DROP TRIGGER IF EXISTS entry_remains")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_entries_follow_one_another(file: AuditFile) -> None:
    assert file.ends() == (START, START)
    assert file.append([]) == START
    head = file.append([READ, DENIED])
    assert (head.number, file.ends()) == (2, (START, head))
    assert [line.to_json()["action"] for line in file.lines()] == ["read", "denied"]
    assert [line.number for line in file.newest()] == [2, 1]
    assert verified(file, head).faults == ()


def test_only_the_owner_reads_the_file(file: AuditFile, path: Path) -> None:
    file.append([READ])
    modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}
    assert modes == {f"{path.name}{end}": 0o600 for end in ("", "-wal", "-shm")}


def test_entries_are_found_by_what_they_say(file: AuditFile) -> None:
    day = timedelta(days=1)
    file.append(
        [READ, replace(READ, moment=NOON + day, principal="other"), replace(DENIED, moment=NOON + 2 * day)]
    )

    def found(**wanted: object) -> list[int]:
        return [line.number for line in file.lines(Filter(**wanted))]  # type: ignore[arg-type]

    assert found(since=NOON + day) == [2, 3]
    assert found(until=NOON + day) == [1]
    assert found(principal="other") == [2]
    assert found(action="denied") == [3]
    assert found(before=3) == [1, 2]
    assert [line.number for line in file.newest(Filter(before=3), 1)] == [2]


def test_what_was_added_cannot_be_changed_by_mistake(file: AuditFile, path: Path) -> None:
    file.append([READ])
    with sqlite3.connect(path) as connection:
        for statement in (
            "UPDATE entry SET body = ''",
            "DELETE FROM entry",
            "REPLACE INTO entry VALUES (1, '', '')",
        ):
            with pytest.raises(sqlite3.DatabaseError):
                connection.execute(statement)
    connection.close()


def test_a_killed_process_leaves_whole_entries(path: Path) -> None:
    process = start(path, 100_000, "killed")
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    noted = [Head.parse(line) for line in told if line.endswith("\n")]
    file = AuditFile(path)
    for head in (noted[0], noted[-1]):
        assert verified(file, head).faults == ()
    assert file.ends()[1].number % 3 == 0
    assert file.append([READ]).number > noted[-1].number
    file.close()


def test_processes_that_write_at_once_make_one_chain(path: Path) -> None:
    processes = [start(path, 60, f"process {n}") for n in range(3)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 3
    file = AuditFile(path)
    found = verified(file)
    assert (found.faults, found.entries) == ((), 3 * 60 * 3)
    assert {line.to_json()["principal"] for line in file.lines()} == {f"process {n}" for n in range(3)}
    file.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entry WHERE number = 3",
        "UPDATE entry SET body = replace(body, 'unknown', 'another') WHERE number = 3",
        "UPDATE entry SET body = '{' WHERE number = 3",
    ],
)
def test_a_log_that_was_tampered_with_takes_nothing_more(file: AuditFile, path: Path, statement: str) -> None:
    file.append([READ, READ, DENIED])
    meddle(path, statement)
    with pytest.raises(AuditFailed, match="entry 3 of the audit log was changed"):
        file.append([READ])
    file.newest()  # can be looked at


def test_a_log_that_was_tampered_with_is_not_opened(tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "store")
    with audit.opened(settings, lambda: NOON) as log:
        for _ in range(3):
            log.write(DENIED)
    meddle(beside(settings.store), "DELETE FROM entry WHERE number = 2")
    with pytest.raises(AuditFailed, match="entry 3: entry 2 should stand here"):
        audit.opened(settings).__enter__()


def test_a_log_that_was_replaced_takes_nothing_more(file: AuditFile, path: Path) -> None:
    file.append([READ])
    path.rename(path.with_suffix(".old"))
    with pytest.raises(AuditFailed):
        file.append([READ])
    AuditFile(path).close()
    with pytest.raises(AuditFailed, match="was replaced"):
        file.append([READ])


def test_reads_are_written_soon_and_counted(log: AuditLog, file: AuditFile) -> None:
    for _ in range(1000):
        log.record(log.draft(Action.READ, ANNA, "GET /sparql", query=QUERY))
    log.close()
    log = AuditLog(AuditFile(file.path))
    first, rest = (line.to_json() for line in log.export())
    log.close()
    assert ("count" in first, rest["count"]) == (False, 999)
    assert first["roles"] == ["reader", "researcher"]
    assert first["query"] == rest["query"] == 'SELECT * { ?1 ?2 "…" }'


@pytest.mark.parametrize(("kept", "expected"), [("none", None), ("text", QUERY)])
def test_what_is_kept_of_a_query_is_a_setting(path: Path, kept: str, expected: str | None) -> None:
    log = AuditLog(AuditFile(path), queries=kept)
    log.write(log.draft(Action.RIGHT, ANNA, "GET /sparql", query=QUERY))
    (line,) = log.entries()
    assert line.to_json().get("query") == expected
    log.close()


def test_no_value_and_no_name_gets_into_the_file(log: AuditLog, path: Path) -> None:
    log.write(log.draft(Action.RIGHT, ANNA, "GET /sparql", query=QUERY))
    log.record(log.draft(Action.READ, ANNA, "GET /sparql", query=QUERY))
    log.close()
    for found in path.parent.iterdir():
        assert b"nna" not in found.read_bytes()


def test_a_flood_of_denials_stays_small(log: AuditLog, path: Path) -> None:
    written = [log.secure(DENIED) for _ in range(20_000)]
    for one in written:
        one.result(30)
    log.close()
    file = AuditFile(path)
    assert file.ends()[1].number == 101
    assert file.newest(limit=1)[0].to_json()["count"] == 19_900
    file.close()
    assert path.stat().st_size < 100_000


def test_recording_costs_microseconds(log: AuditLog) -> None:
    log.record(log.draft(Action.READ, ANNA, "GET /sparql", query=QUERY))
    began = time.thread_time()
    for _ in range(5000):
        log.record(log.draft(Action.READ, ANNA, "GET /sparql", query=QUERY))
    assert (time.thread_time() - began) / 5000 < 50e-6


def test_while_another_writes_for_long_nothing_is_recorded_and_nothing_is_lost(
    log: AuditLog, file: AuditFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "RETRY", 0.05)
    blocking = sqlite3.connect(path, isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    with pytest.raises(AuditFailed, match="locked"):
        log.write(DENIED)
    with pytest.raises(AuditFailed):
        log.record(READ)
    with pytest.raises(AuditFailed):
        log.check()
    blocking.execute("ROLLBACK")
    blocking.close()
    _until(lambda: _works(log))
    assert [line.to_json()["action"] for line in log.entries()] == ["denied"]


def test_a_full_disk_stops_the_log_and_room_starts_it_again(
    log: AuditLog, file: AuditFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "RETRY", 0.05)
    pages = file._writer.execute("PRAGMA page_count").fetchone()[0]
    file._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(AuditFailed, match="full"):
        for _ in range(100):
            log.write(replace(DENIED, action=Action.RIGHT, ticket="t" * 500))
    number = file.ends()[1].number
    file._writer.execute("PRAGMA max_page_count = 1000000")
    _until(lambda: _works(log))
    assert file.ends()[1].number == number + 1
    assert verified(file).faults == ()


def test_entries_that_cannot_be_written_at_the_end_are_told(path: Path) -> None:
    log = AuditLog(AuditFile(path, wait=0.1))
    blocking = sqlite3.connect(path, isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    log.record(READ)
    with pytest.raises(AuditFailed, match="1 entry could not be written"):
        log.close()
    with pytest.raises(AuditFailed, match="closed"):
        log.record(READ)
    blocking.close()


def test_archived_entries_leave_an_anchor(file: AuditFile, path: Path) -> None:
    later = NOON + timedelta(days=30)
    secret = replace(READ, ticket="ticket-of-last-month")
    head = file.append([secret, DENIED, replace(READ, moment=later), replace(READ, moment=NOON)])
    wanted = audit.before(file, later)
    lines = list(file.lines(wanted))
    assert [line.number for line in lines] == [1, 2]
    anchor = audit.archive(file, lines[-1], 2, later, ANNA)
    assert file.ends()[0] == anchor == lines[-1].head
    found = verified(file, head)
    assert (found.faults, found.start, found.entries) == ((), anchor, 3)
    assert verified(file, anchor).faults == ()
    (fault,) = verified(file, lines[0].head).faults
    assert fault.reason == "it was archived; verify the file that holds it"
    assert b"ticket-of-last-month" not in path.read_bytes() + Path(f"{path}-wal").read_bytes()
    assert file.append([READ]).number == 6
    check_tail(file)
    # Somebody takes more out, and moves the anchor.
    third = next(file.lines())
    meddle(
        path, "DELETE FROM entry WHERE number = 3", f"UPDATE anchor SET number = 3, hash = '{third.digest}'"
    )
    (fault,) = verified(file).faults
    assert fault.reason == "no entry says that those before it were archived"


def test_a_writer_goes_on_after_another_process_archived(path: Path) -> None:
    one, other = AuditFile(path), AuditFile(path)
    one.append([DENIED, DENIED])
    audit.archive(other, one.newest()[0], 2, NOON, ANNA)
    assert one.append([READ]).number == 4
    assert verified(one).faults == ()
    one.close()
    other.close()


def test_what_is_not_valid_is_not_archived(file: AuditFile, path: Path) -> None:
    file.append([READ, READ, DENIED])
    meddle(path, "DELETE FROM entry WHERE number = 2")
    with pytest.raises(AuditFailed, match="nothing is archived"):
        audit.before(file, NOON + timedelta(days=1))


def test_many_threads_lose_nothing(log: AuditLog) -> None:
    def work() -> None:
        for n in range(50):
            log.write(replace(DENIED, action=Action.KEY, outcome=n))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = log.verify()
    assert (found.faults, found.entries) == ((), 400)


def _works(log: AuditLog) -> bool:
    try:
        log.check()
    except AuditFailed:
        return False
    return True


def _until(true: object) -> None:
    for _ in range(1000):
        if true():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")
