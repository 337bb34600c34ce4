"""Fair turns, two rooms and deadlines, with a clock that the tests move."""

from __future__ import annotations

import threading

import pytest

from kgservice.engine.jobs import FairQueue, Job, Why
from kgservice.engine.rooms import Room, Rooms
from kgservice.errors import Busy
from kgservice.store.base import Dataset
from tests.engine.conftest import until


class Recorded:
    """A process that notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def kill(self) -> None:
        self.done.append("kill")

    def pause(self) -> None:
        self.done.append("pause")

    def resume(self) -> None:
        self.done.append("resume")

    def demote(self) -> None:
        self.done.append("demote")


class Moving:
    """Rooms whose time the test moves."""

    def __init__(self, room: Room) -> None:
        self.now = 0.0
        self.rooms = Rooms(room, lambda: self.now)

    def running(self, who: str = "a", seconds: float = 10.0) -> tuple[Job, Recorded]:
        """A query that has got in and runs."""
        job, process = self.rooms.job(who, Dataset(), seconds), Recorded()
        self.rooms.enter(job)
        assert job.runs_in(process)
        return job, process

    def after(self, seconds: float) -> None:
        """Let time pass, and the rooms look."""
        self.now += seconds
        self.rooms.look()


def waiting(rooms: Rooms, job: Job, entered: list[Job]) -> threading.Thread:
    def enter() -> None:
        rooms.enter(job)
        entered.append(job)

    thread = threading.Thread(target=enter)
    thread.start()
    return thread


def test_each_principal_has_its_turn() -> None:
    lock = threading.Condition()
    jobs = [Job(who, Dataset(), 1.0, lock) for who in "aaabbc"]
    queue = FairQueue()
    for job in jobs:
        queue.push(job)
    order = []
    while (first := queue.first()) is not None:
        order.append(first.who)
        queue.remove(first)
    assert order == ["a", "b", "c", "a", "b", "a"]
    assert len(queue) == 0


def test_a_query_that_takes_long_goes_to_the_other_room_and_makes_place() -> None:
    moving = Moving(Room(light=1, heavy=1, moment=0.1))
    long, process = moving.running()
    entered: list[Job] = []
    short = moving.rooms.job("b", Dataset(), 10)
    thread = waiting(moving.rooms, short, entered)
    moving.after(0.05)
    assert (entered, process.done) == ([], [])
    moving.after(0.1)
    thread.join(10)
    assert (entered, process.done) == ([short], ["demote"])
    moving.rooms.leave(long)
    moving.rooms.leave(short)
    assert moving.running()[1].done == []


def test_more_long_ones_than_there_is_room_for_wait_and_go_on() -> None:
    moving = Moving(Room(light=3, heavy=1, paused=1, moment=0.1))
    first, one = moving.running()
    moving.after(0.2)
    second, two = moving.running()
    moving.after(0.2)
    third, three = moving.running()
    moving.after(0.2)
    assert (one.done, two.done, three.done) == (["demote"], ["pause", "demote"], ["kill"])
    assert third.why is Why.FULL
    moving.rooms.leave(first)
    assert two.done == ["pause", "demote", "resume"]
    assert second.why is None


def test_a_process_that_has_answered_when_it_is_paused_goes_on() -> None:
    moving = Moving(Room(light=2, heavy=1, paused=1, moment=0.1))
    moving.running()
    moving.after(0.2)
    second, two = moving.running()
    moving.after(0.2)
    assert two.done == ["pause", "demote"]
    moving.rooms.leave(second)
    assert two.done == ["pause", "demote", "resume"]


def test_deadlines_count_wherever_a_query_is() -> None:
    moving = Moving(Room(light=1, heavy=1, paused=1, moment=0.1))
    heavy, one = moving.running(seconds=5)
    moving.after(0.2)
    paused, two = moving.running(seconds=5)
    moving.after(0.2)
    light, three = moving.running(seconds=0.05)
    moving.after(0.06)
    assert (light.why, three.done) == (Why.DEADLINE, ["kill"])
    moving.after(5)
    assert (heavy.why, one.done[-1]) == (Why.DEADLINE, "kill")
    assert (paused.why, two.done[-1]) == (Why.FULL, "kill")


def test_whoever_waits_too_long_or_comes_when_all_wait_is_told() -> None:
    rooms = Rooms(Room(light=1, heavy=1, queue=1))
    rooms.enter(rooms.job("a", Dataset(), 10))
    entered: list[Job] = []
    job = rooms.job("b", Dataset(), 0.5)
    thread = waiting(rooms, job, entered)
    until(lambda: len(rooms._queue) == 1)
    with pytest.raises(Busy):
        rooms.enter(rooms.job("c", Dataset(), 10))
    thread.join(10)
    assert job.why is Why.FULL


def test_who_leaves_while_waiting_waits_no_longer() -> None:
    moving = Moving(Room(light=1, heavy=1))
    moving.running()
    entered: list[Job] = []
    job = moving.rooms.job("b", Dataset(), 100)
    thread = waiting(moving.rooms, job, entered)
    until(lambda: len(moving.rooms._queue) == 1)
    job.stop(Why.LEFT)
    thread.join(10)
    assert (entered, job.why) == ([job], Why.LEFT)
    assert not job.runs_in(Recorded())


def test_closing_stops_those_that_run_and_those_that_wait() -> None:
    moving = Moving(Room(light=1, heavy=1))
    running, process = moving.running()
    entered: list[Job] = []
    job = moving.rooms.job("b", Dataset(), 100)
    thread = waiting(moving.rooms, job, entered)
    until(lambda: len(moving.rooms._queue) == 1)
    moving.rooms.close()
    thread.join(10)
    assert (running.why, process.done, job.why) == (Why.STOPPING, ["kill"], Why.STOPPING)


def long_ones(moving: Moving, who: str, number: int) -> list[tuple[Job, Recorded]]:
    """So many queries of a principal that take long, one after the other."""
    found = []
    for _ in range(number):
        found.append(moving.running(who))
        moving.after(0.11)
    return found


def test_who_has_filled_the_room_for_long_ones_gives_places_to_others() -> None:
    moving = Moving(Room(light=4, heavy=4, paused=8))
    hogs = long_ones(moving, "hog", 12)
    ((other, process),) = long_ones(moving, "other", 1)
    assert (other.why, process.done) == (None, ["demote"])
    stopped = [job for job, _ in hogs if job.why is not None]
    assert (stopped, stopped[0].why) == ([hogs[-1][0]], Why.FULL)  # the last one, which had not run
    assert [done.done for _, done in hogs[:4]] == [["demote"]] * 3 + [["demote", "pause"]]
    long_ones(moving, "third", 1)
    long_ones(moving, "other", 2)
    assert sum(job.who == "hog" for job in moving.rooms._heavy) == 2
    assert not any(job.why for job in moving.rooms._paused)
    assert len(moving.rooms._paused) == 8
    ((mine, _),) = long_ones(moving, "hog", 1)
    assert mine.why is Why.FULL


def test_who_waits_goes_on_in_the_order_of_who_has_least() -> None:
    moving = Moving(Room(light=4, heavy=2, paused=8))
    (first, _), (second, _), (third, _), *_ = long_ones(moving, "a", 4)
    ((other, _),) = long_ones(moving, "b", 1)
    ((last, _),) = long_ones(moving, "c", 1)
    assert moving.rooms._heavy == {first, other}
    moving.rooms.leave(other)
    assert moving.rooms._heavy == {first, last}
    moving.rooms.leave(first)
    assert moving.rooms._heavy == {last, third}  # `second` was moved behind it
    assert second in moving.rooms._paused


def test_who_only_waits_for_its_client_needs_no_place() -> None:
    moving = Moving(Room(light=2, heavy=1, paused=1))
    (slow, one), (paused, two) = long_ones(moving, "a", 2)
    assert two.done == ["pause", "demote"]
    slow.sends = moving.now
    moving.after(0.05)
    assert two.done == ["pause", "demote"]
    moving.after(0.11)
    assert two.done == ["pause", "demote", "resume"]
    assert (slow.why, one.done) == (None, ["demote"])
    slow.sends = 0.0
    moving.after(0.01)
    assert one.done == ["demote", "pause", "demote"]
    moving.rooms.leave(paused)
    assert one.done == ["demote", "pause", "demote", "resume"]
    slow.sends = moving.now
    moving.after(10)
    assert (slow.why, one.done[-1]) == (Why.DEADLINE, "kill")


def test_a_short_one_that_waits_for_its_client_makes_place_too() -> None:
    moving = Moving(Room(light=1, heavy=1, paused=1))
    slow, _ = moving.running()
    moving.after(0.01)
    slow.sends = moving.now
    entered: list[Job] = []
    thread = waiting(moving.rooms, moving.rooms.job("b", Dataset(), 10), entered)
    until(lambda: len(moving.rooms._queue) == 1)
    moving.after(0.11)
    thread.join(10)
    assert len(entered) == 1
    assert moving.rooms._heavy == set()


def test_who_was_stopped_keeps_no_place_and_is_told() -> None:
    moving, told = Moving(Room(light=2, heavy=1, paused=1)), list[str]()
    (first, _), (_, two) = long_ones(moving, "a", 2)
    first.tells(lambda: told.append("told"))
    first.stop(Why.CHANGED)
    moving.after(0.01)
    assert (told, two.done) == (["told"], ["pause", "demote", "resume"])


def test_of_too_many_who_wait_for_their_clients_the_slowest_is_stopped() -> None:
    moving = Moving(Room(light=8, heavy=1, paused=1, sending=2))
    jobs = [moving.running(who)[0] for who in ("a", "b", "b")]
    for job in jobs:
        job.sends = moving.now + 0.01 * jobs.index(job) + 0.001
    moving.after(0.5)
    assert [job.why for job in jobs] == [None, Why.SLOW, None]
