from __future__ import annotations

import gzip
from urllib.parse import quote, unquote

import pytest
from pyoxigraph import RdfFormat, parse

from tests.serving import Running

TURTLE = {"Content-Type": "text/turtle"}
NAME = "urn:x:g"
GRAPH = f"/graphs?graph={NAME}"


def statements(server: Running, path: str = GRAPH) -> set[str]:
    answer = server.get(path, headers={"Accept": "application/n-triples"})
    assert answer.status_code == 200, answer.text
    return set(answer.text.splitlines())


def test_put_replaces_and_post_adds(server: Running) -> None:
    put = server.request("PUT", GRAPH, content="<urn:a> <urn:b> 1 .", headers=TURTLE)
    assert (put.status_code, put.headers["location"]) == (201, NAME)
    assert server.request("PUT", GRAPH, content="<urn:a> <urn:b> 2 .", headers=TURTLE).status_code == 204
    assert server.post(GRAPH, content="<urn:a> <urn:b> 3 .", headers=TURTLE).status_code == 204
    assert {line.split('"')[1] for line in statements(server)} == {"2", "3"}
    assert server.request("DELETE", GRAPH).status_code == 204
    assert server.request("DELETE", GRAPH).status_code == 404
    assert server.get(GRAPH).status_code == 404
    assert server.request("HEAD", GRAPH).status_code == 404


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "application/n-triples",
        "application/rdf+xml",
        "application/ld+json",
        "application/trig",
        "application/n-quads",
    ],
)
def test_every_format_goes_in_and_comes_out(server: Running, accept: str) -> None:
    fmt = RdfFormat.from_media_type(accept)
    assert fmt is not None
    server.request("PUT", GRAPH, content='<urn:a> <http://b.example/b> "ü"@de .', headers=TURTLE)
    answer = server.get(GRAPH, headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == accept
    (quad,) = parse(answer.content, fmt)
    assert str(quad.triple) == '<urn:a> <http://b.example/b> "ü"@de'
    back = server.request(
        "PUT", "/graphs?graph=urn:x:h", content=answer.content, headers={"Content-Type": accept}
    )
    assert back.status_code == 201
    assert statements(server, "/graphs?graph=urn:x:h") == statements(server)


def test_the_default_graph_always_exists(server: Running) -> None:
    assert statements(server, "/graphs?default") == set()
    assert server.request("HEAD", "/graphs?default").status_code == 200
    assert server.post("/graphs?default", content="<urn:a> <urn:b> 1 .", headers=TURTLE).status_code == 204
    assert len(statements(server, "/graphs?default")) == 1
    assert server.request("DELETE", "/graphs?default").status_code == 204
    assert statements(server, "/graphs?default") == set()


def test_addresses_below_graphs_name_graphs(server: Running) -> None:
    assert (
        server.request("PUT", "/graphs/a/b.ttl", content="<> <urn:b> 1 .", headers=TURTLE).status_code == 201
    )
    assert len(statements(server, "/graphs/a/b.ttl")) == 1
    indirect = f"/graphs?graph={quote(server.url + 'graphs/a/b.ttl', safe='')}"
    assert statements(server, indirect) == statements(server, "/graphs/a/b.ttl")
    assert f"<{server.url}graphs/a/b.ttl> <urn:b>" in next(iter(statements(server, indirect)))


def test_post_to_the_store_makes_a_graph(server: Running) -> None:
    made = [server.post("/graphs", content="<urn:a> <urn:b> 1 .", headers=TURTLE) for _ in range(2)]
    assert [m.status_code for m in made] == [201, 201]
    places = [m.headers["location"] for m in made]
    assert len(set(places)) == 2
    for place in places:
        assert place.startswith(f"{server.url}graphs/")
        assert len(statements(server, place.removeprefix(server.url))) == 1


def test_several_files_are_one_change(server: Running) -> None:
    before = server.get("/health").json()["commit"]
    files = [
        ("a", ("a.ttl", "<urn:a> <urn:b> 1 .", "text/turtle")),
        ("b", ("b.nt", "<urn:a> <urn:b> <urn:c> .", "application/octet-stream")),
    ]
    assert server.post(GRAPH, files=files).status_code == 201
    assert len(statements(server)) == 2
    assert server.get("/health").json()["commit"] == before + 1


def test_a_broken_file_among_several_changes_nothing(server: Running) -> None:
    for broken in ("oops", "<<(" * 200):
        files = [
            ("a", ("a.ttl", "<urn:a> <urn:b> 1 .", "text/turtle")),
            ("b", ("b.ttl", f"<urn:a> <urn:b> 2 .\n{broken}", "text/turtle")),
        ]
        answer = server.post(GRAPH, files=files).json()
        assert (answer["status"], answer.get("source"), answer["line"]) == (400, "b.ttl", 2)
    assert server.get(GRAPH).status_code == 404


def test_multipart_that_is_none(server: Running) -> None:
    for kind, body in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"x"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n',
        ),
        (
            "multipart/form-data; boundary=b; charset=undefined",
            b'--b\r\nContent-Disposition: form-data; name="x"; filename="\xff.ttl"\r\n\r\n\r\n--b--\r\n',
        ),
    ):
        answer = server.post(GRAPH, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400
        assert answer.json()["type"] == "/problems/bad-input"


def test_large_and_compressed_bodies(server: Running) -> None:
    lines = "".join(f'<urn:a> <urn:b> "{"x" * 1000} {n}" .\n' for n in range(2_200)).encode()
    assert len(lines) > 2 * 1024 * 1024
    kind = {"Content-Type": "application/n-triples"}
    assert server.request("PUT", GRAPH, content=lines, headers=kind).status_code == 201
    other = "/graphs?graph=urn:x:h"
    packed = server.request(
        "PUT", other, content=gzip.compress(lines), headers=kind | {"Content-Encoding": "gzip"}
    )
    assert packed.status_code == 201
    assert statements(server) == statements(server, other)
    assert len(statements(server)) == 2_200


def test_etag(server: Running) -> None:
    server.request("PUT", GRAPH, content="<urn:a> <urn:b> 1 .", headers=TURTLE)
    tag = server.get(GRAPH).headers["etag"]
    assert server.get(GRAPH, headers={"If-None-Match": tag}).status_code == 304
    server.post(GRAPH, content="<urn:a> <urn:b> 2 .", headers=TURTLE)
    assert server.get(GRAPH, headers={"If-None-Match": tag}).status_code == 200


def test_managed_graphs_are_guarded(server: Running) -> None:
    for name in ("ontology", "provenance", "finding"):
        path = f"/graphs?graph=https://kg.example/graph/{name}"
        answer = server.post(path, content="<urn:a> <urn:b> 1 .", headers=TURTLE)
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/forbidden"
    view = "/graphs?graph=https://kg.example/view/everything"
    assert server.request("DELETE", view).status_code == 403
    assert server.get(view).status_code == 200


@pytest.mark.parametrize("name", ["https://kg.example/日本/ü?q=a b".replace(" ", "%20"), "urn:x:Ω#%C3%A4"])
def test_the_location_of_a_new_graph_is_a_uri(server: Running, name: str) -> None:
    address = f"/graphs?graph={quote(name, safe='')}"
    put = server.request("PUT", address, content="<urn:a> <urn:b> 1 .", headers=TURTLE)
    assert put.status_code == 201
    location = put.headers["location"]
    assert location.isascii()
    assert unquote(location) == unquote(name)
    assert len(statements(server, address)) == 1


def test_the_second_of_two_writers_is_told(server: Running) -> None:
    """Both read the same state; who writes last would undo the other unnoticed."""
    address = {"graph": "https://kg.example/mine"}
    turtle = {"Content-Type": "text/turtle"}
    server.request("PUT", "/graphs", params=address, content="<urn:a> <urn:b> 1 .", headers=turtle)
    seen = server.get("/graphs", params=address).headers["etag"]
    assert (
        server.get("/graphs", params=address, headers={"Accept": "application/n-quads"}).headers["etag"]
        != seen
    )
    # What others do elsewhere does not matter.
    server.request("PUT", "/graphs", params={"graph": "urn:other"}, content="", headers=turtle)
    mine = {**turtle, "If-Match": f'"x", {seen}'}
    first = server.request("PUT", "/graphs", params=address, content="<urn:a> <urn:b> 2 .", headers=mine)
    assert first.status_code == 204
    for method in ("PUT", "POST", "DELETE"):
        second = server.request(
            method, "/graphs", params=address, content="<urn:a> <urn:b> 3 .", headers=mine
        )
        assert second.status_code == 412
        assert second.json()["type"] == "/problems/precondition-failed"
        assert second.json()["source"] == "If-Match"
    text = server.get("/graphs", params=address, headers={"Accept": "application/n-triples"}).text
    assert text.startswith('<urn:a> <urn:b> "2"')
    assert text.count("\n") == 1
    now = server.get("/graphs", params=address).headers["etag"]
    gone = server.request("DELETE", "/graphs", params=address, headers={"If-Match": now})
    assert gone.status_code == 204


def test_a_graph_is_made_only_once(server: Running) -> None:
    address = {"graph": "https://kg.example/mine"}
    headers = {"Content-Type": "text/turtle", "If-None-Match": "*"}
    for status in (201, 412):
        answer = server.request(
            "PUT", "/graphs", params=address, content="<urn:a> <urn:b> 1 .", headers=headers
        )
        assert answer.status_code == status
    headers = {"Content-Type": "text/turtle", "If-Match": "*"}
    answer = server.request("PUT", "/graphs", params={"graph": "urn:new"}, content="", headers=headers)
    assert answer.status_code == 412
