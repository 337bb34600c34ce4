"""Frames between the service, nurseries and workers: a kind, a length and bytes, over Unix sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from enum import Enum
from struct import Struct

_HEAD = Struct(">cI")


class Kind(Enum):
    """What a frame holds."""

    # To a nursery and to its workers
    LOAD = b"L"  # the key of a new dataset; DATA frames with N-Quads follow, and END, or GONE to give it up
    UPDATE = b"U"  # a change of a dataset: its key, a line break, SPARQL Update
    CLOSE = b"X"  # forget the dataset with this key
    FORK = b"F"  # with two file descriptors: the socket and the standard error of a new worker

    # To a worker
    OPEN = b"O"  # the directory of a store that nobody writes to: it is the dataset with the empty key
    QUERY = b"Q"  # JSON: see `Asked`
    FORMAT = b"T"  # the name of the format to answer in

    # Both ways
    DATA = b"D"  # bytes of a document or an answer
    END = b"E"  # it is complete
    GONE = b"G"  # it is not wanted any more

    # From a nursery or a worker
    READY = b"R"  # it is there, or has done what it was told; from a nursery after FORK: the process
    ANSWERS = b"K"  # the kind of answer that the query has
    ERROR = b"!"  # JSON: the name of the class of `kgservice.errors`, and its arguments


class Closed(OSError):
    """The other side has closed the connection, or is dead."""


Frame = tuple[Kind, bytes]


class Wire:
    """One end of a connection. Raises `Closed` when there is no other end any more.

    `ahead`: it may read more bytes than a frame has; not where frames bring file descriptors.
    """

    def __init__(self, end: socket.socket, *, ahead: bool = True) -> None:
        self.end = end
        self._ahead = ahead
        self._read = bytearray()

    def send(self, kind: Kind, data: bytes = b"") -> None:
        """Send one frame; waits while the other side does not read."""
        try:
            if len(data) > 65536:
                self.end.sendall(_HEAD.pack(kind.value, len(data)))
                self.end.sendall(data)
                return
            self.end.sendall(_HEAD.pack(kind.value, len(data)) + data)
        except OSError as error:
            raise Closed(str(error)) from error

    def send_all(self, *frames: Frame) -> None:
        """Send small frames together."""
        try:
            self.end.sendall(b"".join(_HEAD.pack(kind.value, len(data)) + data for kind, data in frames))
        except OSError as error:
            raise Closed(str(error)) from error

    def send_with(self, kind: Kind, descriptors: list[int]) -> None:
        """Send a frame without data, with file descriptors."""
        try:
            socket.send_fds(self.end, [_HEAD.pack(kind.value, 0)], descriptors)
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self) -> Frame:
        """The next frame; waits for it."""
        kind, size = _HEAD.unpack(self._bytes(_HEAD.size))
        return Kind(kind), self._bytes(size)

    def receive_with(self, most: int) -> tuple[Frame, list[int]]:
        """The next frame, with file descriptors if it brings some."""
        try:
            head, descriptors, _, _ = socket.recv_fds(self.end, _HEAD.size, most)
        except OSError as error:
            raise Closed(str(error)) from error
        while len(head) < _HEAD.size:
            head += self._some(_HEAD.size - len(head))
        kind, size = _HEAD.unpack(head)
        return (Kind(kind), self._exactly(size)), descriptors

    def document(self) -> Iterator[bytes]:
        """The data until END. Raises `Closed` for GONE, too."""
        while True:
            kind, data = self.receive()
            if kind is Kind.END:
                return
            if kind is not Kind.DATA:
                raise Closed("the document was given up")
            yield data

    def _bytes(self, size: int) -> bytes:
        if not self._ahead:
            return self._exactly(size)
        while len(self._read) < size:
            if size - len(self._read) > 65536:
                self._read += self._exactly(size - len(self._read))
            else:
                self._read += self._some(65536)
        found = bytes(self._read[:size])
        del self._read[:size]
        return found

    def _exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            found += self._some(size - len(found))
        return bytes(found)

    def _some(self, most: int) -> bytes:
        try:
            data = self.end.recv(most)
        except OSError as error:
            raise Closed(str(error)) from error
        if not data:
            raise Closed("the other side is gone")
        return data

    def close(self) -> None:
        """Close this end."""
        self.end.close()
