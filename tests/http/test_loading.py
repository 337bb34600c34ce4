"""LOAD of files that come with an update, over HTTP: what they say is a change like any other, and nothing else is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyoxigraph import BlankNode, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.test_guard import NEW, PAIN, PREFIXES, PROJECT
from tests.serving import Running, running

TURTLE = "<urn:x:a> <urn:x:b> 'ä' .\n"
LOAD = "LOAD <cid:a.ttl> INTO GRAPH <urn:x:g>"
IDEA = "00000000-0000-4000-8000-aaaaaaaaaaab"
File = tuple[str, str | bytes] | tuple[str, str | bytes, str]


@pytest.fixture
def server(kg: KnowledgeGraph) -> Iterator[Running]:
    with running(kg) as server:
        yield server


@pytest.fixture
def guarded(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def send(server: Running, text: str, *files: File, **fields: str) -> httpx.Response:
    """Send an update with files."""
    return server.post("/update", data={"update": text, **fields}, files=[("file", file) for file in files])


def raw(server: Running, *parts: bytes, kind: str = "multipart/form-data; boundary=b") -> httpx.Response:
    """Send parts as they are."""
    body = (
        b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + b"--b--\r\n"
    )
    return server.post("/update", content=body, headers={"Content-Type": kind})


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, kind and source of a problem."""
    problem = answer.json()
    return answer.status_code, problem["type"].removeprefix("/problems/"), problem.get("source")


def graph(server: Running, name: str = "urn:x:g") -> list[Quad]:
    return list(server.kg.store.match([(None, None, None)], NamedNode(name)))


def test_a_file_goes_into_the_graph_that_is_named(server: Running) -> None:
    answer = send(server, LOAD, ("a.ttl", TURTLE))
    assert (answer.status_code, answer.headers["kg-commit"]) == (204, "1"), answer.text
    assert [q.object.value for q in graph(server)] == ["ä"]  # type: ignore[union-attr]


def test_loose_statements_go_where_the_router_says(guarded: Running) -> None:
    kg = guarded.kg
    idea = f"{PREFIXES} id:{IDEA} a ci:Idea ; ci:title 'Ein Knopf'@de , 'A button'@en ; ci:inProject id:{PROJECT} ."
    answer = send(guarded, "LOAD <cid:idea.ttl>", ("idea.ttl", idea, "text/turtle"))
    assert answer.status_code == 204, answer.text
    node, project = NamedNode(f"https://kg.example/id/{IDEA}"), f"https://kg.example/graph/project/{PROJECT}"
    assert len(list(kg.store.match([(node, None, None)], NamedNode(project)))) == 4


def test_the_guard_judges_all_of_it(guarded: Running) -> None:
    before = guarded.kg.head
    pain = f"{PREFIXES} {PAIN}"
    for text in (
        "LOAD <cid:pain.ttl>",
        "LOAD SILENT <cid:pain.ttl>",
        "INSERT DATA { GRAPH <urn:x:g> { <urn:x:a> <urn:x:b> 1 } } ; LOAD <cid:pain.ttl>",
        "DELETE WHERE { GRAPH <urn:x:g> { ?s ?p ?o } } ; LOAD <cid:pain.ttl>",
    ):
        answer = send(guarded, text, ("pain.ttl", pain))
        assert told(answer)[:2] == (422, "not-valid")
        assert "R02-evidence" in {f["shape"].split("#")[1] for f in answer.json()["findings"]}
    assert guarded.kg.head == before
    assert guarded.get(f"/records/{NEW}").status_code == 404
    assert graph(guarded) == []


def test_into_a_graph_is_checked_as_inserted_data_are(guarded: Running) -> None:
    wrong = send(
        guarded,
        "LOAD <cid:a.ttl> INTO GRAPH <https://kg.example/graph/subject/anna>",
        ("a.ttl", f"{PREFIXES} {PAIN}"),
    )
    assert told(wrong)[:2] == (409, "conflict")
    for content in (TURTLE, ""):
        answer = send(
            guarded,
            "LOAD SILENT <cid:a.ttl> INTO GRAPH <https://kg.example/graph/ontology>",
            ("a.ttl", content),
        )
        assert told(answer)[:2] == (403, "forbidden")


def test_operations_see_what_those_before_them_loaded(server: Running) -> None:
    send(server, LOAD, ("a.ttl", "<urn:x:a> <urn:x:b> 1 ."))
    text = f"""DELETE WHERE {{ GRAPH <urn:x:g> {{ ?s ?p ?o }} }} ; {LOAD} ;
        INSERT {{ GRAPH <urn:x:h> {{ ?s <urn:x:c> ?o }} }} WHERE {{ GRAPH <urn:x:g> {{ ?s ?p ?o }} }} ;
        LOAD <cid:b.nt> INTO GRAPH <urn:x:h>"""
    answer = send(
        server, text, ("a.ttl", "<urn:x:a> <urn:x:b> 2 ."), ("b.nt", "<urn:x:d> <urn:x:e> <urn:x:f> .")
    )
    assert (answer.status_code, answer.headers["kg-commit"]) == (204, "2"), answer.text
    assert [str(q.object) for q in graph(server)] == ['"2"^^<http://www.w3.org/2001/XMLSchema#integer>']
    assert {q.subject for q in graph(server, "urn:x:h")} == {NamedNode("urn:x:a"), NamedNode("urn:x:d")}


def test_fields_besides_the_update_count_as_in_a_form(server: Running) -> None:
    send(server, LOAD, ("a.ttl", TURTLE))
    text = (
        "INSERT { GRAPH <urn:x:h> { ?s ?p ?o } } WHERE { ?s ?p ?o } ; LOAD <cid:b.ttl> INTO GRAPH <urn:x:h>"
    )
    answer = send(server, text, ("b.ttl", ""), **{"using-graph-uri": "urn:x:g"})
    assert answer.status_code == 204, answer.text
    assert len(graph(server, "urn:x:h")) == 1
    assert told(send(server, LOAD, ("a.ttl", TURTLE), timeout="soon")) == (400, "bad-parameter", "timeout")


def test_an_update_may_come_in_parts_without_files(server: Running) -> None:
    text = f"INSERT DATA {{ GRAPH <urn:x:g> {{ {TURTLE} }} }}"
    assert server.post("/update", files={"update": (None, text)}).status_code == 204
    assert [q.object.value for q in graph(server)] == ["ä"]  # type: ignore[union-attr]
    assert server.post("/update", files={"update": ("change.ru", "CLEAR GRAPH <urn:x:g>")}).status_code == 204
    assert graph(server) == []


def test_an_empty_file_makes_an_empty_graph(server: Running) -> None:
    assert send(server, LOAD, ("a.ttl", "")).status_code == 204
    assert server.kg.store.has_graph(NamedNode("urn:x:g"))
    assert (graph(server), server.kg.head) == ([], 1)


def test_every_format_of_graphs_is_taken(server: Running) -> None:
    files: list[File] = [
        ("a", "<urn:x:a> <urn:x:b> 1 .", "text/turtle; charset=utf-8"),
        ("b.NT", '<urn:x:a> <urn:x:b> "b" .'),
        ("c.jsonld", '{"@id": "urn:x:a", "urn:x:b": "c"}', "application/octet-stream"),
        (
            "d.rdf",
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="urn:x:">'
            '<rdf:Description rdf:about="urn:x:a"><x:b>d</x:b></rdf:Description></rdf:RDF>',
        ),
        ("e.nq", '<urn:x:a> <urn:x:b> "e" .'),
        ("f.trig", "<urn:x:a> <urn:x:b> 'f' ."),
    ]
    text = ";".join(f"LOAD <cid:{name}> INTO GRAPH <urn:x:g>" for name, *_ in files)
    answer = send(server, text, *files)
    assert answer.status_code == 204, answer.text
    assert {q.object.value for q in graph(server)} == {"1", *"bcdef"}  # type: ignore[union-attr]


def test_blank_nodes_of_two_files_are_different_ones(server: Running) -> None:
    files = [("a.ttl", "_:x <urn:x:b> 1 ."), ("b.ttl", "_:x <urn:x:b> 2 .")]
    text = f"{LOAD} ; LOAD <cid:b.ttl> INTO GRAPH <urn:x:g>"
    assert send(server, text, *files).status_code == 204
    assert len({q.subject for q in graph(server)}) == 2
    assert not any(isinstance(q.subject, BlankNode) for q in graph(server))


def test_relative_addresses_are_below_the_base(server: Running) -> None:
    assert send(server, LOAD, ("a.ttl", "<id/a> <urn:x:b> <urn:x:c> .")).status_code == 204
    assert [q.subject for q in graph(server)] == [NamedNode("https://kg.example/id/a")]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("../../etc/passwd.ttl", "<cid:..%2F..%2Fetc%2Fpasswd.ttl>"),
        ("/etc/x.ttl", "<cid:/etc/x.ttl>"),
        ("a \"b' c>.ttl", "<cid:a%20%22b%27%20c%3E.ttl>"),
        ("Grüße 100%.ttl", "<CID:Gr%C3%BC%C3%9Fe%20100%25.ttl>"),
        ("größe.ttl", "<cid:größe.ttl>"),
        ("c:d.ttl", "cid:c%3Ad.ttl"),
    ],
)
def test_a_name_is_only_a_name(server: Running, name: str, written: str) -> None:
    text = f"PREFIX cid: <cid:> LOAD {written} INTO GRAPH <urn:x:g>"
    disposition = f'name="f"; filename="{name}"'.replace('a "b', 'a \\"b').encode()
    answer = raw(
        server, b'name="update"\r\n\r\n' + text.encode(), disposition + b"\r\n\r\n" + TURTLE.encode()
    )
    assert answer.status_code == 204, answer.text
    assert len(graph(server)) == 1


@pytest.mark.parametrize("silent", ["", "SILENT "])
@pytest.mark.parametrize(
    "source",
    ["<http://127.0.0.1:9/a.ttl>", "<file:///etc/passwd>", "<a.ttl>", "<mid:a.ttl>", "<urn:cid:a.ttl>"],
)
def test_no_address_is_loaded(server: Running, source: str, silent: str) -> None:
    text = f"INSERT DATA {{ GRAPH <urn:x:g> {{ <urn:x:a> <urn:x:b> 1 }} }} ;\nLOAD {silent}{source}"
    for answer in (send(server, text, ("a.ttl", TURTLE)), server.post("/update", data={"update": text})):
        assert told(answer)[:2] == (403, "forbidden")
        assert (answer.json()["line"], answer.json()["column"]) == (2, 1)
        assert "cid:NAME" in answer.json()["detail"]
    assert server.kg.head == 0


def test_a_file_that_is_not_there(server: Running) -> None:
    text = "INSERT DATA { GRAPH <urn:x:g> { <urn:x:a> <urn:x:b> 1 } } ; LOAD %s<cid:b.ttl>"
    for answer in (
        send(server, f"{LOAD} ;{text % ''}", ("a.ttl", TURTLE)),
        server.post("/update", data={"update": text % ""}),
    ):
        assert told(answer) == (400, "bad-parameter", "update")
        assert "'b.ttl'" in answer.json()["detail"]
    assert server.kg.head == 0
    assert server.post("/update", data={"update": text % "SILENT "}).status_code == 204
    assert len(graph(server)) == 1


@pytest.mark.parametrize("text", ["LOAD SILENT <cid:b.ttl>", "INSERT DATA {}", ""])
def test_a_file_that_is_never_named_is_refused(server: Running, text: str) -> None:
    answer = send(server, text, ("a ö.ttl", TURTLE))
    assert told(answer) == (400, "bad-parameter", "update")
    assert "LOAD <cid:a%20%C3%B6.ttl>" in answer.json()["detail"]


def test_malformed_files_are_named_with_the_place(server: Running) -> None:
    deep = "<urn:x:a> <urn:x:b>\n" + "<<(" * 200
    for name, content, line in (("b.ttl", f"{TURTLE}oops", 2), ("b.ttl", deep, 2), ("b.nt", b"\xff", 1)):
        text = f"{LOAD} ; LOAD %s<cid:{name}> INTO GRAPH <urn:x:h>"
        answer = send(server, text % "", ("a.ttl", TURTLE), (name, content))
        assert told(answer) == (400, "malformed-rdf", name)
        assert answer.json()["line"] == line
        assert answer.json()["column"] >= 1
        assert server.kg.head == 0
    assert send(server, text % "SILENT ", ("a.ttl", TURTLE), (name, content)).status_code == 204
    assert (len(graph(server)), server.kg.store.has_graph(NamedNode("urn:x:h"))) == (1, False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.nq", "<urn:x:a> <urn:x:b> 1 <urn:x:g> ."),
        ("a.trig", "<urn:x:g> { <urn:x:a> <urn:x:b> 1 }"),
        ("a.jsonld", '{"@id": "urn:x:g", "@graph": [{"@id": "urn:x:a", "urn:x:b": 1}]}'),
    ],
)
def test_a_file_names_no_graphs(server: Running, name: str, content: str) -> None:
    content = content.replace(" 1 ", ' "1" ')
    answer = send(server, f"LOAD <cid:{name}> INTO GRAPH <urn:x:g>", (name, content))
    assert told(answer) == (400, "malformed-rdf", name)
    assert "<urn:x:g>" in answer.json()["detail"]


def test_what_is_no_rdf_is_refused(server: Running) -> None:
    for name, kind, words in (
        ("b.ttl", "text/plain", "'text/plain'"),
        ("b.exe", "application/octet-stream", "known are text/turtle"),
        ("b.ttl", "text/turtle; charset=latin-1", "latin-1"),
    ):
        answer = send(server, f"{LOAD} ; LOAD <cid:{name}>", ("a.ttl", TURTLE), (name, TURTLE, kind))
        assert told(answer) == (415, "unsupported-media-type", name)
        assert words in answer.json()["detail"]
    assert server.kg.head == 0


def test_hostile_parts(server: Running) -> None:
    change, file = (
        b'name="update"\r\n\r\n' + LOAD.encode(),
        b'name="f"; filename="a.ttl"\r\n\r\n' + TURTLE.encode(),
    )
    for parts, kind in {
        (change, file, file): "bad-input",  # two of one name
        (file,): "bad-parameter",
        (change, change, file): "bad-parameter",
        (change, b'name="update"; filename="x"\r\n\r\nCLEAR ALL', file): "bad-parameter",
        (): "bad-parameter",
        (change, b"\r\n\r\nx"): "bad-input",  # a part without a name
        (change, b'name="\xff"\r\n\r\nx', file): "bad-input",
        (change, b'name="f"; filename="\xff.ttl"\r\n\r\n'): "bad-input",
        (b'name="update"\r\n\r\n# \xff\n' + LOAD.encode(), file): "bad-input",
        (b'name="update"; filename="x"\r\n\r\n# \xff\n' + LOAD.encode(), file): "bad-input",
        (
            change,
            b'name="f"; filename=""\r\n\r\n',
            file,
        ): "unsupported-media-type",  # a field where no file was chosen
    }.items():
        answer = raw(server, *parts)
        assert answer.status_code in {400, 415}, (parts, answer.text)
        assert told(answer)[1] == kind, (parts, answer.text)
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary="b',
        "multipart/form-data; boundary=c",
        "multipart/mixed; boundary=b",
        "multipart/form-data; boundary=b; charset=utf-16",
        "multipart/form-data; boundary=b; charset=undefined",
    ):
        assert raw(server, change, file, kind=kind).status_code in {400, 415}, kind
    packed = {"Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip"}
    assert server.post("/update", content=b"x", headers=packed).status_code == 415
    assert server.kg.head == 0
    assert raw(server, change, file).status_code == 204


def test_queries_bring_no_files(server: Running) -> None:
    answer = server.post("/sparql", data={"query": "ASK {}"}, files={"file": ("a.ttl", TURTLE)})
    assert told(answer)[:2] == (415, "unsupported-media-type")


def test_no_more_than_a_body_may_have(model_only: OxigraphStore) -> None:
    with model_only.copy() as store:
        kg = KnowledgeGraph.open(Settings(max_body=4000, max_query=300), store, guarded=False)
        with running(kg) as server:
            many = "".join(f"<urn:x:a> <urn:x:b> {n} .\n" for n in range(200))
            assert told(send(server, LOAD, ("a.ttl", many)))[:2] == (413, "too-large")
            assert told(send(server, "CLEAR ALL" + " " * 4000))[0] == 413
            half = "".join(f"<urn:x:a> <urn:x:b> {n} .\n" for n in range(100))
            assert send(server, LOAD, ("a.ttl", half)).status_code == 204
            assert len(graph(server)) == 100
            twice = send(server, f"{LOAD} ; LOAD <cid:a.ttl> INTO GRAPH <urn:x:h>", ("a.ttl", half))
            assert told(twice) == (413, "too-large", "update")
            assert server.kg.head == 1
        kg.close()


def test_a_large_update_and_a_large_file(server: Running) -> None:
    """Beyond a mebibyte, where fields of forms end elsewhere and files leave the memory."""
    many = "".join(f"<urn:x:a> <urn:x:b> '{'x' * 1000} {n}' .\n" for n in range(1_200))
    answer = send(server, f"# {'x' * 2_000_000}\n{LOAD}", ("a.ttl", many))
    assert answer.status_code == 204, answer.text
    assert len(graph(server)) == 1_200


def test_who_may_load(demo_kg: KnowledgeGraph, tmp_path: Path) -> None:
    """As for other updates: by role, for a purpose without reading, from a browser only with its own pages."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, guarded=False)
        with serving(kg, tmp_path) as server:
            parts: dict[str, Any] = {"data": {"update": LOAD}, "files": {"file": ("a.ttl", TURTLE)}}
            editor = make_key(kg.settings, Role.EDITOR, purposes=(RESEARCH,), default=RESEARCH)
            reader = make_key(kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
            assert asking(server, "/update", reader, "POST", **parts).status_code == 403
            answer = asking(server, "/update", editor, "POST", **parts)
            assert answer.status_code == 204, answer.text
            parts["data"] = {"update": f"{LOAD} ; DELETE WHERE {{ ?s ?p ?o }}"}
            assert told(asking(server, "/update", editor, "POST", **parts))[:2] == (403, "forbidden")
            event = "<https://kg.example/id/x> a <https://w3id.org/kgservice/ci#ConsentEvent> ."
            parts = {"data": {"update": "LOAD <cid:a.ttl>"}, "files": {"file": ("a.ttl", event)}}
            assert asking(server, "/update", editor, "POST", **parts).status_code == 403
            with httpx.Client() as browser:
                cookie = server.sign_in(browser)
                foreign = {"Cookie": cookie, "Origin": "http://elsewhere.example"}
                parts = {"data": {"update": LOAD}, "files": {"file": ("a.ttl", "")}, "headers": foreign}
                refused = httpx.post(f"{server.url}update", **parts)
                assert refused.status_code == 403
                parts["headers"] = foreign | {"Origin": server.url.rstrip("/")}
                assert httpx.post(f"{server.url}update", **parts).status_code == 204
        kg.close()


def test_german_words(server: Running) -> None:
    german = {"Accept-Language": "de"}
    for text, words in {
        "LOAD <urn:x:a>": "keine Anfragen nach außen",
        "LOAD <cid:b.ttl>": "keine Datei 'b.ttl' für LOAD",
    }.items():
        answer = server.post("/update", data={"update": text}, headers=german)
        assert words in answer.json()["detail"]
