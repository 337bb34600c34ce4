"""Random requests for one purpose, and no answer says anything that the purpose may not see.

    python -m tests.property.leaks --requests 20000

Each request goes to a graph with canaries in all that is hidden, and to a twin without it: no answer may hold a
canary or a hidden IRI, and both must answer alike. Ends with exit code 1 at the first leak, with the request.
The same `--seed` makes the same requests.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import html
import io
import random
import re
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyoxigraph
import zstandard
from pyoxigraph import BlankNode
from starlette.types import Message

from kgservice.application.forms.shapes import Forms
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.http.app import create_app
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.formats import GRAPH_FORMATS
from kgservice.tabular.lines import MEDIA_TYPE as SHEET
from tests.property.leaks_records import Grammar
from tests.property.leaks_requests import FORM, PARQUET, Asked, successions
from tests.property.leaks_world import COPIED, OVERSEER, World
from tests.serving import TOKEN

# The first letter may be lost on the way: SUBSTR(?o, 2).
# Whose queries a browser keeps: a hash of the name of the key, which is another in each world.
_GRAPH_ON_PAGE = re.compile(rb"<pre><code>(&lt;.*?)</code></pre>", re.DOTALL)
_GRAPHS = {fmt.media_type: fmt.rdf for fmt in GRAPH_FORMATS if fmt.rdf is not None}
_OWNER = re.compile(rb'"owner": "[0-9a-f]{16}"')
_CANARY = re.compile(r"anary-[0-9]+")  # in small letters
_SHOWN = re.compile(r"SHOWN-[0-9]+")
_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_YES = re.compile(r"(?i)\btrue\b|<literal[^>]*>[1-9]|\"value\"\s*:\s*\"[1-9]|(?:^|\n)\"?[1-9]")
# What differs between two answers that are alike.
_MASKED = {b"etag", b"date", b"content-length"}
# How many persons and commits there are is told to who may see everything, and is another number in the twin.
_OF_ALL = re.compile(rb'(<span class="hint">[0-9]+ \w+ |<strong>)[0-9]+(?= |</strong>)')
# Which files were imported last is told to who imports, whatever the purpose; the start page says so.
_FOR_EVERY_PURPOSE = re.compile(r'(?s)<section class="card" aria-labelledby="imports">.*?</section>')
_MADE_UP = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOOKS = {"docProps/core.xml", "xl/theme/theme1.xml", "xl/styles.xml"}
_SEALED = b"kg-commit"  # another word each time; its length is looked at
ROUND = 500
WRITING = frozenset(
    {"update", "import", "write", "form", "sheet"}
)  # what may change something, which is taken back


@dataclass(frozen=True)
class Answer:
    """Status, headers but those that always differ, and the body without its coding."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    tag: str = ""
    sealed: str = ""

    @property
    def text(self) -> str:
        """All that could tell something."""
        return "\n".join([str(self.headers), self.tag, self.body.decode("utf-8", "replace")])


class Leak(AssertionError):
    """An answer told something."""


Ask = Callable[[Asked], Coroutine[Any, Any, Answer]]


def inside(world: World) -> Ask:
    """Asks the application itself, without a socket."""
    app = create_app(world.kg, token=TOKEN)

    async def ask(asked: Asked) -> Answer:
        path, _, query = asked.target.partition("?")
        headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {world.keys[asked.role]}".encode())]
        body = asked.sent
        if body:
            headers.append((b"content-length", str(len(body)).encode()))
        headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in asked.headers]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": asked.method,
            "scheme": "http",
            "path": httpx.URL(f"http://localhost{path}").path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "state": {},
        }
        received = False
        gone = asyncio.Event()
        start: list[Any] = []
        parts: list[bytes] = []

        async def receive() -> Message:
            nonlocal received
            if received:
                await gone.wait()
                return {"type": "http.disconnect"}
            received = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append((message["status"], message["headers"]))
            elif message["type"] == "http.response.body":
                parts.append(bytes(message.get("body", b"")))

        await app(scope, receive, send)
        gone.set()
        status, found = start[0]
        return answered(status, [(bytes(name), bytes(value)) for name, value in found], b"".join(parts))

    return ask


def over_socket(world: World, url: str, client: httpx.AsyncClient) -> Ask:
    """Asks a server that listens."""

    async def ask(asked: Asked) -> Answer:
        headers = [("Authorization", f"Bearer {world.keys[asked.role]}"), ("Accept-Encoding", "identity")]
        # What stands around a value is not part of it, and the client sends none.
        headers = [*headers, *((n, v.strip()) for n, v in asked.headers if n != "Accept-Encoding")]
        address = httpx.URL(url).copy_with(raw_path=asked.target.encode())
        found = await client.request(asked.method, address, headers=headers, content=asked.sent)
        return answered(found.status_code, [(n.lower(), v) for n, v in found.headers.raw], found.content)

    return ask


def answered(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Answer:
    """An answer, decoded."""
    known = dict(headers)
    coding = known.get(b"content-encoding")
    if body and coding == b"gzip":
        body = gzip.decompress(body)
    elif body and coding == b"zstd":
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    kind = known.get(b"content-type", b"").decode()
    if body and kind in PARQUET:
        body = _rows(body)
    elif body and kind == SHEET:
        body = _cells(body)
    kept = tuple(
        sorted(
            (name, b"." * len(value) if name == _SEALED else value)
            for name, value in headers
            if name not in _MASKED
        )
    )
    tag, sealed = (known.get(name, b"").decode() for name in (b"etag", _SEALED))
    return Answer(status, kept, body, tag, sealed)


def _rows(parquet: bytes) -> bytes:
    """A Parquet file as text: its columns, its rows, and what it says of itself."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as db:
        file.write(parquet)
        file.flush()
        rows = db.read_parquet(file.name)
        said = db.sql(f"SELECT key, value FROM parquet_kv_metadata('{file.name}')").fetchall()
        lines = [
            repr(list(zip(rows.columns, rows.types, strict=True))),
            *map(repr, rows.fetchall()),
            repr(said),
        ]
    return "\n".join(lines).encode()


def _cells(workbook: bytes) -> bytes:
    """A workbook as text: all of its parts but for its looks, and when it was made."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        names = [name for name in archive.namelist() if name not in _LOOKS]
        return b"\n".join(name.encode() + b"\n" + archive.read(name) for name in names).replace(
            b"><", b">\n<"
        )


@dataclass
class Search:
    """Asks a world, and its twin if there is one; what has been asked and seen."""

    world: World
    ask: Ask
    twin: World | None = None
    ask_twin: Ask | None = None
    counts: Counter[str] = field(default_factory=Counter)
    shown: set[str] = field(default_factory=set)

    async def run(self, grammar: Grammar, requests: int) -> None:
        """So many requests: the successions, then random ones. Raises `Leak`."""
        requests -= await self.succeed()
        while requests > 0:
            asked = grammar.request()
            requests -= await self.one(asked)

    async def succeed(self) -> int:
        """The requests for one purpose after another, which no dice leave out; how many they were. Raises `Leak`."""
        return sum([await self.one(asked) for asked in successions()])

    async def one(self, asked: Asked) -> int:
        """One request, and what belongs to it; how many requests that were. Raises `Leak`."""
        made, other = 1, None
        if asked.warm:
            asked = await self._warmed(asked)
            made += 1
        answer = await self._searched(asked)
        if asked.like is not None:
            made += await self._like_nothing(asked, answer)
        if self.ask_twin is not None and asked.same:
            other = await self.ask_twin(asked)
            self._compared(asked, answer, other)
        elif self.ask_twin is not None and asked.kind in WRITING:
            other = await self.ask_twin(asked)
        made += await self._followed(asked, answer, other)
        if asked.kind in WRITING:
            made += await self._read_back(answer)
            for world in (self.world, self.twin):
                if world is not None:
                    world.restore()
        return made

    def _compared(self, asked: Asked, answer: Answer, other: Answer) -> None:
        if not _same(_bare(asked, answer), _bare(asked, other)):
            raise Leak(f"The twin without what is hidden answers otherwise.\n{told(asked, answer, other)}")
        self.counts["compared with the twin"] += 1

    async def _warmed(self, asked: Asked) -> Asked:
        """The request once for another purpose, whose answer may say more; then its tag must not count here."""
        rest = tuple((name, value) for name, value in asked.headers if name != "KG-Purpose")
        for world, ask in ((self.world, self.ask), (self.twin, self.ask_twin)):
            if world is None or ask is None:
                continue
            before = await ask(replace(asked, headers=(*rest, ("KG-Purpose", asked.warm))))
            self.counts["told to another purpose"] += bool(_CANARY.search(before.text.lower()))
            own = not any(name == "If-None-Match" for name, _ in asked.headers)
            if before.status == 200 and before.tag and own:
                now = await ask(replace(asked, headers=(*asked.headers, ("If-None-Match", before.tag))))
                # That of a record stands for what is shown of it, which may be the same.
                if now.status == 304 and (await ask(asked)).body != before.body:
                    raise Leak(f"The tag of the view of another purpose counts.\n{told(asked, before, now)}")
        self.counts["after another purpose"] += 1
        return replace(asked, warm="")

    async def _followed(self, asked: Asked, answer: Answer, other: Answer | None) -> int:
        """What belongs to something that was sent, where the answer led; how many requests that were."""
        keys = [_key(one) for one in (answer, other) if one is not None]
        if not asked.then or not all(keys):
            return 0
        for method, path in asked.then:
            headers = (("Content-Type", FORM),) if method == "POST" else ()
            steps = [
                Asked(
                    *(asked.role, method, path.replace("{key}", key), headers),
                    *(f"key={key}" if method == "POST" else "", asked.kind),
                    repeats=asked.text,
                )
                for key in keys
            ]
            found = _without(await self._searched(steps[0]), keys[0])
            if self.ask_twin is not None and len(steps) > 1 and asked.fresh:
                self._compared(
                    replace(steps[0], fresh=True), found, _without(await self.ask_twin(steps[1]), keys[1])
                )
        return len(asked.then)

    async def _searched(self, asked: Asked) -> Answer:
        answer = await self.ask(asked)
        self.counts[asked.kind] += 1
        self.counts[f"status {answer.status}"] += 1
        self.counts["requests"] += 1
        text, named = answer.text, asked.text
        if answer.status >= 500:
            raise Leak(f"An answer that is no answer.\n{told(asked, answer)}")
        if asked.role == OVERSEER:
            text = _FOR_EVERY_PURPOSE.sub("", text)
        lower, named = text.lower(), named.lower()
        told_of = {*_CANARY.findall(lower)} - {*_CANARY.findall(named)}
        keys = self.world.hidden.intersection(_KEY.findall(lower)) - set(_KEY.findall(named))
        if told_of or keys:
            raise Leak(f"The answer tells of {sorted(told_of | keys)[:5]}\n{told(asked, answer)}")
        if asked.never and answer.status == 200 and _YES.search(answer.body.decode()):
            raise Leak(f"A question about what is hidden is answered with yes.\n{told(asked, answer)}")
        found = set(_SHOWN.findall(text)) - set(_SHOWN.findall(asked.text))
        self.counts["with what is shown"] += bool(found)
        self.shown |= found
        return answer

    async def _like_nothing(self, asked: Asked, answer: Answer) -> int:
        """The same for an IRI that does not exist: the same answer, byte for byte."""
        assert asked.like is not None
        hidden, missing = asked.like
        other = replace(asked, target=asked.target.replace(hidden, missing), like=None)
        nothing = await self._searched(other)
        same = replace(
            answer,
            body=answer.body.replace(hidden.encode(), missing.encode()),
            headers=tuple((n, v.replace(hidden.encode(), missing.encode())) for n, v in answer.headers),
        )
        if same != nothing:
            raise Leak(f"Not the answer for what does not exist.\n{told(asked, answer, nothing)}")
        self.counts["like what does not exist"] += 1
        return 1

    async def _read_back(self, answer: Answer) -> int:
        """What a change may have brought into the view, as a researcher sees it who waits for it."""
        headers = (("KG-At-Least", answer.sealed),) if answer.sealed else ()
        for query in (
            f"SELECT%20*%20%7B%20%3C{COPIED.value}%3E%20%3Fp%20%3Fo%20%7D",
            "CONSTRUCT%20%7B%3Fs%20%3Fp%20%3Fo%7D%20%7B%3Fs%20%3Fp%20%3Fo%20FILTER(CONTAINS(STR(%3Fo),%22ANARY%22))%7D",
        ):
            await self._searched(
                Asked(Role.RESEARCHER, "GET", f"/sparql?query={query}", headers, kind="read back")
            )
        return 2


def _bare(asked: Asked, answer: Answer) -> Answer:
    """An answer without what may differ between the worlds, since whoever asks may know it or it is made up."""
    body = _MADE_UP.sub(b"", answer.body) if asked.fresh else answer.body
    return replace(answer, body=_OF_ALL.sub(rb"\1", body) if asked.role == OVERSEER else body, sealed="")


def _key(answer: Answer) -> str:
    """The key in the address that an answer leads to."""
    found = re.search(r"[?&]key=([\w-]+)", dict(answer.headers).get(b"location", b"").decode())
    return found[1] if found else ""


def _without(answer: Answer, key: str) -> Answer:
    """An answer without the key of a file, which is another each time."""
    headers = tuple((name, value.replace(key.encode(), b"")) for name, value in answer.headers)
    return replace(answer, headers=headers, body=answer.body.replace(key.encode(), b""))


def _same(answer: Answer, other: Answer) -> bool:
    """Whether they are alike; most are equal, which is seen at once."""
    return (replace(answer, tag="") == replace(other, tag="") and bool(answer.tag) is bool(other.tag)) or (
        _alike(answer) == _alike(other)
    )


def _alike(answer: Answer) -> tuple[object, ...]:
    """What two equal answers have in common, whatever the order of their rows, and whoever asked."""
    return answer.status, answer.headers, bool(answer.tag), *map(Counter, _said(answer))


def _said(answer: Answer) -> tuple[list[str], bytes]:
    """The statements of a graph, whose order decides on how it is written, too; and what is no graph."""
    body, graph = _OWNER.sub(b"", answer.body), _GRAPH_ON_PAGE.search(answer.body)
    kind = dict(answer.headers).get(b"content-type", b"").decode().partition(";")[0]
    if body and kind in _GRAPHS:
        return _statements(body, _GRAPHS[kind]), b""
    if graph is not None:
        shown = html.unescape(graph[1].decode())
        return _statements(shown.encode(), pyoxigraph.RdfFormat.TURTLE), body.replace(graph[0], b"")
    return [], body


def _statements(document: bytes, fmt: pyoxigraph.RdfFormat) -> list[str]:
    """The statements of a document; blank nodes without a name."""
    found = ((quad.subject, quad.predicate, quad.object) for quad in pyoxigraph.parse(document, fmt))
    return [
        " ".join("_" if isinstance(term, BlankNode) else str(term) for term in triple) for triple in found
    ]


def told(asked: Asked, *answers: Answer) -> str:
    """A request and its answers, for people."""
    lines = [
        f"{asked.role} {asked.method} {asked.target}",
        *map(str, asked.headers),
        asked.text.splitlines()[-1],
    ]
    texts = [answer.body.decode("utf-8", "replace") for answer in answers]
    for answer, body in zip(answers, texts, strict=True):
        lines += [f"→ {answer.status} {answer.headers}", body[:3000]]
    if len(texts) == 2:
        ours, twins = (text.splitlines() for text in texts)
        lines += ["What differs:", *unified_diff(ours, twins, n=0, lineterm="")]
    return "\n".join(lines)


def grammar_of(world: World, seed: int) -> Grammar:
    """The grammar with what is in the world."""
    planted = world.planted
    dice, hidden, shown = random.Random(seed), sorted(planted.hidden), sorted(planted.seen)
    return Grammar(dice, hidden, shown, planted.canaries, forms=Forms(world.kg))


def model() -> OxigraphStore:
    """A store with the model and nothing else."""
    store = OxigraphStore()
    KnowledgeGraph.open(Settings(), store)
    return store


def main() -> None:
    """Ask, tell how far it is, and at the end what was asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=20_000, help="how many requests to make")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the random requests")
    asked = parser.parse_args()
    print(f"Seed {asked.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        store = model()
        world = World(store, Path(folder, "world"))
        twin = World(store, Path(folder, "twin"), full=False)
        world.guard()
        twin.guard(world)
        search = Search(world, inside(world), twin, inside(twin))
        grammar = grammar_of(world, asked.seed)

        async def run() -> None:
            while search.counts["requests"] < asked.requests:
                await search.run(grammar, min(ROUND, asked.requests - search.counts["requests"]))
                print(
                    f"{time.monotonic() - began:7,.0f} s: {search.counts['requests']:,} requests", flush=True
                )

        try:
            asyncio.run(run())
        except Leak as leak:
            sys.exit(f"LEAK after {search.counts['requests']:,} requests: {leak}")
        for name, count in sorted(search.counts.items()):
            print(f"{count:9,} {name}")
        print(
            f"0 canaries in the answers to {search.counts['requests']:,} requests, of {world.planted.canaries} "
            f"canaries and {len(world.hidden)} hidden IRIs; {len(search.shown)} of {world.planted.shown} texts that "
            "are shown were seen."
        )
        sys.stdout.flush()
        world.close()
        twin.close()


if __name__ == "__main__":
    main()
