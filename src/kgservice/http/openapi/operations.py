"""The one table of what can be asked over HTTP, from which `/openapi.json` is made."""

from __future__ import annotations

from typing import Any

from kgservice.application.law.audit_export import FILTERS as AUDITED
from kgservice.application.law.subjects import WAYS
from kgservice.domain.rights import REFERENCE
from kgservice.http.messages.negotiation import HTML, OF_KIND, PLAIN_JSON, SVG, Representation
from kgservice.http.messages.operation import COSTLY, MULTIPART, TEXT, Body, Offers, Operation, form, members
from kgservice.http.messages.operation import GUARDED as _GUARDED
from kgservice.http.openapi.crm_operations import CRM
from kgservice.http.pages.operations import PAGES
from kgservice.http.resources.parquet import PARQUET
from kgservice.http.resources.validation import OFFERS as REPORTS
from kgservice.store.base import Kind
from kgservice.store.formats import CSV, GRAPH_FORMATS, JSON_LD, N_TRIPLES, TURTLE

_GRAPH: Offers = GRAPH_FORMATS
_SOLUTIONS: Offers = OF_KIND[Kind.SOLUTIONS]
_RESULTS: Offers = (*_SOLUTIONS, *_GRAPH)
_MOMENT = {"type": "string", "format": "date-time"}
_REFERENCE = {"type": "string", "pattern": f"^{REFERENCE.pattern}$"}
_TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
_FILES = {
    MULTIPART: {
        "type": "object",
        "properties": {"files": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "required": ["files"],
    }
}
_DOCUMENT: Body = {fmt.media_type: TEXT for fmt in GRAPH_FORMATS}
_CONSENT: dict[str, Any] = {
    "method": TEXT,
    "time": _MOMENT,
    "by": {"enum": ["DataSubject", "Guardian"]},
    "expires": _MOMENT,
}
_RESTRICTION: dict[str, Any] = {"records": _TEXTS, "from": _MOMENT, "reason": TEXT, "request": TEXT}
_QUERY = {"query": TEXT, "default-graph-uri": TEXT, "named-graph-uri": TEXT, "timeout": TEXT}
_UPDATE = {"update": TEXT, "using-graph-uri": TEXT, "using-named-graph-uri": TEXT, "timeout": TEXT}
_LOADING: Body = {
    MULTIPART: {
        "type": "object",
        "properties": {**_UPDATE, "file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "required": ["update"],
    }
}


def _written(summary: str, *statuses: int) -> Operation:
    """A write of a graph."""
    body = {**_DOCUMENT, **_FILES}
    return Operation(summary, (), statuses, body=body, fails=(412, *_GUARDED), changes=True)


def _changed(summary: str, body: Body | None = None, *, status: int = 200, agent: bool = True) -> Operation:
    """A change that is answered with JSON; `agent`: it may name who decided."""
    asked = ("agent",) if agent else ()
    return Operation(summary, statuses=(status,), asked=asked, body=body or {}, fails=_GUARDED, changes=True)


def _job(summary: str, status: int) -> Operation:
    """Maintenance: its steps as they come, where it is told of, or its result (`Prefer: wait=60`)."""
    answers = (PLAIN_JSON, Representation("ndjson", ("application/x-ndjson",)))
    return Operation(
        f"{summary} (`Prefer: wait=60` to wait)", answers, tuple(sorted({200, status, 202})), fails=(409, 507)
    )


_NAMED = ("graph", "default")
_PERSON = "/subjects/{key}"

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/sparql"): Operation(
        "Answer a query, or describe the service", _RESULTS, asked=tuple(_QUERY), fails=COSTLY, reads=True
    ),
    ("post", "/sparql"): Operation(
        "Answer a query",
        _RESULTS,
        asked=("default-graph-uri", "named-graph-uri", "timeout"),
        body={"application/sparql-query": TEXT, **form(_QUERY, "query")},
        fails=COSTLY,
        reads=True,
    ),
    ("post", "/update"): Operation(
        "Make a SPARQL Update",
        (),
        (204,),
        ("using-graph-uri", "using-named-graph-uri", "timeout"),
        {"application/sparql-update": TEXT, **form(_UPDATE, "update"), **_LOADING},
        (*_GUARDED, 504),
        reads=True,
        changes=True,
    ),
    ("get", "/graphs"): Operation("Read a graph", _GRAPH, asked=_NAMED, fails=(404,)),
    ("put", "/graphs"): _written("Put a document in the place of a graph", 201, 204),
    ("post", "/graphs"): _written("Add a document to a graph, or make a new one", 201, 204),
    ("delete", "/graphs"): Operation(
        "Delete a graph", (), (204,), _NAMED, fails=(412, *_GUARDED), changes=True
    ),
    ("get", "/graphs/{path}"): Operation("Read the graph with this address", _GRAPH),
    ("put", "/graphs/{path}"): _written("Put a document in its place", 201, 204),
    ("post", "/graphs/{path}"): _written("Add a document to it", 201, 204),
    ("delete", "/graphs/{path}"): Operation(
        "Delete the graph with this address", (), (204,), fails=(412, *_GUARDED), changes=True
    ),
    ("post", "/records"): Operation(
        "Make records", statuses=(201,), body=_DOCUMENT, fails=_GUARDED, reads=True, changes=True
    ),
    ("get", "/records/{key}"): Operation("A record as it was stated", _GRAPH, reads=True),
    ("put", "/records/{key}"): Operation(
        "Put a record in its place",
        (),
        (201, 204),
        body=_DOCUMENT,
        fails=(412, *_GUARDED),
        reads=True,
        changes=True,
    ),
    ("delete", "/records/{key}"): Operation(
        "Delete a record, and what refers to it", (), (204,), fails=(412, *_GUARDED), reads=True, changes=True
    ),
    ("get", "/queries"): Operation("The saved questions"),
    ("get", "/queries/{id}"): Operation(
        "The answer of a saved question, whose parameters stand in the address",
        (*_SOLUTIONS, PARQUET),
        fails=COSTLY,
        reads=True,
    ),
    ("get", "/trace/{key}"): Operation(
        "The chain through a pain point, solution or impact", (PLAIN_JSON, JSON_LD), reads=True
    ),
    ("get", "/journeys"): Operation("The customer journeys", asked=("segment",), reads=True),
    ("get", "/journeys/{key}"): Operation(
        "A customer journey, beside the one that was planned",
        (PLAIN_JSON, JSON_LD, SVG),
        asked=("lang",),
        reads=True,
    ),
    ("get", "/ontology"): Operation("The model", (*_GRAPH, HTML), asked=("lang",), reads=True),
    ("get", "/ontology/{name}"): Operation(
        "A term or module of the model", (*_GRAPH, HTML), (200, 303), ("lang",), reads=True
    ),
    ("get", "/id/{key}"): Operation("An instance", (*_GRAPH, HTML), (200, 303), ("lang",), reads=True),
    ("post", "/imports"): Operation(
        "Load RDF files, and tables with their mapping",
        (PLAIN_JSON, Representation("ndjson", ("application/x-ndjson",))),
        body={**_DOCUMENT, **_FILES},
        fails=_GUARDED,
        changes=True,
    ),
    ("post", "/consents"): _changed(
        "Record a consent",
        members(
            *("subject", "purposes", "categories", "notice", "recipients", "retention", "storagePlace"),
            *("jurisdiction", "withdrawalWay", "expires", "method"),
            purposes=_TEXTS,
            categories=_TEXTS,
            recipients=_TEXTS,
            retention={"type": "integer", "minimum": 1},
            explicit={"type": "boolean"},
            controller=TEXT,
            requested=_MOMENT,
            guardian={"type": "object", "properties": {"role": TEXT, "verified": _MOMENT}},
            time=_MOMENT,
            by=_CONSENT["by"],
            expires=_MOMENT,
        ),
        status=201,
    ),
    ("get", "/consents/{id}"): Operation("A consent", (PLAIN_JSON, JSON_LD, HTML), asked=("lang",)),
    ("post", "/consents/{id}/withdraw"): _changed(
        "Withdraw a consent", members("method", time=_MOMENT, by=_CONSENT["by"])
    ),
    ("post", "/consents/{id}/renew"): _changed("Renew a consent", members("method", "expires", **_CONSENT)),
    ("get", "/decisions"): Operation(
        "Whether data of a person may be used", asked=("subject!", "category!", "purpose!", "at")
    ),
    ("get", "/subjects"): Operation("The persons that fit", asked=WAYS),
    ("post", "/subjects/search"): Operation(
        "The persons that fit, without a trace in the address", body=members(**dict.fromkeys(WAYS, TEXT))
    ),
    ("get", _PERSON): Operation("What there is about a person, in numbers"),
    ("get", f"{_PERSON}/access"): Operation(
        "All data of a person", (PLAIN_JSON, JSON_LD, HTML), asked=("lang", "file"), fails=(409,)
    ),
    ("get", f"{_PERSON}/export"): Operation("What a person takes along", (JSON_LD, CSV, PLAIN_JSON)),
    ("post", f"{_PERSON}/rectification"): _changed(
        "Rectify data of a person", members("set", set={"type": "object"}, record=TEXT, request=TEXT)
    ),
    ("post", f"{_PERSON}/erasure"): _changed(
        "Erase a person", members(otherBasis={"enum": ["keep", "erase"]}, request=TEXT, received=_MOMENT)
    ),
    ("post", f"{_PERSON}/objection"): _changed(
        "Note an objection", members(request=TEXT, received=_MOMENT), status=201
    ),
    ("get", f"{_PERSON}/restriction"): Operation("The restrictions of a person"),
    ("post", f"{_PERSON}/restriction"): _changed(
        "Restrict data of a person",
        members(**_RESTRICTION),
        status=201,
    ),
    ("post", f"{_PERSON}/restriction/{{id}}/lift"): _changed(
        "End a restriction", members(time=_MOMENT, informed={"type": "boolean"})
    ),
    ("get", "/requests"): Operation("The tickets of what persons asked for", asked=("status", "kind")),
    ("post", "/requests"): _changed(
        "Record a ticket",
        members("kind", subject=TEXT, reference=_REFERENCE, received=_MOMENT),
        status=201,
    ),
    ("get", "/requests/{id}"): Operation("A ticket"),
    ("post", "/requests/{id}/extend"): _changed(
        "Extend the time of a ticket", members("reason", months={"type": "integer"})
    ),
    ("post", "/requests/{id}/answer"): _changed(
        "Tell how a ticket was decided", members("outcome", time=_MOMENT, reason=TEXT)
    ),
    ("get", "/processing-activities"): Operation(
        "The record of processing activities", (PLAIN_JSON, JSON_LD, CSV), asked=("lang",)
    ),
    ("get", "/validation"): Operation("The findings on all records", REPORTS),
    ("post", "/validation"): Operation(
        "The findings that a document would bring", REPORTS, body=_DOCUMENT, fails=(409,)
    ),
    ("get", "/findings"): Operation(
        "The findings that are kept", asked=("status", "severity", "rule", "focus", "owner", "limit")
    ),
    ("post", "/findings"): _changed("Validate everything, and keep what is found"),
    ("get", "/findings/{id}"): Operation("A finding explained"),
    ("post", "/findings/{id}/owner"): _changed(
        "Say who is to mend a finding", members("owner", owner={"type": ["string", "null"]})
    ),
    ("post", "/findings/{id}/waiver"): _changed(
        "Accept a finding for a time", members("reason", "until", until=_MOMENT)
    ),
    ("delete", "/findings/{id}/waiver"): _changed("Take that back"),
    ("post", "/findings/{id}/proposals/{proposal}"): _changed("Make a change that would mend a finding"),
    **CRM,
    ("get", "/quality"): Operation("The measures of data quality", (PLAIN_JSON, TURTLE, JSON_LD, N_TRIPLES)),
    ("post", "/quality"): Operation(
        "Keep a measurement",
        (PLAIN_JSON, TURTLE, JSON_LD, N_TRIPLES),
        (200, 201),
        fails=(507,),
        changes=True,
    ),
    ("get", "/quarantine"): Operation("What waits in quarantine", asked=("status",)),
    ("get", "/quarantine/{id}"): Operation("An entry of the quarantine", fails=_GUARDED),
    ("put", "/quarantine/{id}"): _changed("Mend an entry", _DOCUMENT, agent=False),
    ("delete", "/quarantine/{id}"): _changed("Discard an entry", members("reason"), agent=False),
    ("post", "/quarantine/{id}/release"): _changed("Release an entry", agent=False),
    ("get", "/audit"): Operation(
        "Entries of the audit log",
        (PLAIN_JSON, Representation("jsonl", ("application/jsonl", "application/x-ndjson")), CSV),
        asked=(*AUDITED, "limit"),
    ),
    ("get", "/audit/verification"): Operation("Whether the audit log is whole", asked=("head",)),
    ("get", "/backups"): Operation("The backups that there are"),
    ("post", "/backups"): _job("Make a backup", 201),
    ("get", "/check"): Operation("The checks of the store since the start of the service"),
    ("post", "/check"): _job(
        "Check whether the views equal their definition: `faults`, empty when they do", 200
    ),
    ("get", "/maintenance"): Operation("Backups, verifications and checks since the start of the service"),
    ("get", "/maintenance/{id}"): Operation(
        "How far one of them is, or how it ended (`Prefer: wait=60`: when it has)", fails=(404,)
    ),
    ("post", "/maintenance/{id}/stop"): Operation("Ask that one of them be stopped", fails=(404, 409)),
    ("get", "/export"): Operation(
        "The whole dataset, or the view of a purpose", _GRAPH, asked=("views",), reads=True
    ),
    ("get", "/metrics"): Operation("Figures for Prometheus", (Representation("text", ("text/plain",)),)),
    ("get", "/health"): Operation("Status, version, and what queries read", is_open=True),
    ("get", "/health/live"): Operation("Whether the process answers", is_open=True),
    ("get", "/health/ready"): Operation("Whether requests shall come here", is_open=True),
    ("get", "/openapi.json"): Operation("This description"),
    ("get", "/problems/{name}"): Operation("What a kind of problem means", (PLAIN_JSON, HTML), is_open=True),
    **PAGES,
}
