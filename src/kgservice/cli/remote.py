"""The graph behind a running service: each command becomes a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx
from pyoxigraph import Quad
from rich.console import Console

from kgservice.cli.desks import RemoteDesks
from kgservice.cli.exits import language
from kgservice.cli.problems import error_of, followed, spoken_in
from kgservice.cli.rights import named
from kgservice.cli.running import ran
from kgservice.errors import BadInput, BadParameter, BadRdf, StoreFailed
from kgservice.http.access.purposes import HEADER as PURPOSE
from kgservice.http.messages.headers import VIOLATIONS
from kgservice.store.certificates import certificates
from kgservice.store.formats import GRAPH_FORMATS, N_QUADS, RESULT_FORMATS, Format, graph_format_of
from kgservice.store.syntax import parse

# Answers may take long; a service that is not there is known at once.
_TIMEOUT = httpx.Timeout(None, connect=5.0)
_JOBS = "/maintenance"  # where maintenance is told of


class Remote(RemoteDesks):
    """A running service at `url`, asked with `token` for `purpose`; a context manager with the connections.

    Raises `BadParameter` for a `url` that is no HTTP address.
    """

    def __init__(self, url: str, token: str, purpose: str | None = None) -> None:
        headers = {b"Authorization": b"Bearer " + token.encode()} if token else {}
        if language() != "en":  # its problems are told in English else, and its documents as it is set up
            headers[b"Accept-Language"] = language().encode()
        if purpose is not None:
            headers[PURPOSE.encode()] = purpose.encode()
        address = _address(url)
        known = certificates(str(address))
        self._client = httpx.Client(
            base_url=address, headers=headers, timeout=_TIMEOUT, trust_env=False, verify=known
        )

    def __enter__(self) -> Self:
        """The service itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def answers(self) -> bool:
        """Whether a service answers at the address."""
        try:
            return self._client.get("/health").is_success
        except httpx.HTTPError:
            return False

    def query(self, text: str, formats: Sequence[Format], out: BinaryIO) -> Format:
        """Ask `POST /sparql`."""
        headers = {"Content-Type": "application/sparql-query; charset=utf-8", "Accept": _accept(formats)}
        with self._stream("POST", "/sparql", content=text.encode(), headers=headers) as response:
            return _copy(response, out)

    def questions(self) -> list[dict[str, Any]]:
        """Ask `GET /queries`."""
        found: list[dict[str, Any]] = self._json("GET", "/queries")
        return found

    def ask(
        self, question: str, parameters: Mapping[str, str], formats: Sequence[Format], out: BinaryIO
    ) -> Format:
        """Ask `GET /queries/{id}`."""
        path = f"/queries/{quote(question, safe='')}"
        with self._stream(
            "GET", path, params=dict(parameters), headers={"Accept": _accept(formats)}
        ) as response:
            return _copy(response, out)

    def trace(self, record: str) -> dict[str, Any]:
        """Ask `GET /trace/{record}`."""
        found: dict[str, Any] = self._json("GET", f"/trace/{quote(record, safe='')}")
        return found

    def decide(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """Ask `GET /decisions`."""
        found: dict[str, Any] = self._json("GET", "/decisions", params=dict(asked))
        return found

    def load(self, paths: Sequence[Path], progress: Callable[[str, int, int], None]) -> list[dict[str, Any]]:
        """Send the files to `POST /imports`: RDF files together, each folder with a mapping by itself."""
        with ExitStack() as stack:
            files = [
                ("files", (name, stack.enter_context(path.open("rb")))) for name, path in _uploads(paths)
            ]
            headers = {"Accept": "application/x-ndjson"}
            with self._stream("POST", "/imports", files=files, headers=headers) as response:
                summaries: list[dict[str, Any]] = followed(response, "import", progress)["imports"]
                return summaries

    @contextmanager
    def validated(self, fmt: str, language: str, *, resume: bool) -> Iterator[tuple[str, int]]:
        """Ask `GET /validation`, which goes on with nothing."""
        if resume:
            raise BadParameter("a service always validates from the start; stop it first", source="--resume")
        headers = spoken_in(fmt, language)
        with self._stream("GET", "/validation", params={"format": fmt}, headers=headers) as response:
            found = response.read().decode(), int(response.headers[VIOLATIONS])
        yield found

    def foreseen(self, files: Sequence[Path], fmt: str, language: str) -> tuple[str, int]:
        """Ask `POST /validation`; several files are sent as one document."""
        sent = [path for _, path in _uploads(files) if not _skipped(path, files)]
        content, media_type = _document(sent)
        headers = {**spoken_in(fmt, language), "Content-Type": media_type}
        asked: dict[str, Any] = {"params": {"format": fmt}, "headers": headers, "content": content}
        try:
            with self._stream("POST", "/validation", **asked) as response:
                return response.read().decode(), int(response.headers[VIOLATIONS])
        except BadRdf as error:  # the service does not know what the one file is called
            error.source = str(sent[0])
            raise

    def check(self) -> list[str]:
        """Ask `POST /check`, and follow it."""
        found: list[str] = ran(self._stream, "/check", {}, place=_JOBS)["faults"]
        return found

    def backup(self, folder: Path | None) -> dict[str, Any]:
        """Ask `POST /backups`, and follow it: a service writes to its own directory only."""
        own = self._json("GET", "/backups")["folder"]
        if folder is not None and str(folder.absolute()) != own:
            raise BadParameter(
                "the service that runs makes its backups in {own}", own=own, source="DIRECTORY"
            )
        return ran(self._stream, "/backups", {}, place=_JOBS)

    def quality(self, *, keep: bool) -> dict[str, Any]:
        """Ask `GET /quality`, or `POST /quality` to keep the measurement."""
        found: dict[str, Any] = self._json("POST" if keep else "GET", "/quality")
        return found

    def findings(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Ask `GET /findings`."""
        found: dict[str, Any] = self._json("GET", "/findings", params=dict(given))
        return found

    def finding(self, key: str) -> dict[str, Any]:
        """Ask `GET /findings/{id}`."""
        found: dict[str, Any] = self._json("GET", _finding(key))
        return found

    def assign(self, key: str, owner: str | None, agent: str | None) -> dict[str, Any]:
        """Ask `POST /findings/{id}/owner`."""
        return self._steward("POST", f"{_finding(key)}/owner", agent, json={"owner": owner})

    def waive(self, key: str, reason: str, until: str, agent: str | None) -> dict[str, Any]:
        """Ask `POST /findings/{id}/waiver`."""
        body = {"reason": reason, "until": until}
        return self._steward("POST", f"{_finding(key)}/waiver", agent, json=body)

    def reopen(self, key: str, agent: str | None) -> dict[str, Any]:
        """Ask `DELETE /findings/{id}/waiver`."""
        return self._steward("DELETE", f"{_finding(key)}/waiver", agent)

    def fix(self, key: str, proposal: str, agent: str | None) -> dict[str, Any]:
        """Ask `POST /findings/{id}/proposals/{proposal}`."""
        return self._steward("POST", f"{_finding(key)}/proposals/{quote(proposal, safe='')}", agent)

    def quarantined(self, status: str | None) -> list[dict[str, Any]]:
        """Ask `GET /quarantine`."""
        params = {} if status is None else {"status": status}
        found: list[dict[str, Any]] = self._json("GET", "/quarantine", params=params)["entries"]
        return found

    def held(self, key: str) -> dict[str, Any]:
        """Ask `GET /quarantine/{id}`."""
        return dict(self._json("GET", f"/quarantine/{quote(key, safe='')}"))

    def release(self, key: str) -> dict[str, Any]:
        """Ask `POST /quarantine/{id}/release`."""
        return dict(self._json("POST", f"/quarantine/{quote(key, safe='')}/release"))

    def discard(self, key: str, reason: str) -> dict[str, Any]:
        """Ask `DELETE /quarantine/{id}`."""
        path = f"/quarantine/{quote(key, safe='')}"
        found: dict[str, Any] = self._json("DELETE", path, json={"reason": reason})
        return found

    def refresh(self) -> dict[str, int]:
        """Ask `POST /findings`."""
        with Console(stderr=True).status("Validating …"):  # the service tells nothing until it is done
            counts: dict[str, int] = self._json("POST", "/findings")
        return counts

    def _steward(self, method: str, path: str, agent: str | None, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._json(method, path, params=named(agent), **request)
        return found

    def export(self, graph: str | None, fmt: Format, out: BinaryIO, *, views: bool = False) -> None:
        """Ask `GET /graphs?graph=…`, or `GET /export` for the whole dataset."""
        whole = {"views": "true"} if views else {}
        path, params = ("/graphs", {"graph": graph}) if graph else ("/export", whole)
        with self._stream("GET", path, params=params, headers={"Accept": fmt.media_type}) as response:
            _copy(response, out)

    def _json(self, method: str, path: str, **request: Any) -> Any:
        headers = {"Accept": "application/json"}
        with self._stream(method, path, headers=headers, **request) as response:
            return json.loads(response.read())

    def _bytes(self, method: str, path: str, **request: Any) -> bytes:
        with self._stream(method, path, **request) as response:
            return response.read()

    @contextmanager
    def _stream(self, method: str, path: str, **request: Any) -> Iterator[httpx.Response]:
        try:
            with self._client.stream(method, path, **request) as response:
                if response.is_success:
                    yield response
                    return
                response.read()
                raise error_of(response)
        except httpx.HTTPError as error:
            raise StoreFailed(
                "the service at {url} does not answer: {error}", url=self._client.base_url, error=error
            ) from error


def _address(url: str) -> httpx.URL:
    """The address of a service. Raises `BadParameter` when it is none."""
    try:
        address = httpx.URL(url.rstrip("/"))
    except (httpx.InvalidURL, ValueError) as error:
        raise BadParameter("{url!r} is no address: {error}", url=url, error=error, source="--url") from None
    if address.scheme not in {"http", "https"} or not address.host or (address.port or 0) > 65535:
        raise BadParameter("{url!r} is no address such as http://127.0.0.1:8000", url=url, source="--url")
    return address


def _finding(key: str) -> str:
    """The address of a finding, by its IRI or the part that ends it.

    >>> _finding("https://kg.example/id/6ab0")
    '/findings/6ab0'
    """
    return f"/findings/{quote(key.rpartition('/')[2] if ':' in key else key, safe='')}"


def _accept(formats: Sequence[Format]) -> str:
    """An `Accept` header that prefers `formats` in their order."""
    return ", ".join(f"{fmt.media_type};q={1 - i / 100:.2f}" for i, fmt in enumerate(formats))


def _copy(response: httpx.Response, out: BinaryIO) -> Format:
    media_type = response.headers["content-type"].partition(";")[0].strip()
    for chunk in response.iter_bytes():
        out.write(chunk)
    return next(fmt for fmt in RESULT_FORMATS + GRAPH_FORMATS if media_type in fmt.media_types)


def _uploads(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Each file to send with its name: a folder's files carry the folder in their names."""
    for path in paths:
        if path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                yield f"{path.resolve().name}/{file.relative_to(path).as_posix()}", file
        elif path.is_file():
            yield path.name, path
        else:
            raise BadInput("no such file or folder", source=str(path))


def _skipped(path: Path, named: Sequence[Path]) -> bool:
    """Whether a file only lies in a folder that was named, and is no RDF."""
    return path not in named and graph_format_of(path) is None


def _document(files: Sequence[Path]) -> tuple[bytes, str]:
    """A file as it is, or the statements of several, with its media type.

    Raises `BadRdf`, and `BadInput` for an ending that names no format.
    """
    quads: list[Quad] = []
    for path in files:
        fmt = graph_format_of(path)
        if fmt is None:
            raise BadInput("the ending of the file names no RDF format", source=str(path))
        if len(files) == 1:
            return path.read_bytes(), fmt.media_type
        quads += parse(path, fmt, rename=True)
    return "".join(f"{quad} .\n" for quad in quads).encode(), N_QUADS.media_type
