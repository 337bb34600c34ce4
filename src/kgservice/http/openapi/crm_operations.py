"""What can be asked over HTTP of sources of customers and of links: a part of the table of operations."""

from __future__ import annotations

from kgservice.application.links.records import FILTERS
from kgservice.application.sources.asked_records import MOST
from kgservice.domain.link import ORGANISATIONS, PERSONS
from kgservice.http.messages.negotiation import PLAIN_JSON, Representation
from kgservice.http.messages.operation import GUARDED, Operation, members
from kgservice.store.formats import CSV


def _decision(summary: str) -> Operation:
    """A decision on a link, on the condition that `If-Match` names."""
    return Operation(summary, asked=("agent",), body=members("reason"), fails=(412, *GUARDED), changes=True)


def _settling(summary: str) -> Operation:
    """A decision on a field."""
    return Operation(summary, asked=("agent",), body=members("reason"), fails=GUARDED, changes=True)


def _run(summary: str, *asked: str) -> Operation:
    """A run: its steps as they come, its result, or where it is told of (`Prefer: respond-async`)."""
    return Operation(
        summary,
        (PLAIN_JSON, Representation("ndjson", ("application/x-ndjson",))),
        (200, 202),
        ("agent", *asked),
        fails=(*GUARDED, 502),
        changes=True,
    )


_RECORDS = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": MOST}

CRM: dict[tuple[str, str], Operation] = {
    ("get", "/imports"): Operation("The sources of customers, and the last runs"),
    ("get", "/imports/{source}"): Operation(
        "A source with the rows that were refused and the kind of each, and its last runs",
        asked=("limit",),
        fails=(409,),
    ),
    ("get", "/imports/{source}/runs"): Operation("The last runs of a source"),
    ("post", "/imports/{source}/runs"): _run("Read what has changed in a source", "allowEmpty"),
    ("get", "/imports/{source}/runs/{run}"): Operation("A run: how far it is, or what it did"),
    ("post", "/imports/{source}/runs/{run}/stop"): Operation("Ask that a run be stopped", fails=(409,)),
    ("get", "/imports/{source}/export"): Operation(
        "The links of a source with the consents of whom they mean", (PLAIN_JSON, CSV)
    ),
    ("post", "/imports/{source}/export"): Operation(
        "Bring them into the CRM, or tell what that would change",
        body=members(apply={"type": "boolean"}),
        fails=(409, 502),
    ),
    ("get", "/links"): Operation("The links of CRM records that fit, the likeliest first", asked=FILTERS),
    ("post", "/links/candidates"): Operation(
        "Who in the graph new records of a CRM may be, the likeliest first",
        body=members("kind", "records", kind={"enum": [PERSONS, ORGANISATIONS]}, records=_RECORDS),
    ),
    ("get", "/links/report"): Operation("How many links there are, and who decided them"),
    ("get", "/links/conflicts"): Operation("The fields in which a CRM and the graph differ"),
    ("post", "/links/conflicts/{id}/take"): _settling("Take the value of the CRM"),
    ("post", "/links/conflicts/{id}/keep"): _settling("Keep the value of the graph"),
    ("post", "/links/conflicts/{id}/undo"): _settling("Take the last decision on a field back"),
    ("get", "/links/runs"): Operation("The last runs of the matching"),
    ("post", "/links/runs"): _run("Match what the sources of a CRM hold with the graph"),
    ("get", "/links/runs/{run}"): Operation("A run: how far it is, or what it did"),
    ("post", "/links/runs/{run}/stop"): Operation("Ask that a run be stopped", fails=(409,)),
    ("get", "/links/{id}"): Operation("A link with its whole explanation"),
    ("get", "/links/{id}/waterfall"): Operation(
        "The weights of a link as a picture", (Representation("svg", ("image/svg+xml",)),), asked=("lang",)
    ),
    ("post", "/links/{id}/accept"): _decision("Say that a record is the customer"),
    ("post", "/links/{id}/reject"): _decision("Say that a record is not the customer"),
    ("post", "/links/{id}/undo"): _decision("Take the last decision back"),
}
