"""The rights of persons as the commands see them: on the open graph, or through a running service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from kgservice.domain.change import Origin
from kgservice.domain.rights import Right
from kgservice.store.formats import CSV, JSON_LD

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.cli.recording import Entry, Recorder

JSON = "json"
HTML = "html"
MEDIA_TYPES = {JSON: "application/json", JSON_LD.name: JSON_LD.media_type, CSV.name: CSV.media_type}

# The commands of what is done for a person.
_COMMANDS = {
    "erasure": "subject erase",
    "rectification": "subject rectify",
    "restriction": "subject restrict",
    "objection": "subject object",
}

Ask = Callable[..., bytes]
"""Sends a request (method, path, and what httpx takes) and returns the body of the answer."""


class Rights(Protocol):
    """What can be done for a person. Every method may raise any `KgError`."""

    def find(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The persons that fit, as `POST /subjects/search` gives them."""

    def document(self, key: str, what: str, fmt: str, language: str) -> bytes:
        """`access` to all data of a person, or `export` of what they provided.

        Both as `json` or `jsonld`; `access` as `html` in the language, `export` as `csv`.
        """

    def act(self, key: str, what: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """`erasure`, `restriction`, `objection` or `rectification`, as POST to it answers."""

    def lift(self, key: str, restriction: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """End a restriction; all of the person."""

    def tickets(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The tickets that fit, as `GET /requests` gives them."""

    def open(self, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Record a request; its ticket."""

    def change(self, key: str, part: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """`extend` or `answer` a ticket; the ticket."""

    def activities(self, fmt: str, language: str) -> bytes:
        """The record of processing activities in `json`, `jsonld` or `csv`."""


class LocalRights:
    """On an open graph; what is done is recorded."""

    def __init__(self, kg: KnowledgeGraph, recorder: Recorder) -> None:
        # What does the work costs time to import, which other commands need not spend.
        from kgservice.application.law import (  # noqa: PLC0415
            activities,
            erasing,
            rectifying,
            requests,
            restricting,
            subject_data,
            subjects,
            tickets,
        )

        self._kg = kg
        self._recorder = recorder
        self._subjects, self._data, self._restricting = subjects, subject_data, restricting
        self._erasing, self._rectifying, self._requests = erasing, rectifying, requests
        self._tickets = tickets
        self._activities = activities

    def find(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Look them up."""
        with self._recorder.doing("subject find", "subjects"):
            return self._subjects.find(self._kg, given)

    def document(self, key: str, what: str, fmt: str, language: str) -> bytes:
        """Read it."""
        right = Right.ACCESS if what == "access" else Right.PORTABILITY
        with self._recorder.doing(f"subject {what}", "subjects") as entry:
            ticket = self._data.asked_by(self._kg, key, right)
            self._note(entry, ticket)
            if not ticket:
                self._whose(entry, key)
            return self._document(key, what, fmt, language)

    def _document(self, key: str, what: str, fmt: str, language: str) -> bytes:
        if fmt == HTML:
            from kgservice.http.pages import handed  # noqa: PLC0415 - as above

            return handed.document(self._kg, key, language)
        if what == "access":
            if fmt == JSON:
                return json.dumps(self._data.access(self._kg, key), ensure_ascii=False).encode()
            return self._data.jsonld(self._data.Data.of(self._kg, key).quads)
        if fmt == JSON:
            return json.dumps(self._data.chosen(self._kg, key), ensure_ascii=False).encode()
        quads, _ = self._data.taken_along(self._kg, key)
        return self._data.table(quads) if fmt == CSV.name else self._data.jsonld(quads)

    def act(self, key: str, what: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Do it."""
        with self._recorder.doing(_COMMANDS[what], "subjects", reads=False) as entry:
            done = self._act(key, what, body, agent)
            self._note(entry, done["id" if what == "objection" else "request"])
            return done

    def _act(self, key: str, what: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        kg = self._kg
        if what == "erasure":
            return self._erasing.erase(kg, key, body, Origin.asked("local", agent)).to_json()
        if what == "rectification":
            return self._rectifying.rectify(kg, key, body, Origin.asked("local", agent)).to_json()
        if what == "objection":
            return self._ticket(self._restricting.object_(kg, key, body, Origin.asked("local", agent)))
        return self._restricting.restrict(kg, key, body, Origin.asked("local", agent)).to_json(kg, key)

    def lift(self, key: str, restriction: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """End it."""
        with self._recorder.doing("subject lift", "subjects", reads=False) as entry:
            self._whose(entry, key)
            self._restricting.lift(self._kg, key, restriction, body, Origin.asked("local", agent))
            return {"restrictions": self._restrictions(key)}

    def tickets(self, given: Mapping[str, str]) -> dict[str, Any]:
        """List them."""
        with self._recorder.doing("requests list", "requests"):
            return self._tickets.listed(self._kg, **given)

    def open(self, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Record it."""
        with self._recorder.doing("requests open", "requests", reads=False) as entry:
            ticket = self._requests.open_(self._kg, body, Origin.asked("local", agent))
            self._note(entry, ticket)
            return self._ticket(ticket)

    def change(self, key: str, part: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Change it."""
        change = self._requests.extend if part == "extend" else self._requests.answer
        with self._recorder.doing(f"requests {part}", "requests", reads=False) as entry:
            ticket = change(self._kg, key, body, Origin.asked("local", agent))
            self._note(entry, ticket)
            return self._ticket(ticket)

    def activities(self, fmt: str, language: str) -> bytes:
        """Read it."""
        with self._recorder.doing("processing-activities", "processing-activities"):
            found = self._activities.record(self._kg)
        if fmt == JSON:
            return json.dumps(found, ensure_ascii=False).encode()
        return self._activities.table(found, language) if fmt == CSV.name else self._activities.jsonld(found)

    def _note(self, entry: Entry, ticket: str | None) -> None:
        """Tell the audit log which ticket it was."""
        if ticket:
            entry.ticket = self._kg.addresses.key(ticket)

    def _whose(self, entry: Entry, key: str) -> None:
        """Tell it whose data it was, where no ticket leads there."""
        entry.person = self._subjects.mark(self._kg, self._subjects.one(self._kg, key).value)

    def _ticket(self, iri: str) -> dict[str, Any]:
        return self._tickets.to_json(self._tickets.one(self._kg, iri), self._kg.clock().astimezone(UTC))

    def _restrictions(self, key: str) -> list[dict[str, Any]]:
        return self._restricting.of(self._kg, self._subjects.one(self._kg, key))


class RemoteRights:
    """Through a running service: each becomes a request, which `ask` sends."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def find(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Ask `POST /subjects/search`."""
        return self._json("POST", "/subjects/search", json=dict(given))

    def document(self, key: str, what: str, fmt: str, language: str) -> bytes:
        """Ask `GET /subjects/{key}/…`."""
        accept = "text/html" if fmt == HTML else MEDIA_TYPES[fmt]
        given = {"lang": language, "file": "true"} if fmt == HTML else {}
        path = f"/subjects/{_part(key)}/{what}"
        return self._ask("GET", path, params=given, headers={"Accept": accept})

    def act(self, key: str, what: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Ask `POST /subjects/{key}/…`."""
        path = f"/subjects/{_part(key)}/{what}"
        found = self._json("POST", path, json=dict(body), params=named(agent))
        if what != "objection":
            return found
        return self._json("GET", f"/requests/{_part(found['request'].rpartition('/')[2])}")

    def lift(self, key: str, restriction: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Ask `POST /subjects/{key}/restriction/{id}/lift`."""
        path = f"/subjects/{_part(key)}/restriction/{_part(restriction)}/lift"
        return self._json("POST", path, json=dict(body), params=named(agent))

    def tickets(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Ask `GET /requests`."""
        return self._json("GET", "/requests", params=dict(given))

    def open(self, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Ask `POST /requests`."""
        return self._json("POST", "/requests", json=dict(body), params=named(agent))

    def change(self, key: str, part: str, body: Mapping[str, Any], agent: str | None) -> dict[str, Any]:
        """Ask `POST /requests/{id}/…`."""
        return self._json("POST", f"/requests/{_part(key)}/{part}", json=dict(body), params=named(agent))

    def activities(self, fmt: str, language: str) -> bytes:
        """Ask `GET /processing-activities`."""
        headers = {"Accept": MEDIA_TYPES[fmt]}
        return self._ask("GET", "/processing-activities", params={"lang": language}, headers=headers)

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self._ask(method, path, headers={"Accept": MEDIA_TYPES[JSON]}, **request)
        )
        return found


def named(agent: str | None) -> dict[str, str]:
    """The parameter of an address that names who decided."""
    return {} if agent is None else {"agent": agent}


def _part(key: str) -> str:
    """A name as part of an address: the last part of an IRI.

    >>> _part("https://kg.example/id/6ab0")
    '6ab0'
    """
    return quote(key.rpartition("/")[2] if ":" in key else key, safe="")
