"""`/openapi.json`: the description of all resources, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from kgservice import __version__
from kgservice.http.access import commits, purposes
from kgservice.http.messages.negotiation import HTML
from kgservice.http.messages.operation import TEXT, Operation
from kgservice.http.messages.problems import MEDIA_TYPE
from kgservice.http.openapi.operations import OPERATIONS
from kgservice.http.resources.problem_types import problem_types

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "properties": {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "instance": TEXT,
        "line": {"type": "integer"},
        "column": {"type": "integer"},
        "source": TEXT,
        "findings": {"type": "array", "items": {"type": "object"}},
        "roles": {"type": "array", "items": TEXT},
        "purposes": {"type": "array", "items": TEXT},
    },
    "required": ["type", "title", "status", "detail"],
}
_ALWAYS = (400, 401, 403, 429, 503)
_WITH_BODY = (408, 413, 415)
_WAITING = (429, 503)
_REFUSED = "#/components/responses/"


def document(questions: Iterable[str]) -> dict[str, Any]:
    """The description as JSON object; `questions` are the ids of the saved ones."""
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(method, path, operation)
    for path in ("/queries/{id}", "/pages/questions/{id}"):
        paths[path]["get"]["parameters"][0]["schema"] = {"enum": sorted(questions)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "kgservice", "version": __version__},
        "paths": paths,
        "security": [{"bearer": []}, {"basic": []}],
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "parameters": {
                "purpose": {
                    **_parameter(purposes.HEADER, "header"),
                    "description": "What the answer is read for: an IRI, a short name, or `everything`",
                },
                "at-least": {
                    **_parameter(commits.ASKED, "header"),
                    "description": f"What {commits.TOLD} told: the answer has at least that commit",
                },
            },
            "responses": _refusals(),
            "headers": {"commit": {"description": "The number of the commit, or one sealed", "schema": TEXT}},
        },
    }


def _operation(method: str, path: str, said: Operation) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    parameters = [{**_parameter(name, "path"), "required": True} for name in names]
    parameters += [_parameter(name, "query") for name in said.asked]
    if len(said.answers) > 1 or len(said.answers[0].media_types if said.answers else ()) > 1:
        formats = [offer.name for offer in said.answers]
        parameters.append({"name": "format", "in": "query", "schema": {"enum": list(dict.fromkeys(formats))}})
    if said.reads:
        parameters.append({"$ref": "#/components/parameters/purpose"})
    if not said.is_open:
        parameters.append({"$ref": "#/components/parameters/at-least"})
    found: dict[str, Any] = {
        "summary": said.summary,
        "operationId": "-".join([method, *re.findall(r"\w+", path)]),
        "parameters": parameters,
        "responses": {str(status): _answer(said, status) for status in said.statuses}
        | {str(status): {"$ref": _REFUSED + _error(said, status)} for status in _failing(said, names)},
    }
    if said.body:
        content = {media_type: {"schema": schema} for media_type, schema in said.body.items()}
        found["requestBody"] = {"required": True, "content": content}
    if said.is_open:
        found["security"] = []
    return found


def _parameter(name: str, place: str) -> dict[str, Any]:
    required = {"required": True} if name.endswith("!") else {}
    return {"name": name.removesuffix("!"), "in": place, "schema": TEXT, **required}


def _failing(said: Operation, names: list[str]) -> list[int]:
    found = {*_ALWAYS, *said.fails}
    found |= {404} if names else set()
    found |= set(_WITH_BODY) if said.body else set()
    found |= {406} if said.answers else set()
    return sorted(found)


def _answer(said: Operation, status: int) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    if status != 303:
        kinds = {media: {} for offer in said.answers for media in offer.media_types}
    found: dict[str, Any] = {"description": "The answer" if kinds else "Done"}
    if kinds:
        found["content"] = kinds
    if said.changes:
        found["headers"] = {commits.TOLD: {"$ref": "#/components/headers/commit"}}
    return found


def _error(said: Operation, status: int) -> str:
    """The name of an answer in `_refusals`."""
    return f"{status}-or-page" if said.of_page or HTML in said.answers else str(status)


def _refusals() -> dict[str, Any]:
    """The answers that tell of an error, by status; where there are pages, also as a page."""
    found: dict[str, Any] = {}
    kinds = list(problem_types().values())
    for status in sorted({kind.status for kind in kinds}):
        titles = sorted({kind.title for kind in kinds if kind.status == status})
        content: dict[str, Any] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if status == 401:
            content["text/html"] = {}
        if status == 422:  # the SHACL report itself
            content |= {"text/turtle": {}, "application/ld+json": {}}
        answer: dict[str, Any] = {"description": ", ".join(titles), "content": content}
        if status in _WAITING:
            seconds = {"description": "Seconds to wait", "schema": {"type": "integer"}}
            answer["headers"] = {"Retry-After": seconds}
        found[str(status)] = answer
        found[f"{status}-or-page"] = {**answer, "content": {**content, "text/html": {}}}
    return found
