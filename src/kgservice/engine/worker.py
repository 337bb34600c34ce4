"""What a worker does: answer one query after the other, and follow the changes of its datasets."""

from __future__ import annotations

import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pyoxigraph import NamedNode

from kgservice import errors
from kgservice.engine.wire import Closed, Wire
from kgservice.engine.wire import Frame as Message
from kgservice.engine.wire import Kind as Frame
from kgservice.phrases import Phrase
from kgservice.store.base import Dataset, Kind
from kgservice.store.formats import GRAPH_FORMATS, N_QUADS, RESULT_FORMATS, Format
from kgservice.store.oxigraph import OxigraphStore

Datasets = dict[str, OxigraphStore]

DISK = ""  # the key of the store that OPEN names
CHUNK = 64 * 1024  # bytes of an answer that are sent together
LONGEST_WAIT = 0.01  # seconds that fewer may wait for more
_PAGE = os.sysconf("SC_PAGESIZE")
_FORMATS = {fmt.name: fmt for fmt in (*RESULT_FORMATS, *GRAPH_FORMATS)}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: on which dataset, the text, which of its graphs, and how much memory it may take.

    `default`, `named` and `from_clauses` are those of `Dataset`; `memory` is in bytes. `likely` is the kind
    of answer that it seems to have, and the name of the format for that: another kind has to be asked about.
    """

    key: str
    text: str
    default: list[str]
    named: list[str] | None
    from_clauses: bool
    base: str | None
    memory: int
    likely: tuple[str, str] | None

    @classmethod
    def on(
        cls,
        key: str,
        text: str,
        dataset: Dataset,
        base: str | None,
        memory: int,
        *,
        likely: tuple[str, str] | None,
    ) -> Asked:
        """A query on a dataset of the store with this key."""
        default = [graph.value for graph in dataset.default]
        named = None if dataset.named is None else [graph.value for graph in dataset.named]
        return cls(key, text, default, named, dataset.from_clauses, base, memory, likely)

    def to_json(self) -> bytes:
        """As a frame holds it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}).encode()

    @property
    def dataset(self) -> Dataset:
        """The graphs."""
        named = None if self.named is None else tuple(map(NamedNode, self.named))
        return Dataset(tuple(map(NamedNode, self.default)), named, self.from_clauses)


class _Given(Exception):
    """Raised while the format is being chosen: there is no need of an answer any more."""


class _Answer:
    """What an answer is written to: small pieces are sent together, unless that takes long."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting = bytearray()
        self._since = 0.0

    def write(self, data: bytes) -> int:
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting += data
        if len(self._waiting) >= CHUNK or time.monotonic() - self._since > LONGEST_WAIT:
            self._wire.send(Frame.DATA, bytes(self._waiting))
            self._waiting.clear()
        return len(data)

    def flush(self) -> None:
        """Nothing: `end` sends the rest."""

    def end(self, grown: int) -> None:
        self._wire.send_all((Frame.DATA, bytes(self._waiting)), (Frame.END, b"%d" % grown))


def work(wire: Wire, datasets: Datasets) -> None:
    """Serve the connection until the other side is gone.

    A thread that lets all others go first can do nothing else ever after, without rights that nobody has
    here; so the queries have one, and the next takes the place of one that did.
    """
    serving = _Serving(wire, datasets)
    while not serving.ended:
        thread = threading.Thread(target=serving.run)
        thread.start()
        thread.join()


class _Serving:
    """What a worker serves; it has `ended` unless another thread is to go on."""

    def __init__(self, wire: Wire, datasets: Datasets) -> None:
        self.ended = False
        self._wire = wire
        self._datasets = datasets
        self._usual = os.getpriority(os.PRIO_PROCESS, 0)
        self._next: Message | None = None
        self._space = _Space()

    def run(self) -> None:
        """Do what comes, until this thread has to let all others go first."""
        self.ended = True
        with suppress(Closed):
            while True:
                message, self._next = self._next or self._wire.receive(), None
                if os.getpriority(os.PRIO_PROCESS, 0) != self._usual:  # of this thread alone, on Linux
                    self._next, self.ended = message, False
                    return
                self._do(*message)

    def _do(self, kind: Frame, data: bytes) -> None:
        if kind is Frame.QUERY:
            _answer(self._wire, self._datasets, Asked(**json.loads(data)), self._space)
        elif kind is Frame.OPEN:
            _open(self._wire, self._datasets, data)
        elif kind is Frame.LOAD:
            hold(self._wire, self._datasets, data)
        else:
            key, _, text = data.partition(b"\n")
            if store := self._datasets.get(key.decode()):
                store.change(text.decode())


def hold(wire: Wire, datasets: Datasets, key: bytes) -> None:
    """Hold a new dataset: the N-Quads that come, unless they are given up."""
    with tempfile.TemporaryFile() as file:
        try:
            for piece in wire.document():
                file.write(piece)
        except Closed:
            return
        file.seek(0)
        store = OxigraphStore()
        store.load(cast(BinaryIO, file), N_QUADS)
    datasets[key.decode()] = store
    wire.send(Frame.READY)


def _open(wire: Wire, datasets: Datasets, path: bytes) -> None:
    try:
        datasets[DISK] = OxigraphStore.reading(Path(path.decode()))
    except errors.KgError as error:
        _tell(wire, error)
    else:
        wire.send(Frame.READY)


def _answer(wire: Wire, datasets: Datasets, asked: Asked, space: _Space) -> None:
    def choose(kind: Kind) -> Format:
        if asked.likely is not None and asked.likely[0] == kind.value:
            return _FORMATS[asked.likely[1]]
        wire.send(Frame.ANSWERS, kind.value.encode())
        frame, name = wire.receive()
        if frame is not Frame.FORMAT:
            raise _Given
        return _FORMATS[name.decode()]

    out = _Answer(wire)
    before = space.size
    try:
        with space.limited(before + asked.memory):
            datasets[asked.key].query(
                asked.text, asked.dataset, choose, cast(BinaryIO, cast(Any, out)), base=asked.base
            )
    except _Given:
        return
    except errors.KgError as error:
        _tell(wire, error)
    else:
        out.end(space.size - before)


class _Space:
    """The address space of this process, in bytes; looked at before and after each query."""

    def __init__(self) -> None:
        self._figures = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._usual = resource.getrlimit(resource.RLIMIT_AS)

    @property
    def size(self) -> int:
        """How much there is."""
        return int(os.pread(self._figures, 64, 0).split()[0]) * _PAGE

    @contextmanager
    def limited(self, most: int) -> Iterator[None]:
        """No more than this; a process that asks for more is ended.

        Not while it opens a store: that starts threads, and each takes much address space, if little memory.
        """
        resource.setrlimit(resource.RLIMIT_AS, (most, self._usual[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, self._usual)


def _tell(wire: Wire, error: errors.KgError) -> None:
    said = error.detail
    values = said.values if isinstance(said, Phrase) else {}
    told = {
        "error": type(error).__name__,
        "detail": said.template if isinstance(said, Phrase) else said,
        "values": {n: value if isinstance(value, int | float) else str(value) for n, value in values.items()},
        "line": error.line,
        "column": error.column,
        "source": error.source,
    }
    wire.send(Frame.ERROR, json.dumps(told).encode())


def told(data: bytes) -> errors.KgError:
    """The error that a worker tells of."""
    given = json.loads(data)
    kind = getattr(errors, given.pop("error"))
    error: errors.KgError = kind(given.pop("detail"), **given.pop("values"), **given)
    return error
