"""What an erasure takes is told by no query that runs, and by no answer that is being sent."""

from __future__ import annotations

import http.client
import io
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from kgservice.application.changes.hidden import Hearers
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import erasing
from kgservice.engine.jobs import Job
from kgservice.namespaces import CI
from kgservice.store.allowance import Allowance
from kgservice.store.formats import CSV, JSON
from tests.engine.conftest import engine_of, until
from tests.serving import Running, running

ASKED = "00000000-0000-4000-8000-100700000005"
SENT = "00000000-0000-4000-8000-100700000006"
# All of a graph five times over, which takes for ever, and then names; of an empty graph nothing at once.
SLOWLY = f"""SELECT ?n ?name {{
  {{ SELECT (COUNT(*) AS ?n) {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?o ?p }} }}
  ?s <{CI}personName> ?name
}}"""


def jobs(kg: KnowledgeGraph) -> list[Job]:
    """What runs now."""
    rooms = engine_of(kg)._rooms
    return [*rooms._light, *rooms._heavy]


def test_an_erasure_stops_who_reads_the_graph_of_the_person(apart: KnowledgeGraph) -> None:
    graph = next(graph for graph in apart.store.graphs() if graph.value.endswith(f"/subject/{ASKED}"))
    out = io.BytesIO()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(
            apart.query, SLOWLY, lambda _: CSV, out, default=[graph], allowance=Allowance("steward", 40)
        )
        until(lambda: bool(jobs(apart)))
        erasing.erase(apart, ASKED, {"otherBasis": "erase"})
        asked.result(20)  # it began anew, and there is nothing left to read
    assert out.getvalue().split() == [b"n,name"]


def slowly(server: Running, path: str) -> socket.socket:
    """A request whose answer is not read yet."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.settimeout(60)
    asking.connect(("127.0.0.1", server.port))
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
    asking.sendall(f"{head}Accept: application/n-quads, application/n-triples;q=0.5\r\n\r\n".encode())
    return asking


@pytest.mark.slow
def test_an_erasure_breaks_off_what_is_being_sent(apart: KnowledgeGraph) -> None:
    everything = f"/graphs?graph={quote(apart.view.value, safe='')}"
    with running(apart) as server:
        size = len(server.get("/export", params={"views": "true"}).content)
        asking = [slowly(server, path) for path in ("/export?views=true", everything)]
        answers = [http.client.HTTPResponse(one) for one in asking]
        for answer in answers:
            answer.begin()
            assert answer.status == 200
            assert answer.read(1000)
        erasing.erase(apart, SENT, {"otherBasis": "erase"})
        for answer in answers:
            with pytest.raises(http.client.IncompleteRead):
                answer.read(2 * size)
        for one in asking:
            one.close()
        again = server.get("/export", params={"views": "true"})
        assert again.status_code == 200
        assert f"/subject/{SENT}" not in again.text


def test_only_what_tells_of_what_is_hidden_is_broken_off() -> None:
    hearers, told = Hearers(), list[str]()
    hearers.append(lambda: told.append("forgotten"))
    with (
        hearers.sending("a", lambda: told.append("a")),
        hearers.sending("b", lambda: told.append("b")),
    ):
        hearers.tell({"b", "c"}, None)
    assert told == ["forgotten", "b"]
    hearers.tell({"a", "b"}, None)
    assert told == ["forgotten", "b", "forgotten"]


def test_when_memory_runs_out_what_answers_queries_ends_before_the_service(apart: KnowledgeGraph) -> None:
    apart.query("ASK {}", lambda _: JSON, io.BytesIO())
    below = {
        child.pid: int(Path(f"/proc/{child.pid}/oom_score_adj").read_text(encoding="ascii"))
        for child in psutil.Process().children(recursive=True)
    }
    nurseries = {child.pid for child in psutil.Process().children()}
    assert {below[pid] for pid in nurseries} == {500}
    assert {score for pid, score in below.items() if pid not in nurseries} == {1000}
