"""Streamed answers: a worker thread writes, the event loop sends, and each waits for the other.

Small answers are sent whole with their length. A failure before the first byte becomes an error response;
one after it breaks the connection, so that no client can take a part for the whole.
"""

from __future__ import annotations

import asyncio
import io
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, BinaryIO, Protocol, TypeVar, cast

import zstandard
from starlette.types import Receive, Send

from kgservice.application.background.started import forget_frames
from kgservice.errors import StoreFailed

CHUNK = 64 * 1024  # bytes; answers up to this size are sent whole
QUEUE = 4 * CHUNK  # bytes that may wait for a slow client before the writer has to wait
SMALLEST_COMPRESSED = 1024  # bytes; below, compression costs more than it saves
LONGEST_WAIT = 0.025  # seconds that written bytes may stay unsent while the writer goes on writing
PATIENCE = 60  # seconds in which a client has to take something of its answer
BRIEF = 0.02  # seconds; what is answered by then is not worth listening for a client that leaves
CODINGS = ("zstd", "gzip")  # best first

HeaderList = list[tuple[bytes, bytes]]
Result = TypeVar("Result")


class ClientLeft(OSError):
    """The client closed the connection; what is still being written has no reader."""


class BrokenTransfer(Exception):
    """An answer failed after its first byte; the connection has to be broken."""


class _Compressor(Protocol):
    def feed(self, data: bytes, *, last: bool) -> bytes: ...


class _Identity:
    def feed(self, data: bytes, *, last: bool) -> bytes:  # noqa: ARG002
        return data


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.compressobj(level=4, wbits=31)

    def feed(self, data: bytes, *, last: bool) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=1).compressobj()

    def feed(self, data: bytes, *, last: bool) -> bytes:
        kind = zstandard.COMPRESSOBJ_FLUSH_FINISH if last else zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._stream.compress(data) + self._stream.flush(kind)


_COMPRESSORS: dict[str, Callable[[], _Compressor]] = {"identity": _Identity, "gzip": _Gzip, "zstd": _Zstd}


class Pipe(io.RawIOBase):
    """The bytes between one writing thread and the event loop: bounded, compressed on the writer's side."""

    def __init__(self, loop: asyncio.AbstractEventLoop, encoding: str = "identity") -> None:
        super().__init__()
        self.encoding = encoding
        self._compressor = _COMPRESSORS[encoding]()
        self._loop = loop
        self._ready = asyncio.Event()
        self._changed = threading.Condition()
        self._pending = bytearray()
        self._since = 0.0
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._passed_on = False
        self._reading = False
        self.ended = False
        self._abandoned = self._broken = False
        self._error: BaseException | None = None

    # The writer's side, in a worker thread.

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any, /) -> int:
        """Take all of `data`; wait while the client is slow. Raises `ClientLeft` when nobody reads it."""
        if self._abandoned or self._error is not None:
            raise ClientLeft("nobody is to read any more")
        if not self._pending:
            self._since = time.monotonic()
        self._pending += data
        if len(self._pending) >= CHUNK or time.monotonic() - self._since > LONGEST_WAIT:
            chunk = self._compressor.feed(bytes(self._pending), last=False)
            self._pending.clear()
            with self._changed:
                while self._waiting >= QUEUE and not (self._abandoned or self._broken or self._error):
                    self._changed.wait()
                if self._broken or self._error is not None:
                    raise ClientLeft("the rest is not to be sent")
                self._put(chunk)
        return len(data)

    def finished(self, future: Future[None]) -> None:
        """Take the end of the writing job: the last bytes, or the exception it ended with. Never waits."""
        error = StoreFailed("The service is stopping") if future.cancelled() else future.exception()
        last = b""
        if error is None:
            if not self._passed_on and len(self._pending) < SMALLEST_COMPRESSED:
                self.encoding, self._compressor = "identity", _Identity()
            last = self._compressor.feed(bytes(self._pending), last=True)
        with self._changed:
            self._error, self.ended = self._error or error, True
            self._put(last)

    def _put(self, chunk: bytes) -> None:
        if self._abandoned:
            return
        self._passed_on = True
        self._chunks.append(chunk)
        self._waiting += len(chunk)
        self._wake()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the event loop is closed: there is no client either
            self._loop.call_soon_threadsafe(self._ready.set)

    def break_off(self) -> None:
        """The rest will not come: whoever writes waits for the client no longer. For any thread."""
        with self._changed:
            self._broken = True
            self._changed.notify()

    # The reader's side, in the event loop.

    async def take(self) -> tuple[bytes, bool]:
        """The next bytes and whether more will follow.

        Raises what the writing job raised (`BrokenTransfer` after the first bytes), or `ClientLeft`.
        """
        while True:
            with self._changed:
                if self._abandoned:
                    raise ClientLeft("the client closed the connection")
                if self._error is not None:
                    if self._reading:
                        raise BrokenTransfer(f"An answer broke off: {self._error}") from self._error
                    raise self._error
                if self._chunks:
                    self._reading = True
                    chunk = b"".join(self._chunks)
                    self._chunks.clear()
                    self._waiting = 0
                    self._changed.notify()
                    return chunk, not self.ended
                self._ready.clear()
            await self._ready.wait()

    def stop(self) -> None:
        """Break the answer off, in any thread: what of it has not been taken is told to nobody."""
        error = StoreFailed("What is being sent may not be told any more since it began; ask again")
        with self._changed:
            self._error = self._error or error
            self._chunks.clear()
            self._changed.notify()
        self._wake()

    def abandon(self) -> None:
        """Stop the writer: its next write raises `ClientLeft`."""
        with self._changed:
            self._abandoned = True
            self._chunks.clear()
            self._changed.notify()
        self._ready.set()


async def respond(
    receive: Receive,
    send: Send,
    *,
    workers: Executor,
    produce: Callable[[BinaryIO], None],
    head: Callable[[], HeaderList],
    encoding: str = "identity",
    left: Callable[[], None] | None = None,
    breaking: Callable[[Callable[[], None]], None] | None = None,
    sending: Callable[[Callable[[], None]], AbstractContextManager[None]] | None = None,
) -> None:
    """Run `produce` in a worker thread and send what it writes, with status 200.

    `head` gives the headers, asked once `produce` has written or ended; `left` is called when the client
    leaves before the end; `breaking` is given what makes the writer wait no longer, `sending` is entered with
    what breaks the answer off. Raises what `produce` raises, or `BrokenTransfer` once something was sent.
    """
    pipe, stops = Pipe(asyncio.get_running_loop(), encoding), ExitStack()
    if breaking is not None:
        breaking(pipe.break_off)
    if sending is not None:
        stops.enter_context(sending(pipe.stop))
    try:
        workers.submit(_run, produce, cast(BinaryIO, pipe)).add_done_callback(pipe.finished)
        with _listening(receive, pipe.abandon):
            body, more = await pipe.take()
        headers = head()
        if pipe.encoding != "identity":
            headers.append((b"content-encoding", pipe.encoding.encode()))
        if not more:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _sent(send, body, more=more)
        if more:
            await _rest(receive, send, pipe)
    except ClientLeft:
        return
    finally:
        if left is not None and not pipe.ended:
            left()
        pipe.abandon()
        stops.close()


async def attended(
    receive: Receive, *, workers: Executor, work: Callable[[], Result], left: Callable[[], None]
) -> Result:
    """What `work` gives in a worker thread; `left` is called when the client leaves before its end.

    Nobody waits for less than its end all the same, unless the service is stopping.
    """
    doing = asyncio.get_running_loop().run_in_executor(workers, work)
    try:
        with _listening(receive, left):
            return await doing
    except asyncio.CancelledError:
        left()
        raise


@contextmanager
def _listening(receive: Receive, left: Callable[[], None]) -> Iterator[None]:
    """Call `left` when the client leaves; nobody listens if this is over in a moment."""
    loop = asyncio.get_running_loop()
    listener: asyncio.Task[None] | None = None

    def listen() -> None:
        nonlocal listener
        listener = loop.create_task(_when_left(receive, left))

    later = loop.call_later(BRIEF, listen)
    try:
        yield
    finally:
        later.cancel()
        if listener is not None:
            listener.cancel()


def _run(produce: Callable[[BinaryIO], None], out: BinaryIO) -> None:
    try:
        produce(out)
    except BaseException as error:
        forget_frames(error)  # query results may not go to another thread
        raise


async def _rest(receive: Receive, send: Send, pipe: Pipe) -> None:
    more = True
    with _listening(receive, pipe.abandon):
        while more:
            body, more = await pipe.take()
            await _sent(send, body, more=more)


async def _sent(send: Send, body: bytes, *, more: bool) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await send({"type": "http.response.body", "body": body, "more_body": more})
    except TimeoutError:
        raise BrokenTransfer(f"A client has taken nothing of its answer for {PATIENCE} s") from None


async def _when_left(receive: Receive, left: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left()
