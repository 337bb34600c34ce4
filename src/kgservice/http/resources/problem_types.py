"""`/problems/{name}`: what the `type` of a problem document means, for programs and for people."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import KgError, NotFound
from kgservice.http.messages.details import OTHERS, PROBLEMS
from kgservice.http.messages.negotiation import HTML, PLAIN_JSON, negotiate
from kgservice.http.pages.site import Site


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: its status and title, and by language what to do about it."""

    status: int
    title: str
    advice: dict[str, str]


# last part of the type → what to do, German and English
_ADVICE: dict[str, tuple[str, str]] = {
    "error": (
        "Der Dienst konnte nicht antworten; `detail` sagt, warum.",
        "The service could not answer; `detail` says why.",
    ),
    "bad-input": (
        "Was gesendet wurde, ist nicht lesbar; `detail`, `line` und `column` sagen, wo. Dort berichtigen.",
        "What was sent cannot be read; `detail`, `line` and `column` say where. Correct it there.",
    ),
    "malformed-sparql": (
        "Die Abfrage oder Änderung ist kein gültiges SPARQL 1.1. Die Stelle `line`, `column` berichtigen.",
        "The query or update is not valid SPARQL 1.1. Correct it at `line` and `column`.",
    ),
    "malformed-rdf": (
        "Das RDF ist nicht gültig. Die Stelle berichtigen und prüfen, ob der Content-Type zum Inhalt passt.",
        "The RDF is not valid. Correct the place named, and check that Content-Type fits the content.",
    ),
    "unreadable-table": (
        "Eine Tabelle oder ihre Abbildung ist nicht lesbar; `source` nennt die Datei.",
        "A table or its mapping cannot be read; `source` names the file.",
    ),
    "bad-parameter": (
        "Ein Parameter fehlt, ist unbekannt oder hat den falschen Typ; `source` nennt ihn.",
        "A parameter is missing, unknown or has the wrong type; `source` names it.",
    ),
    "unauthorised": (
        "Das Token des Dienstes oder einen API-Schlüssel mitsenden, oder sich anmelden.",
        "Send the token of the service or an API key, or sign in.",
    ),
    "forbidden": (
        "Dies ist hier oder mit diesen Rollen und Zwecken nicht erlaubt; `detail`, `roles` und `purposes` "
        "sagen, was erlaubt ist.",
        "This is not allowed here, or not with these roles and purposes; `detail`, `roles` and `purposes` "
        "say what is.",
    ),
    "reserved": (
        "Dies ändern Datenschutzbeauftragte und Administratoren; `detail` sagt, auf welchem Weg.",
        "This is changed by privacy officers and administrators; `detail` says in which way.",
    ),
    "rewriting": (
        "Was ein Ereignis einer Einwilligung sagt, ändert und löscht niemand, welche Rollen er auch hat: "
        "einen Widerruf oder eine Erneuerung erfassen (`/consents`). Nur die Löschung der Person nimmt es "
        "mit.",
        "Nobody changes or deletes what an event of a consent says, whatever their roles: record a "
        "withdrawal or a renewal (`/consents`). Only the erasure of the person takes it away.",
    ),
    "leaving": (
        "Wessen ein Datensatz ist, ändern Stewards, Datenschutzbeauftragte und Administratoren; oder alles, "
        "was von ihm gesagt ist, in derselben Änderung angeben.",
        "Stewards, privacy officers and administrators change whose a record is; or state all that is said "
        "of it in the same change.",
    ),
    "not-found": (
        "Unter dieser Adresse oder mit diesem Namen gibt es nichts; Schreibweise prüfen.",
        "There is nothing at this address or of this name; check how it is spelt.",
    ),
    "method-not-allowed": (
        "Eine der Methoden verwenden, die der Header Allow nennt.",
        "Use one of the methods that the Allow header names.",
    ),
    "not-acceptable": (
        "Mit Accept oder `?format=` eines der Formate verlangen, die `detail` nennt.",
        "Ask for one of the formats that `detail` names, by Accept or `?format=`.",
    ),
    "conflict": (
        "Die Aussage gehört in einen anderen Graphen: in den richtigen schreiben, oder keinen nennen.",
        "The statement belongs to another graph: write to that one, or name none.",
    ),
    "erased": (
        "Wer gelöscht wurde, kommt unter der früheren IRI nicht wieder. Erhebt man mit Grund neue Daten, "
        "bekommt die Person einen neuen Datensatz.",
        "Who was erased does not come back under the former IRI. If there is a reason to collect data anew, "
        "the person gets a new record.",
    ),
    "precondition-failed": (
        "Jemand war schneller: den Graphen neu lesen, die Änderung darauf anwenden und neu senden.",
        "Somebody was faster: read the graph again, make the change to that, and send it anew.",
    ),
    "request-timeout": (
        "Der Rest der Anfrage kam nicht rechtzeitig. Noch einmal senden.",
        "The rest of the request did not come in time. Send it again.",
    ),
    "too-large": (
        "Den Inhalt in mehreren Teilen senden, oder KGSERVICE_MAX_BODY oder KGSERVICE_MAX_QUERY erhöhen.",
        "Send the content in several parts, or raise KGSERVICE_MAX_BODY or KGSERVICE_MAX_QUERY.",
    ),
    "unsupported-media-type": (
        "Ein Format senden, das der Dienst liest, und es in Content-Type nennen, in UTF-8.",
        "Send a format that the service reads, named in Content-Type, in UTF-8.",
    ),
    "not-valid": (
        "Die Daten verletzen eine Regel der Shapes: `findings` nennt, was falsch ist und was zu tun ist.",
        "The data breaks a rule of the shapes: `findings` says what is wrong and what to do.",
    ),
    "too-many-requests": (
        "So lange warten, wie der Header Retry-After sagt (in Sekunden), dann noch einmal fragen.",
        "Wait as long as the Retry-After header says (in seconds), then ask again.",
    ),
    "internal-error": (
        "Ein Fehler des Programms. Das Protokoll des Dienstes nennt die Ursache; bitte melden.",
        "A fault of the program. The log of the service says why; please report it.",
    ),
    "busy": (
        "Gerade laufen zu viele Abfragen, oder die Suche liest noch ihre Texte. So lange warten, wie der "
        "Header Retry-After sagt (in Sekunden), dann noch einmal fragen.",
        "Too many queries are running, or search is still reading its texts. Wait as long as the Retry-After "
        "header says (in seconds), then ask again.",
    ),
    "deadline-exceeded": (
        "Die Abfrage hat länger gedauert, als sie darf, und wurde beendet; `detail` sagt, was daran teuer "
        "ist. Engere Muster, LIMIT oder eine gespeicherte Frage verwenden.",
        "The query took longer than it may, and was stopped; `detail` says what is costly about it. "
        "Use narrower patterns, LIMIT, or a saved question.",
    ),
    "too-costly": (
        "Die Abfrage braucht mehr Arbeitsspeicher, als sie darf, oder ihre Antwort ist zu groß; `detail` "
        "sagt, was daran teuer ist. Weniger sortieren und sammeln, LIMIT verwenden, oder die Antwort in "
        "Teilen holen.",
        "The query needs more memory, or its answer is larger, than it may; `detail` says what is costly "
        "about it. Sort and collect less, use LIMIT, or fetch the answer in parts.",
    ),
    "undecided": (
        "Die Verbindung zum Speicher riss ab, bevor er sagte, ob die Änderung gemacht ist. Sie wird gemacht, "
        "sobald er wieder da ist, und vor jeder weiteren; noch einmal senden schadet nicht.",
        "The connection to the store broke before it said whether the change is made. It will be, as soon as "
        "the store is there again and before any other; sending it again does no harm.",
    ),
    "store-full": (
        "Auf dem Datenträger fehlt Platz: nichts wurde geändert, gelesen wird weiter; "
        "`detail` sagt, was hilft.",
        "The disk lacks room: nothing was changed, reading goes on; `detail` says what helps.",
    ),
    "store-failure": (
        "Der Speicher antwortet nicht. Platz und Rechte prüfen, dann später noch einmal versuchen.",
        "The store does not answer. Check space and permissions, then try again later.",
    ),
    "source-failure": (
        "Ein CRM oder eine Datenbank, aus der Datensätze kommen, antwortet nicht oder hat abgebrochen; "
        "`source` nennt die Quelle. Nichts wurde geändert; später wieder versuchen.",
        "A CRM or database that records come from does not answer, or broke off; `source` names it. Nothing "
        "was changed; try again later.",
    ),
    "audit-failure": (
        "Das Protokoll nimmt nichts auf, und ohne Eintrag wird nicht geantwortet. Platz, Rechte und "
        "`kgservice audit verify` prüfen.",
        "The audit log takes no entries, and nothing is answered without one. Check space, permissions and "
        "`kgservice audit verify`.",
    ),
}


def problem_types() -> dict[str, ProblemType]:
    """All kinds of problems by the last part of their type."""
    known = {name: (status, kind.title) for kind, (status, name) in PROBLEMS.items()}
    known |= OTHERS
    return {
        name: ProblemType(status, title, dict(zip(("de", "en"), _ADVICE[name], strict=True)))
        for name, (status, title) in known.items()
    }


def make_router(kg: KnowledgeGraph) -> APIRouter:
    """The route of the kinds of problems; its handler runs in a thread."""
    site = Site(kg)
    known = problem_types()
    router = APIRouter()

    def answer(request: Request) -> Response:
        offer, _ = negotiate(
            (PLAIN_JSON, HTML), request.headers.get("accept"), request.query_params.get("format")
        )
        name = request.path_params["name"]
        found = known.get(name)
        if found is None:
            error: KgError = NotFound("there is no kind of problem {name!r}", name=name[:80])
            if offer is HTML:
                return site.problem(request, error)
            raise error
        if offer is HTML:
            advice = found.advice[site.language(request)]
            page = site.page(request, "problem_type.html", name=name, found=found, advice=advice)
            page.headers["Vary"] = "Accept, Accept-Language"
            return page
        body = {
            "type": request.url.path,
            "title": found.title,
            "status": found.status,
            "advice": found.advice,
        }
        return JSONResponse(body, headers={"Vary": "Accept"})

    router.add_route("/problems/{name}", answer, methods=["GET", "HEAD"])
    return router
