"""The dry run over HTTP: what a document would bring and mend, and that nothing is written."""

from __future__ import annotations

import pytest

from kgservice.application.graph import KnowledgeGraph
from kgservice.application.load import load_rdf
from kgservice.application.validation import validate
from kgservice.domain.change import Change, Origin
from tests.serving import Running, running

HEAD = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
PAIN = "00000000-0000-4000-8000-00000000000a"
PLACE = "00000000-0000-4000-8000-00000000000b"


def found(server: Running, turtle: str) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The new and the mended findings of a dry run: shape and last part of the focus node."""
    answer = server.post("/validation", content=HEAD + turtle, headers={"Content-Type": "text/turtle"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["violations"] == sum(f["severity"] == "Violation" for f in body["findings"])
    new, mended = (
        {(f["shape"].split("#")[1], f["focus"].split("/")[-1]) for f in body[key]}
        for key in ("findings", "mended")
    )
    return new, mended


def test_what_a_document_would_bring_and_mend(kg: KnowledgeGraph) -> None:
    with running(kg) as server:
        kg.commit(Change())
        before = kg.head
        new, mended = found(server, f"id:{PAIN} a ci:UsagePainPoint .")
        assert {("R02-touchpoint", PAIN), ("R02-kind", PAIN), ("R02-evidence", PAIN)} <= new
        assert mended == set()
        assert kg.head == before
        assert validate(kg).findings == ()


def test_only_what_the_document_changes_is_told(
    kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("data") / "pain.ttl"
    path.write_text(f"{HEAD} id:{PAIN} a ci:UsagePainPoint . id:{PLACE} a ci:Touchpoint .", encoding="utf-8")
    load_rdf(kg, [path], Origin())
    everything = {(f.rule.shape.split("#")[1], f.focus.value.split("/")[-1]) for f in validate(kg).findings}
    with running(kg) as server:
        new, mended = found(server, f"id:{PAIN} ci:painPointKind ci:Problem ; ci:occursAt id:{PLACE} .")
    assert {("R02-kind", PAIN), ("R02-touchpoint", PAIN)} <= mended <= everything
    path.write_text(
        f"{HEAD} id:{PAIN} ci:painPointKind ci:Problem ; ci:occursAt id:{PLACE} .", encoding="utf-8"
    )
    load_rdf(kg, [path], Origin())
    after = {(f.rule.shape.split("#")[1], f.focus.value.split("/")[-1]) for f in validate(kg).findings}
    assert (everything - mended) | new == after


def test_bad_documents_are_refused(server: Running) -> None:
    for body, media_type, status in (
        ("id:x a", "text/turtle", 400),
        ("{}", "application/json", 415),
        ("<a> <b> <c> <https://kg.example/view/everything> .", "application/n-quads", 400),
        (
            "<urn:a> <urn:b> <urn:c> <https://kg.example/view/everything> .",
            "application/n-quads",
            403,
        ),
    ):
        answer = server.post("/validation", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
