"""What can be asked of the pages for people, and of signing in: the rest of the table of operations."""

from __future__ import annotations

from kgservice.domain.principal import Role
from kgservice.http.messages.negotiation import HTML, Representation
from kgservice.http.messages.operation import COSTLY, MULTIPART, TEXT, Offers, Operation, form

PAGE: Offers = (HTML,)
_XLSX = Representation("xlsx", ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",))


def _decision(summary: str, *fields: str) -> Operation:
    """A form that changes something; the answer leads back to the page."""
    return Operation(
        summary,
        (),
        (303,),
        body=form(dict.fromkeys(fields, TEXT)),
        fails=(404, 409, 422),
        changes=True,
        of_page=True,
    )


# Besides these a form has fields named by the properties of its class, such as `v.measurement/value.0`.
_RECORD = Operation(
    "Save a record by a form, or have the form with one more place for a value",
    PAGE,
    (200, 303),
    body=form(dict.fromkeys(("do", "record", "version", "current"), TEXT)),
    fails=(404, 409, 412, 422, 507),
    reads=True,
    changes=True,
    of_page=True,
)


def _shown(summary: str, *fields: str, changes: bool = False, leads: bool = False) -> Operation:
    """A form whose answer is a page, shown once; one that `leads` may lead back instead."""
    return Operation(
        summary,
        PAGE,
        (200, 303) if leads else (200,),
        body=form(dict.fromkeys(fields, TEXT)),
        fails=(404, 409, 422),
        changes=changes,
        of_page=True,
    )


PAGES: dict[tuple[str, str], Operation] = {
    ("get", "/sign-in"): Operation("The page to sign in at", PAGE, is_open=True),
    ("post", "/sign-in"): Operation(
        "Sign in: the answer sets a cookie", (), (303,), body=form({"token": TEXT, "to": TEXT}), is_open=True
    ),
    ("post", "/sign-out"): Operation("End the session of a browser", (), (303,), is_open=True),
    ("get", "/"): Operation("The page to start at", PAGE, asked=("lang",), reads=True),
    ("get", "/pages/contents"): Operation("What is loaded", PAGE, asked=("lang",), reads=True),
    ("get", "/pages/elements"): Operation(
        "The elements of one kind in one phase",
        PAGE,
        asked=("element", "phase", "lang"),
        fails=(404,),
        reads=True,
    ),
    ("get", "/pages/questions"): Operation("The saved questions", PAGE, asked=("q", "lang"), reads=True),
    ("get", "/pages/questions/{id}"): Operation(
        "A saved question and its answer", PAGE, asked=("lang",), fails=COSTLY, reads=True
    ),
    ("get", "/pages/workbench"): Operation(
        "A query and its answer", PAGE, asked=("query", "question", "lang"), fails=COSTLY, reads=True
    ),
    ("get", "/pages/sparql"): Operation(
        "The former address of the workbench", (), (303,), asked=("query", "lang"), of_page=True
    ),
    ("get", "/pages/record"): Operation("A record", PAGE, asked=("iri", "lang"), reads=True),
    ("get", "/pages/records"): Operation("The classes of records", PAGE, asked=("lang",), reads=True),
    ("get", "/pages/records/{name}"): Operation(
        "The records of a class", PAGE, asked=("q", "page", "lang"), fails=(404,), reads=True
    ),
    ("get", "/pages/records/{name}/new"): Operation(
        "The form for a new record", PAGE, asked=("lang",), fails=(404,), reads=True
    ),
    ("post", "/pages/records/{name}/new"): _RECORD,
    ("get", "/pages/records/{name}/record/{key}"): Operation(
        "The form of a record", PAGE, asked=("saved", "lang"), fails=(404,), reads=True
    ),
    ("post", "/pages/records/{name}/record/{key}"): _RECORD,
    ("get", "/pages/records/{name}/sheet"): Operation(
        "Records by spreadsheet: what becomes of each row",
        PAGE,
        asked=("key", "lang"),
        fails=(404,),
        reads=True,
    ),
    ("post", "/pages/records/{name}/sheet"): Operation(
        "Upload a workbook to have it checked; the answer leads to what would become of each row",
        (),
        (303,),
        body={MULTIPART: {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}},
        fails=(404,),
        reads=True,
        of_page=True,
    ),
    ("post", "/pages/records/{name}/sheet/take"): _decision(
        "Take the good rows of an uploaded workbook", "key"
    ),
    ("get", "/pages/records/{name}/sheet/template"): Operation(
        "The workbook to fill in", (_XLSX,), asked=("lang",), fails=(404,), reads=True, of_page=True
    ),
    ("get", "/pages/records/{name}/sheet/refused"): Operation(
        "The refused rows of an uploaded workbook",
        (_XLSX,),
        asked=("key", "lang"),
        fails=(404,),
        reads=True,
        of_page=True,
    ),
    ("get", "/pages/findings"): Operation(
        "The steward's board", PAGE, asked=("status", "severity", "rule", "owner", "lang")
    ),
    ("get", "/pages/findings/{id}"): Operation(
        "A finding, and what can be done about it", PAGE, asked=("lang",), fails=(404,)
    ),
    ("post", "/pages/findings/{id}"): _decision(
        "Assign, waive, open again or mend a finding by a form", "do", "owner", "reason", "until", "proposal"
    ),
    ("get", "/pages/findings/{id}/record"): Operation(
        "A finding, with the form of its record", PAGE, asked=("lang",), fails=(404,)
    ),
    ("post", "/pages/findings/{id}/record"): Operation(
        "Mend the record of a finding by its form",
        PAGE,
        (200, 303),
        body=form(dict.fromkeys(("do", "version"), TEXT)),
        fails=(404, 409, 412, 422, 507),
        changes=True,
        of_page=True,
    ),
    ("get", "/pages/quality"): Operation("Quality measures and findings over time", PAGE, asked=("lang",)),
    ("post", "/pages/quality"): _decision("Keep today's measurement by a form", "do"),
    ("get", "/pages/quarantine"): Operation("What waits in quarantine", PAGE, asked=("status", "lang")),
    ("get", "/pages/quarantine/{id}"): Operation(
        "An entry of the quarantine", PAGE, asked=("lang",), fails=(404,)
    ),
    ("post", "/pages/quarantine/{id}"): _decision(
        "Mend, release or discard an entry by a form", "do", "statements", "reason"
    ),
    ("get", "/pages/links"): Operation("CRM links", PAGE, asked=("state", "source", "kind", "lang")),
    ("get", "/pages/links/{id}"): Operation(
        "A link, both sides beside each other", PAGE, asked=("done", "lang"), fails=(404,)
    ),
    ("post", "/pages/links/{id}"): _decision(
        "Accept, reject or undo a link by a form", "do", "reason", "then"
    ),
    ("get", "/pages/administration"): Operation(
        "The service, its store and its views", PAGE, asked=("lang",)
    ),
    ("post", "/pages/administration"): _decision("Check the store, or stop that, by a form", "do", "job"),
    ("get", "/pages/keys"): Operation("The API keys, without what is secret", PAGE, asked=("lang",)),
    ("post", "/pages/keys"): _shown(
        "Make an API key, which is shown once, or revoke one",
        *("do", "name", "expires", "default", "prefix"),
        *(f"role-{role}" for role in Role),
        *(f"purpose-{number}" for number in range(20)),
        leads=True,
    ),
    ("get", "/pages/backups"): Operation("The backups", PAGE, asked=("lang",)),
    ("post", "/pages/backups"): _decision(
        "Make a backup, verify one, or stop that, by a form", "do", "backup", "job"
    ),
    ("get", "/pages/audit"): Operation(
        "The audit log", PAGE, asked=("since", "until", "principal", "action", "before", "verify", "lang")
    ),
    ("get", "/pages/conflicts"): Operation(
        "Fields in which a CRM and the graph differ", PAGE, asked=("lang",)
    ),
    ("get", "/pages/conflicts/{id}"): Operation(
        "A field, what both sides say of it, and what was decided", PAGE, asked=("lang",), fails=(404,)
    ),
    ("post", "/pages/conflicts/{id}"): _decision(
        "Take the value of the CRM, keep ours, or undo that by a form", "do", "reason"
    ),
    ("get", "/pages/sources"): Operation("The sources of customers", PAGE, asked=("lang",)),
    ("post", "/pages/sources"): _decision("Match all sources, or stop that, by a form", "do", "run"),
    ("get", "/pages/sources/{id}"): Operation(
        "A source, its runs, and the rows that were refused", PAGE, asked=("lang",), fails=(404, 409)
    ),
    ("post", "/pages/sources/{id}"): _decision(
        "Read a source, or stop that, by a form", "do", "run", "allowEmpty"
    ),
    ("get", "/pages/persons"): Operation("The page to find a person at", PAGE, asked=("lang",)),
    ("post", "/pages/persons"): _shown("The persons that fit, without a trace in the address", "whom"),
    ("get", "/pages/persons/{id}"): Operation(
        "Consents and rights of a person", PAGE, asked=("category", "use", "at", "lang"), fails=(404,)
    ),
    ("post", "/pages/persons/{id}"): _decision(
        "What a person asked for, recorded or done by a form",
        *("do", "kind", "received", "reason", "restriction", "informed", "entry", "value"),
    ),
    ("get", "/pages/persons/{id}/erasure"): Operation(
        "What an erasure would do", PAGE, asked=("lang",), fails=(404,)
    ),
    ("post", "/pages/persons/{id}/erasure"): _shown(
        "Erase a person", "sure", "otherBasis", "request", changes=True
    ),
    ("get", "/pages/consents/{id}"): Operation("A consent", PAGE, asked=("lang",), fails=(404,)),
    ("post", "/pages/consents/{id}"): _decision(
        "Withdraw or renew a consent by a form", "do", "method", "by", "time", "expires"
    ),
    ("get", "/pages/requests"): Operation("Requests of persons", PAGE, asked=("status", "kind", "lang")),
    ("post", "/pages/requests"): _decision(
        "Record what somebody asks for whom the graph does not know, by a form",
        *("do", "kind", "reference", "received"),
    ),
    ("get", "/pages/requests/{id}"): Operation("A request of a person", PAGE, asked=("lang",), fails=(404,)),
    ("post", "/pages/requests/{id}"): _decision(
        "Answer a request or extend its time by a form", "do", "outcome", "reason", "time", "months"
    ),
    ("post", "/pages/purpose"): Operation(
        "Read the pages for another purpose: the answer sets a cookie",
        (),
        (303,),
        body=form({"purpose": TEXT, "to": TEXT}),
        of_page=True,
    ),
    ("get", "/pages/journeys"): Operation(
        "The customer journeys", PAGE, asked=("segment", "lang"), reads=True
    ),
    ("get", "/pages/journeys/{key}"): Operation(
        "A customer journey as a map and as a table", PAGE, asked=("lang",), reads=True
    ),
    ("get", "/pages/traces"): Operation(
        "What a chain can be shown from", PAGE, asked=("kind", "q", "lang"), reads=True
    ),
    ("get", "/pages/walls"): Operation(
        "What is known of customers, without single persons", PAGE, asked=("wall", "lang"), reads=True
    ),
    ("get", "/pages/trace/{key}"): Operation("A chain", PAGE, asked=("lang",), reads=True),
}
