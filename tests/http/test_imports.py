"""`POST /imports`: files come in by the request only."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from kgservice import resources
from kgservice.errors import BadInput
from kgservice.http.resources.imports import safe_path
from tests.serving import Running

TURTLE = "@prefix ci: <https://w3id.org/kgservice/ci#> . <https://kg.example/id/1> a ci:PainPoint ."


def test_rdf_comes_in_as_a_body(server: Running) -> None:
    answer = server.post("/imports", content=TURTLE, headers={"Content-Type": "text/turtle"})
    assert answer.status_code == 200, answer.text
    (summary,) = answer.json()["imports"]
    assert (summary["statements"], summary["added"]) == (1, 1)


def test_files_come_in_together(server: Running) -> None:
    files = [("files", ("a.ttl", TURTLE)), ("files", ("b/c.ttl", TURTLE.replace("id/1", "id/2")))]
    (summary,) = server.post("/imports", files=files).json()["imports"]
    assert (summary["files"], summary["added"]) == (["a.ttl", "c.ttl"], 2)


def test_steps_are_lines(server: Running) -> None:
    headers = {"Accept": "application/x-ndjson"}
    answer = server.post("/imports", files=[("files", ("a.ttl", TURTLE))], headers=headers)
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [event["event"] for event in events] == ["progress", "done"]


def test_a_problem_is_told_in_both_forms(server: Running) -> None:
    files = [("files", ("a.ttl", "<urn:a> <urn:b> ."))]
    plain = server.post("/imports", files=files)
    assert (plain.status_code, plain.json()["line"]) == (400, 1)
    lines = server.post("/imports", files=files, headers={"Accept": "application/x-ndjson"}).text
    assert json.loads(lines.splitlines()[-1])["type"] == plain.json()["type"]


@pytest.mark.parametrize("name", ["../up.ttl", "/etc/passwd.ttl", "a\\b.ttl", "a/../../b.ttl", "c:x.ttl", ""])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(BadInput):
        safe_path(name)


def test_a_name_that_leads_elsewhere_writes_nothing(server: Running) -> None:
    answer = server.post("/imports", files=[("files", ("../up.ttl", TURTLE))])
    assert answer.status_code == 400
    assert server.kg.head == 0


def test_the_sql_of_a_mapping_reaches_no_file(server: Running, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\nsecret\n")
    folder = resources.folder("examples") / "spreadsheet"
    files = []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        if path.suffix == ".sql":
            content += f"\n; CREATE TABLE stolen AS SELECT * FROM read_csv('{secret}');".encode()
        files.append(("files", (f"table/{path.name}", content)))
    answer = server.post("/imports", files=files)
    assert answer.status_code == 400
    assert "disabled" in answer.json()["detail"]
    assert server.kg.head == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("source.sql", "DROP TABLE raw"),
        ("graph.rq", "CONSTRUCT { ?s"),
        ("csv-metadata.json", "[" * 100_000),
        ("csv-metadata.json", '{"dc:title": "\\ud800"}'),
    ],
)
def test_a_broken_mapping_is_a_bad_request(server: Running, name: str, content: str) -> None:
    folder = resources.folder("examples") / "spreadsheet"
    sent = {path.name: path.read_bytes() for path in folder.iterdir()} | {name: content.encode()}
    answer = server.post("/imports", files=[("files", (f"table/{n}", c)) for n, c in sent.items()])
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/unreadable-table")
    assert tempfile.gettempdir() not in answer.text


def test_a_file_and_a_folder_of_one_name(server: Running) -> None:
    answer = server.post("/imports", files=[("files", ("a", TURTLE)), ("files", ("a/b.ttl", TURTLE))])
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-input")


def test_other_methods_and_bodies(server: Running) -> None:
    assert server.request("PUT", "/imports").status_code == 405
    assert server.post("/imports", content=b"x", headers={"Content-Type": "image/png"}).status_code == 415
    assert server.post("/imports", files=[("files", ("a.txt", "x"))]).status_code == 400


def test_a_name_in_a_charset_that_does_not_fit(server: Running) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="\xff.ttl"\r\n\r\n\r\n--b--\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}
    answer = server.post("/imports", content=body, headers=kind)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-input")
    packed = server.post("/imports", content=body, headers=kind | {"Content-Encoding": "gzip"})
    assert packed.status_code == 415
