"""Random requests, by grammar: everything that could lead out of the view of one purpose."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote_plus, urlencode

from kgservice.application.answers.questions import questions
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, DPV, KG
from tests.http.keys import IMPROVING, RESEARCH
from tests.property.leaks_world import COPIED, MISSING, OF_TWO, OVERSEER, PROJECT, READER_OF_TWO, A

FORM = "application/x-www-form-urlencoded"
RESULTS = (
    *("application/sparql-results+json", "application/sparql-results+xml", "text/csv", "*/*"),
    *("text/tab-separated-values", "application/json"),
)
GRAPHS = ("text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json", "*/*")
PARQUET = ("application/vnd.apache.parquet", "application/x-parquet")
OTHERS = ("text/html", "application/n-quads", "application/trig", "image/png", "text/turtle;q=0.1, text/csv")
# Who asks what only reads the view of a purpose may also be one who could state another.
READING = frozenset(
    {
        *("query", "page of a query", "oracle", "search", "saved question", "question as Parquet", "record"),
        *("page", "records"),
    }
)
SQL = "https://www.iana.org/assignments/media-types/application/sql"
CONSTRUCT = "https://www.iana.org/assignments/media-types/application/sparql-query"
TABLE = json.dumps(
    {
        "@context": "http://www.w3.org/ns/csvw",
        "url": "rows.csv",
        "tableSchema": {"columns": [{"name": name, "titles": [name]} for name in ("iri", "text", "other")]},
        "transformations": [
            {"url": "source.sql", "scriptFormat": SQL, "targetFormat": SQL},
            {
                "url": "graph.rq",
                "scriptFormat": CONSTRUCT,
                "targetFormat": "https://www.iana.org/assignments/media-types/text/turtle",
            },
        ],
    }
)
TYPED = """CREATE VIEW rejects AS SELECT line, 'nothing' AS reason FROM raw WHERE text = '2026';
CREATE VIEW good AS SELECT line, iri, text, other FROM raw WHERE text <> '2026';
"""
PREFIXES = f"PREFIX ci: <{CI}> PREFIX dpv: <{DPV}> PREFIX ex: <http://example.org/> "
TELLING = PREFIXES + "SELECT * { ?s ci:content|ci:title|ci:personName ?o }"
PROPERTIES = (
    *("ci:title", "ci:description", "ci:content", "ci:quote", "ci:personName", "ci:region", "ci:occupation"),
    *("ci:dataSubject", "ci:evidencedBy", "ci:occursAt", "ci:addressedBy", "ci:impactOf", "ci:subjectOf"),
    *("ci:storagePlace", "ci:eventMethod", "ci:eventOf", "ci:forPurpose", "ci:confidentiality", "ex:detail"),
    *(
        "ci:inProject",
        "ci:restricts",
        "ci:memberPerson",
        "ci:waiverReason",
        "<http://www.w3.org/ns/shacl#focusNode>",
    ),
    *("<http://www.w3.org/ns/shacl#resultMessage>", "<http://www.w3.org/ns/prov#wasAssociatedWith>"),
    *("<http://www.w3.org/ns/prov#endedAtTime>", "ci:commitNumber", "ci:customerNumber"),
    *("ci:recordValue", "ci:customerValue", "ci:comparisonOf", "ci:linkedPerson", "ci:decisionReason"),
)
CLASSES = (
    *("ci:Feedback", "ci:PainPoint", "ci:Touchpoint", "ci:ContactPerson", "ci:Person", "ci:ConsentRecord"),
    *(
        "ci:ConsentGiven",
        "ci:Restriction",
        "ci:SegmentMembership",
        "ci:Impact",
        "ci:Solution",
        "ci:CustomerDataRecord",
    ),
    *("<http://www.w3.org/ns/prov#Activity>", "ci:CrmLink", "ci:FieldComparison", "ci:LinkEvent"),
)


@dataclass(frozen=True)
class Asked:
    """One request: who asks, and what.

    `like`: the same request for something that does not exist, which must get the same answer.
    `never`: the answer must be no or zero. `same`: the twin must give the same answer, `fresh`: but for names
    that are made up for new records. `content`: a body that is no text. `warm`: the purpose for which the
    same is asked before, by who may state it too. `then`: methods and addresses of what belongs to what was
    sent, with `{key}` where the answer to that leads to. `repeats`: what was said before, and is told again.
    """

    role: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    kind: str = ""
    like: tuple[str, str] | None = None
    never: bool = False
    same: bool = True
    fresh: bool = False
    content: bytes = b""
    warm: str = ""
    then: tuple[tuple[str, str], ...] = ()
    repeats: str = ""

    @property
    def sent(self) -> bytes:
        """The body."""
        return self.content or self.body.encode()

    @property
    def text(self) -> str:
        """All that the request says, to tell what an answer only repeats."""
        said = "\n".join((self.target, *(value for _, value in self.headers), self.body, self.repeats))
        return f"{said}\n{unquote_plus(said)}\n{unquote_plus(unquote_plus(said))}"


def successions() -> Iterator[Asked]:
    """What tells much, for another purpose and at once for ours, by each who may ask so: without dice."""
    for who, other in ((OF_TWO, IMPROVING), (OVERSEER, IMPROVING), (OVERSEER, "everything")):
        target = f"/sparql?{urlencode({'query': TELLING})}"
        yield Asked(who, "GET", target, (("Accept", "application/json"),), kind="query", warm=other)


@dataclass
class Grammar:
    """Makes requests by dice. `hidden` and `shown` are IRIs, `canaries` the number of planted texts."""

    dice: random.Random
    hidden: list[str]
    shown: list[str]
    canaries: int
    graphs: list[str] = field(default_factory=list)
    _volatile: bool = False

    def __post_init__(self) -> None:
        keys = [A.key(iri) for iri in self.hidden]
        self.graphs = [A.everything, A.view(RESEARCH), A.view(IMPROVING), A.provenance, A.finding, A.quality]
        self.graphs += [A.scratch, A.state, "urn:scratch:1", "http://example.org/scratch", A.quarantine("1")]
        self.graphs += [A.ontology, A.vocabulary, A.project(A.key(PROJECT.value)), A.project("common")]
        self.graphs += [make(self.dice.choice(keys)) for make in (A.subject, A.consent) for _ in range(6)]
        self._questions = list(questions().values())

    # Requests

    def request(self) -> Asked:
        """One of all kinds."""
        weights, kinds = zip(*self.kinds(), strict=True)
        make: Callable[[], Asked] = self.dice.choices(kinds, weights)[0]
        asked = make()
        return self._of_another(asked) if asked.kind in READING and self._maybe(0.2) else asked

    def kinds(self) -> list[tuple[int, Callable[[], Asked]]]:
        """What makes requests, and how often it does."""
        return [
            (46, self._asking),
            (8, self._oracle),
            (4, self._searching),
            (10, self._saved),
            (12, self._of_iri),
            (6, self._page),
            (3, self._closed),
            (2, self._description),
            (4, self._purpose),
            (5, self._update),
            (2, self._graph_store),
            (2, self._dry_run),
            (2, self._import),
            (2, self._write),
            (4, self._record),
        ]

    def _of_another(self, asked: Asked) -> Asked:
        """The same, asked by who has two purposes, or may see everything, and states the purpose."""
        two = READER_OF_TWO if asked.role == Role.READER else OF_TWO
        who = self._pick(two, OVERSEER)
        stated = self._pick("", RESEARCH, "dpv:ResearchAndDevelopment")
        headers = (*asked.headers, ("KG-Purpose", stated)) if stated else asked.headers
        warm = self._pick("", IMPROVING, "everything" if who == OVERSEER else IMPROVING)
        # Who may see everything is told the number of the last commit, what was imported last, and how much of a
        # chain the purpose hides.
        path = asked.target.partition("?")[0]
        told = (
            path == "/"
            or path.startswith("/pages/trace/")
            or any(name == "KG-At-Least" for name, _ in headers)
        )
        same = asked.same and not (who == OVERSEER and told)
        return replace(asked, role=who, headers=headers, warm=warm, same=same)

    def _pick(self, *choices: str) -> str:
        return self.dice.choice(choices)

    def _maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def _headers(self, *types: str) -> tuple[tuple[str, str], ...]:
        found = [("Accept", self._pick(*types, *types, *OTHERS))] if self._maybe(0.9) else []
        if self._maybe(0.3):
            found.append(
                ("Accept-Encoding", self._pick("gzip", "zstd", "gzip;q=0.5, zstd", "br", "identity"))
            )
        if self._maybe(0.1):
            found.append(("If-None-Match", self._pick("*", 'W/"1-json-0"', '"0"', 'W/"13-turtle-1", "x"')))
        if self._maybe(0.05):
            found.append(("Range", "bytes=0-100"))
        if self._maybe(0.02):
            found.append(("KG-At-Least", self._pick("0", "1", "12", "999999", "x", "gAAAAABq", "")))
        return tuple(found)

    def _iri(self) -> str:
        return self.dice.choice(self.hidden if self._maybe(0.6) else self.shown)

    def _asking(self) -> Asked:
        return self._query(*self.query(), kind="query")

    def _query(self, text: str, same: bool, *, kind: str, never: bool = False) -> Asked:
        graphs = (
            GRAPHS if text.lstrip().startswith(("CONSTRUCT", "DESCRIBE")) or "CONSTRUCT" in text else RESULTS
        )
        headers = self._headers(*(RESULTS if never else graphs))
        parameters = [("query", text)]
        if not never:
            if self._maybe(0.05):
                name = self._pick(
                    "default-graph-uri", "named-graph-uri", "using-graph-uri", "using-named-graph-uri"
                )
                parameters += [
                    (name, self.dice.choice(self.graphs)) for _ in range(self.dice.choice([1, 1, 2]))
                ]
            if self._maybe(0.05):
                parameters.append(("format", self._pick("json", "csv", "turtle", "nquads", "trig", "x")))
        self.dice.shuffle(parameters)
        role = Role.EDITOR if self._maybe(0.1) else Role.RESEARCHER
        how = self.dice.random()
        if how < 0.1 and not never:
            page = urlencode([(k, v) for k, v in parameters if k != "format"])
            place = self._pick(
                "workbench", "workbench", "workbench", "sparql"
            )  # the latter leads to the former
            return Asked(role, "GET", f"/pages/{place}?{page}", (), kind="page of a query", same=same)
        if how < 0.5:
            method = "HEAD" if self._maybe(0.05) and not never else "GET"
            return Asked(
                role, method, f"/sparql?{urlencode(parameters)}", headers, kind=kind, never=never, same=same
            )
        if how < 0.75:
            form = (*headers, ("Content-Type", FORM))
            return Asked(role, "POST", "/sparql", form, urlencode(parameters), kind, never=never, same=same)
        rest = urlencode([(k, v) for k, v in parameters if k != "query"])
        direct = (*headers, ("Content-Type", "application/sparql-query"))
        return Asked(role, "POST", f"/sparql?{rest}", direct, text, kind, never=never, same=same)

    def _oracle(self) -> Asked:
        """A question whose answer would tell, without a canary in it."""
        text = f"CANARY-{self.dice.randint(1, self.canaries)}"
        iri = self.dice.choice(self.hidden)
        graph = self.dice.choice(self.graphs)
        inner = self.dice.choice(
            [
                f'?s ?p "{text}"',
                f'?s ?p "{text}"@en',
                f'?s ?p ?o FILTER(CONTAINS(STR(?o), "{text}"))',
                '?s ?p ?o FILTER(REGEX(STR(?o), "^can.ry-", "i"))',
                f'?s ci:title|ci:content|ci:personName ?o FILTER(?o IN ("{text}", "{text}"@en))',
                f"<{iri}> ?p ?o",
                f"?s ?p <{iri}>",
                f"<{iri}> ^!ci:none|!ci:none ?o",
                f"?s ?p ?o FILTER(?s = IRI(CONCAT('{iri[:20]}', '{iri[20:]}')))",
                "GRAPH ?g { ?s ?p ?o }",
                f"GRAPH <{graph}> {{ ?s ?p ?o }}",
                "GRAPH ?g { }",
                f'VALUES ?o {{ "{text}" "{text}"@en }} ?s ?p ?o',
                f"<{iri}> (ci:dataSubject|^ci:dataSubject)+ ?o",
                f'?s ?p ?o FILTER EXISTS {{ GRAPH ?g {{ ?x ?y "{text}" }} }}',
                f'?s a ci:PainPoint FILTER EXISTS {{ ?s (ci:evidencedBy/ci:content)|ci:title "{text}" }}',
            ]
        )
        form = self._pick("ask", "count", "exists", "if")
        if form == "ask":
            query = f"ASK {{ {inner} }}"
        elif form == "count":
            query = f"SELECT (COUNT(*) AS ?n) {{ {inner} }}"
        elif form == "exists":
            query = f"ASK {{ FILTER EXISTS {{ {inner} }} }}"
        else:
            query = f"SELECT (COUNT(?n) AS ?m) {{ BIND(IF(EXISTS {{ {inner} }}, 1, 1/0) AS ?n) }}"
        return self._query(PREFIXES + query, True, kind="oracle", never=True)

    def _searching(self) -> Asked:
        """Full-text search, for what is hidden and what is shown, in right and in wrong places."""
        number = self.dice.randint(1, self.canaries)
        words = self._pick(
            *(
                "canary*",
                "CANARY",
                f"canary-{number}",
                f"{number}",
                "c* s*",
                "canary shown",
                "(canary OR shown)*",
            ),
            *(
                "shown*",
                "shown*",
                "SHOWN",
                f"shown-{number}",
                "1*",
                "a*",
                "label",
                '\\"canary',
                "NEAR(canary)",
                "",
            ),
        )
        graph = f"<{self.dice.choice(self.graphs)}>"
        found = self._pick(
            f'?s kg:matches "{words}"',
            f'(?s ?score ?o ?total) kg:matches "{words}"',
            f'(?s ?score) kg:matches "{words}" ; ?p ?o',
            f'(?s ?p ?o) <{KG}matches> "{words}" . ?g kg:matches "{words}"',
            f'VALUES ?w {{ "{words}" }} (?s ?score ?o) kg:matches ?w',
            f'VALUES ?w {{ "{words}" "canary" }} (?s ?score ?o) kg:matches ?w',
            f'?s ?p ?w . (?s ?score ?o) kg:matches ?w . FILTER(?w = "{words}")',
        )
        where = self._pick(
            *(
                found,
                found,
                found,
                f"{self._anchored()} OPTIONAL {{ {found} }}",
                f"{{ {found} }} UNION {{ }}",
            ),
            *(f"GRAPH {graph} {{ {found} }}", f"GRAPH ?g {{ {found} }}", f"{found} GRAPH ?g {{ ?s ?p ?v }}"),
            *(f"{{ SELECT * {{ {found} }} }}", f"{self._anchored()} MINUS {{ {found} }}"),
        )
        source = f"FROM {graph}" if self._maybe(0.1) else ""
        head = self._pick(
            "SELECT *", "SELECT *", "SELECT (COUNT(*) AS ?n)", "CONSTRUCT { ?s ex:says ?o }", "ASK"
        )
        query = f"PREFIX kg: <{KG}> {PREFIXES}{head} {source} WHERE {{ {where} }}"
        return self._query(query, True, kind="search")

    def _saved(self) -> Asked:
        question = self.dice.choice(self._questions)
        parameters = [
            (p.name, self._value(p.type, p.values))
            for p in question.parameters
            if self._maybe(0.6 if p.default is not None or not p.required else 0.95)
        ]
        if self._maybe(0.1):
            parameters.append(
                (
                    self._pick("language", "purpose", "graph", "query", "format"),
                    self._pick("en", RESEARCH, "csv", A.everything),
                )
            )
        role = self.dice.choice((Role.READER, Role.RESEARCHER))
        where = self._pick("/queries/", "/queries/", "/pages/questions/")
        if as_parquet := where == "/queries/" and self._maybe(0.2):
            headers = self._headers(*PARQUET)
            if self._maybe(0.3):
                parameters.append(("format", "parquet"))
        else:
            headers = self._headers(*RESULTS)
        target = f"{where}{question.id}?{urlencode(parameters)}"
        kind = "question as Parquet" if as_parquet else "saved question"
        return Asked(role, "GET", target, headers, kind=kind)

    def _value(self, kind: str, values: object) -> str:
        known = list(values) if isinstance(values, tuple) else []
        if known and self._maybe(0.8):
            return str(self.dice.choice(known))
        if kind in ("iri", "instance"):
            names = ("ci:CommunicationData", RESEARCH, IMPROVING, "ci:TechnicalPainPoint")
            return self._pick(self._iri(), self._iri().rpartition("/")[2], *names, MISSING)
        return self._pick(
            "now", "2026-11-20T12:00:00Z", "1", "true", "en", f"CANARY-{self.dice.randint(1, 9)}", "5"
        )

    def _of_iri(self) -> Asked:
        """What is known of an IRI; of a hidden one as little as of one that does not exist."""
        iri = self._iri()
        key = iri.rpartition("/")[2]
        whole = quote(iri, safe="")
        role = self.dice.choice((Role.READER, Role.RESEARCHER, Role.EDITOR))
        end = self._pick("", "", "?lang=de", "?format=turtle", "?format=jsonld", "?format=x", "?lang=en")
        questions_of = [
            (q.id, p.name) for q in self._questions for p in q.parameters if p.type in ("iri", "instance")
        ]
        question, name = self.dice.choice(questions_of)
        made = self.dice.choice(
            [
                f"/trace/{key}{end}",
                f"/trace/{whole}{end}",
                f"/id/{key}{end}",
                f"/pages/trace/{key}{end}",
                f"/journeys/{key}{end}",
                f"/journeys/{whole}?format=svg",
                f"/journeys?segment={whole}",
                f"/pages/journeys/{key}{end}",
                f"/pages/record?iri={whole}",
                f"/pages/record?lang=de&iri={whole}",
                f"/queries/{question}?{name}={whole}",
                f"/queries/{question}?{name}={key}",
                f"/pages/questions/{question}?{name}={whole}",
                f"/sparql?query={quote(f'DESCRIBE <{iri}>')}",
                f"/sparql?query={quote(f'SELECT * {{ <{iri}> ?p ?o }}')}",
                f"/ontology/{key}{end}",
            ]
        )
        if made.startswith("/sparql"):
            role = Role.RESEARCHER
        headers = self._headers(*GRAPHS, "text/html", "application/json")
        gone = iri in self.hidden and iri.startswith(A.ids)
        like = (key, MISSING.rpartition("/")[2]) if gone else None
        return Asked(role, self._pick("GET", "GET", "GET", "HEAD"), made, headers, kind="record", like=like)

    def _page(self) -> Asked:
        path = self._pick(
            "/",
            "/pages/questions",
            "/pages/contents",
            "/pages/elements?element=customer-data&phase=MarketLaunch",
            "/pages/elements?element=pain-points&phase=IdeaGeneration",
            "/queries",
            "/ontology",
            "/openapi.json",
            "/pages/workbench",
            "/pages/traces",
            "/pages/traces?kind=Impact",
            "/pages/record",
            "/journeys",
            "/pages/journeys",
            "/pages/walls",
            "/pages/walls?wall=insights",
            "/pages/walls?wall=segmentation",
        )
        added = self._pick("", "?lang=de", "?lang=en", f"?iri={quote(self._iri(), safe='')}", "?purpose=")
        path += added.replace("?", "&") if "?" in path else added
        role = self.dice.choice((Role.READER, Role.RESEARCHER, Role.EDITOR))
        return Asked(
            role, self._pick("GET", "GET", "HEAD"), path, self._headers("text/html", "*/*"), kind="page"
        )

    def _closed(self) -> Asked:
        """What the keys are not for."""
        key = A.key(self._iri())
        path = self._pick(
            *(
                "/export",
                "/audit",
                "/audit/verification",
                "/subjects",
                f"/subjects/{key}",
                "/consents",
                "/backups",
                "/maintenance",
                "/check",
            ),
            *(
                f"/consents/{key}",
                f"/consents/{key}/receipt",
                "/findings",
                f"/findings/{key}",
                "/quality",
                "/metrics",
            ),
            *(
                "/quarantine",
                "/quarantine/1",
                f"/decisions?subject={quote(self._iri(), safe='')}",
            ),
            *("/requests", "/links", "/processing-activities", "/validation"),
            *("/links/conflicts", "/links/runs", "/imports/crm", "/imports/crm/export", "/imports/crm/runs"),
            *(
                "/links/candidates",
                "/links/report",
                f"/links/{key}",
                f"/links/{key}/waterfall",
                f"/links/{key}/accept",
            ),
        )
        role = self.dice.choice((Role.READER, Role.RESEARCHER, Role.EDITOR))
        return Asked(
            role, self._pick("GET", "HEAD", "POST", "DELETE"), path, self._headers("*/*"), kind="closed"
        )

    def _description(self) -> Asked:
        role = self.dice.choice((Role.RESEARCHER, Role.EDITOR))
        headers = self._headers("text/turtle", "application/n-triples", "application/rdf+xml")
        # Its blank nodes have other names each time.
        return Asked(role, "GET", "/sparql", headers, kind="description", same=False)

    def _purpose(self) -> Asked:
        """Other purposes than one's own, and odd ways of stating one's own."""
        stated = self._pick(
            *(
                IMPROVING,
                "dpv:Marketing",
                "everything",
                "Everything",
                "urn:none",
                RESEARCH,
                "dpv:ResearchAndDevelopment",
            ),
            *(A.everything, "everything ", f"{RESEARCH}, everything", "", "*", "%65verything", "None"),
        )
        headers = [("Accept", "application/json")]
        parameters = [("query", TELLING)]
        for _ in range(self.dice.choice([1, 1, 2, 3])):
            way = self._pick("header", "parameter", "cookie", "case")
            if way == "header":
                headers.append(("KG-Purpose", stated))
            elif way == "case":
                headers.append(("kg_purpose", stated))
            elif way == "cookie":
                headers.append(("Cookie", f"kgservice-purpose-80={stated}; kgservice-purpose={stated}"))
            else:
                parameters.append(("purpose", stated))
            if self._maybe(0.5):
                stated = self._pick(RESEARCH, "everything", IMPROVING, "")
        rest = urlencode([p for p in parameters if p[0] != "query"])
        if self._maybe(0.15):
            to = self._pick("/", f"/pages/record?iri={quote(self._iri(), safe='')}", "//example.org/", "x")
            form = urlencode([("purpose", stated), ("to", to)])
            role = self._pick(Role.READER, Role.RESEARCHER, Role.EDITOR, OF_TWO)
            return Asked(role, "POST", "/pages/purpose", (("Content-Type", FORM),), form, "purpose")
        path, role = self.dice.choice(
            [
                (f"/sparql?{urlencode(parameters)}", Role.RESEARCHER),
                (f"/?{rest}", Role.READER),
                (f"/trace/{A.key(self._iri())}?{rest}", Role.READER),
                (f"/pages/record?iri={quote(self._iri(), safe='')}&{rest}", Role.EDITOR),
                (f"/queries/pain-points-behind-solution?{rest}", Role.READER),
                (f"/id/{A.key(self._iri())}?{rest}", Role.READER),
            ]
        )
        return Asked(role, "GET", path, tuple(headers), kind="purpose")

    def _graph_store(self) -> Asked:
        graph = self.dice.choice([*self.graphs, A.subject(A.key(self._iri()))])
        where = f"graph={quote(graph, safe='')}" if self._maybe(0.8) else "default"
        headers = (*self._headers(*GRAPHS), ("If-Match", self._pick('"1-turtle-0"', "*")))
        role = self.dice.choice((Role.READER, Role.RESEARCHER, Role.EDITOR))
        return Asked(role, self._pick("GET", "HEAD"), f"/graphs?{where}", headers, kind="graph store")

    def _write(self) -> Asked:
        """Graphs written, added to and deleted, hidden ones, too."""
        graph = self.dice.choice([*self.graphs, A.subject(A.key(self._iri())), A.subject("none")])
        where = f"graph={quote(graph, safe='')}" if self._maybe(0.9) else "default"
        method = self._pick("PUT", "POST", "DELETE")
        body = "" if method == "DELETE" or self._maybe(0.2) else self._document()
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/turtle"),)
        if self._maybe(0.2):
            headers += ((self._pick("If-Match", "If-None-Match"), self._pick('"1-turtle-0"', "*")),)
        return Asked(Role.EDITOR, method, f"/graphs?{where}", headers, body, "write", same=False)

    def _record(self) -> Asked:
        """Single records read, made, replaced and deleted, hidden ones, too."""
        path = f"/records/{quote(self._iri().removeprefix(A.ids), safe='')}"
        method = self._pick("GET", "HEAD", "PUT", "POST", "DELETE")
        if method in {"GET", "HEAD"}:
            headers = self._headers("text/turtle", "application/ld+json", "application/n-triples")
            return Asked(Role.EDITOR, method, path, headers, kind="record")
        headers = (*self._headers("*/*"), ("Content-Type", "text/turtle"))
        if self._maybe(0.3):
            headers += ((self._pick("If-Match", "If-None-Match"), self._pick('W/"0-turtle-0"', "*")),)
        body = "" if method == "DELETE" else self._document()
        path = "/records" if method == "POST" else path
        return Asked(Role.EDITOR, method, path, headers, body, "write", same=False)

    def _import(self) -> Asked:
        """A document that comes in, whatever it says of what is hidden."""
        accept = self._pick("application/json", "application/x-ndjson", "*/*")
        if self._maybe(0.3):
            headers = (("Content-Type", "multipart/form-data; boundary=edge"), ("Accept", accept))
            return Asked(Role.EDITOR, "POST", "/imports", headers, self._table(), "import", same=False)
        headers = (("Content-Type", "text/turtle"), ("Accept", accept))
        return Asked(Role.EDITOR, "POST", "/imports", headers, self._document(), "import", same=False)

    def _table(self) -> str:
        """A folder with a table and its mapping, the rows of which say something of what is hidden."""
        rows = "".join(
            f"{self._iri()},{self._pick('x', '4', '2026', 'CANARY')},{self._iri()}\n"
            for _ in range(self.dice.choice([1, 3]))
        )
        prop, link = (self._pick(*(p for p in PROPERTIES if p.startswith("ci:"))) for _ in range(2))
        said = self.dice.choice(
            [
                f"?node {prop} ?text",
                f"?node {prop} ?text ; {link} ?to",
                f"?node a {self._pick(*(c for c in CLASSES if c[0] != '<'))} ; {prop} ?text ; {link} ?to",
            ]
        )
        query = (
            f"{PREFIXES}PREFIX xyz: <http://sparql.xyz/facade-x/data/> CONSTRUCT {{ {said} }} WHERE {{ "
            "?row xyz:iri ?iri ; xyz:text ?text ; xyz:other ?other BIND(IRI(?iri) AS ?node) BIND(IRI(?other) AS ?to) }"
        )
        files = {
            "canaries/rows.csv": f"iri,text,other\n{rows}",
            "canaries/csv-metadata.json": TABLE,
            "canaries/source.sql": TYPED,
            "canaries/graph.rq": query,
        }
        return (
            "".join(
                f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{content}\r\n'
                for name, content in files.items()
            )
            + "--edge--\r\n"
        )

    def _dry_run(self) -> Asked:
        """What a document would do to the findings; of what is hidden, whoever may write may try."""
        body = self._document()
        accept = self._pick(
            "application/json", "text/turtle", "text/plain", "application/xml", "application/sarif+json"
        )
        headers = (("Content-Type", "text/turtle"), ("Accept", accept))
        return Asked(Role.EDITOR, "POST", "/validation", headers, body, "dry run", same=False)

    def _document(self) -> str:
        said = [
            f"<{self._iri()}> {self.dice.choice(PROPERTIES)} {self._pick('4', 'true', f'<{self._iri()}>', self._text())} ."
            for _ in range(self.dice.choice([1, 2, 5]))
        ]
        said += [f"<{self._iri()}> a {self.dice.choice(CLASSES)} ."] * self._maybe(0.5)
        return PREFIXES.replace("PREFIX", "\nPREFIX") + "\n" + "\n".join(said)

    def _text(self) -> str:
        return f'"{self._pick("x", "", "2026", "nonsense")}"'

    # Updates

    def _update(self) -> Asked:
        graph = f"<{self.dice.choice(self.graphs)}>"
        project = f"<{A.project(A.key(PROJECT.value))}>"
        mine = self._pick("<urn:mine>", project, "DEFAULT", "<urn:scratch:1>")
        where = self._anchored()
        own = f"<{COPIED.value}> a ci:PainPoint ; ci:inProject <{PROJECT.value}> ; ci:description ?text"
        insert = f"INSERT {{ {self._pick(f'GRAPH {project} {{ {own} }}', own)} }}"
        all_of = f"SELECT (STR(?o) AS ?text) {{ GRAPH {self._pick('?g', graph)} {{ ?s ?p ?o }} }}"
        text = self.dice.choice(
            [
                f"{insert} WHERE {{ {where} BIND(STR(?o) AS ?text) }}",
                f"{insert} WHERE {{ GRAPH ?g {{ {where} }} BIND(STR(?o) AS ?text) }}",
                f"{insert} WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} BIND(STR(?o) AS ?text) }}",
                f"{insert} USING {graph} WHERE {{ ?s ?p ?o BIND(STR(?o) AS ?text) }}",
                f"{insert} USING NAMED {graph} WHERE {{ GRAPH ?g {{ ?s ?p ?o }} BIND(STR(?o) AS ?text) }}",
                f"WITH {graph} {insert} WHERE {{ ?s ?p ?o BIND(STR(?o) AS ?text) }}",
                f"{insert} WHERE {{ {{ {all_of} }} }}",
                f"{insert} WHERE {{ SERVICE <http://127.0.0.1:9/> {{ ?s ?p ?text }} }}",
                f"COPY {graph} TO {mine}",
                f"MOVE {graph} TO {mine}",
                f"ADD {graph} TO {mine}",
                f"ADD SILENT {graph} TO {mine}",
                f"ADD DEFAULT TO {mine}",
                f"COPY GRAPH {graph} TO <urn:mine> ; COPY <urn:mine> TO {project}",
                f"ADD {graph} TO <urn:mine> ; {insert} WHERE {{ GRAPH <urn:mine> {{ ?s ?p ?o BIND(STR(?o) AS ?text) }} }}",
                f"{insert} WHERE {{ {where} BIND(STR(?o) AS ?text) }} ; ADD {graph} TO {project}",
                f"CREATE GRAPH {graph}",
                f"LOAD {graph} INTO GRAPH {project}",
                f"INSERT DATA {{ GRAPH {project} {{ <{self._iri()}> ci:description 'x' ; ci:age 4 }} }}",
                f"INSERT DATA {{ <{self._iri()}> {self.dice.choice(PROPERTIES)} {self._pick('4', self._text(), f'<{self._iri()}>')} }}",
                f"DELETE {{ ?s ci:nothing ?o }} {insert} WHERE {{ {where} BIND(STR(?o) AS ?text) }}",
            ]
        )
        same = not ("DATA" in text or "CREATE" in text)
        parameters = [("update", PREFIXES + text)]
        if self._maybe(0.1):
            parameters.append(
                (self._pick("using-graph-uri", "using-named-graph-uri"), self.dice.choice(self.graphs))
            )
        if self._maybe(0.5):
            headers = (("Content-Type", FORM),)
            return Asked(Role.EDITOR, "POST", "/update", headers, urlencode(parameters), "update", same=same)
        rest = urlencode(parameters[1:])
        direct = (("Content-Type", "application/sparql-update"),)
        return Asked(Role.EDITOR, "POST", f"/update?{rest}", direct, PREFIXES + text, "update", same=same)

    # Queries

    def query(self) -> tuple[str, bool]:
        """A query, and whether two stores with the same statements answer it alike."""
        self._volatile = False
        pick = self.dice.random()
        where = self._group(self.dice.choice([0, 1, 1, 2, 2, 3]))
        source = self._from()
        if pick < 0.12:
            text = f"ASK {source} {where}"
        elif pick < 0.24:
            text = f"CONSTRUCT {self._template()} {source} WHERE {where}"
        elif pick < 0.28:
            text = f"CONSTRUCT {source} WHERE {{ {self._anchored()} }}"
        elif pick < 0.40:
            what = self._pick("?s", "?o", "?s ?o", f"<{self._iri()}>", f"<{self._iri()}> ?s", "*")
            text = (
                f"DESCRIBE {what} {source} WHERE {where}"
                if what[0] != "<" or "?" in what
                else f"DESCRIBE {what} {source}"
            )
        else:
            text = f"{self._head()} {source} WHERE {where} {self._tail()}"
            text = text.replace("(GROUP)", "")
        text = PREFIXES + text
        if self._maybe(0.06):
            text = self._escaped(text)
        if self._maybe(0.02):
            text = text.replace("}", "", 1)
        return text, not self._volatile

    def _from(self) -> str:
        if self._maybe(0.9):
            return ""
        graphs = [
            f"{self._pick('FROM', 'FROM NAMED', 'from', 'From Named')} <{self.dice.choice(self.graphs)}>"
        ]
        return " ".join(graphs * self.dice.choice([1, 1, 2]))

    def _escaped(self, text: str) -> str:
        for word, spelt in (
            ("FROM", "FR\\u004FM"),
            ("SERVICE", "S\\U00000045RVICE"),
            ("GRAPH", "GR\\u0041PH"),
        ):
            text = text.replace(word, spelt)
        return text.replace("WHERE", "WHER\\u0045") if self._maybe(0.3) else text

    def _template(self) -> str:
        return self._pick(
            "{ ?s ?p ?o }",
            "{ ?s ex:says ?o }",
            "{ ?o ex:of ?s }",
            "{ ?s ex:says ?o ; ex:also ?v }",
            "{ ?g ex:has ?s }",
        )

    def _head(self) -> str:
        plain = (
            "SELECT *",
            "SELECT DISTINCT *",
            "SELECT ?s ?o",
            "SELECT DISTINCT ?s",
            "SELECT ?s ?p ?o ?g ?v",
        )
        made = (
            "SELECT (COUNT(*) AS ?n)",
            "SELECT (COUNT(DISTINCT ?o) AS ?n) (MIN(?o) AS ?least) (MAX(?o) AS ?most)",
            'SELECT (GROUP_CONCAT(STR(?o); separator="|") AS ?all)',
            "SELECT ?s (COUNT(?o) AS ?n) (GROUP_CONCAT(STR(?o)) AS ?all)",
            "SELECT (STR(?o) AS ?t) (STRLEN(STR(?o)) AS ?l) (LCASE(STR(?o)) AS ?c)",
            "SELECT (SUBSTR(STR(?o), 2) AS ?t) (CONCAT(STR(?s), STR(?o)) AS ?u)",
            'SELECT (IRI(CONCAT("urn:", ENCODE_FOR_URI(STR(?o)))) AS ?t) (REPLACE(STR(?o), "C", "K") AS ?r)',
            'SELECT (COALESCE(?v, ?o, ?s) AS ?t) (IF(BOUND(?o), STR(?o), "-") AS ?u)',
            "SELECT (SAMPLE(?o) AS ?any)",
            "SELECT (STRDT(STR(?o), ci:own) AS ?t) (LANG(?o) AS ?l) (DATATYPE(?o) AS ?d)",
            "SELECT (<http://example.org/function>(?o) AS ?t) (MD5(STR(?o)) AS ?m)",
            "SELECT (<http://www.w3.org/2001/XMLSchema#string>(?o) AS ?t)",
            "SELECT (UUID() AS ?u) ?o",
        )
        head = self._pick(*plain, *plain, *made, *made)
        if "SAMPLE" in head or "UUID" in head:
            self._volatile = True
        return head

    def _tail(self) -> str:
        tail = self._pick(
            "",
            "",
            "",
            "GROUP BY ?s",
            "ORDER BY ?s ?o",
            "LIMIT 7",
            "ORDER BY DESC(?o) LIMIT 20",
            "HAVING(COUNT(*) > 0)",
            "VALUES ?o { UNDEF }",
            f"VALUES ?s {{ <{self._iri()}> <{self._iri()}> }}",
        )
        if "LIMIT" in tail:
            self._volatile = True
        return tail

    def _group(self, depth: int) -> str:
        parts = [self._anchored(), *(self._part(depth - 1) for _ in range(depth))]
        return f"{{ {' '.join(parts)} }}"

    def _part(self, depth: int) -> str:
        inner = self._group(depth) if depth > 0 else f"{{ {self._anchored()} }}"
        graph = f"<{self.dice.choice(self.graphs)}>"
        made = [
            f"OPTIONAL {inner}",
            f"{{ {self._anchored()} }} UNION {inner}",
            f"MINUS {inner}",
            f"FILTER EXISTS {inner}",
            f"FILTER NOT EXISTS {inner}",
            f"GRAPH ?g {inner}",
            f"OPTIONAL {{ GRAPH ?g {inner} }}",
            f"{{ {self._anchored()} }} UNION {{ GRAPH ?g {{ ?s ?p ?o }} }}",
            f"{{ {self._anchored()} }} UNION {{ GRAPH {graph} {{ ?s ?p ?o }} }}",
            f"{{ SELECT ?s ?o WHERE {inner} }}",
            f"{{ SELECT DISTINCT ?s WHERE {{ {{ GRAPH ?g {inner} }} UNION {inner} }} }}",
            f"{{ SELECT ?s (COUNT(?o) AS ?v) WHERE {inner} GROUP BY ?s }}",
            f"VALUES ?g {{ {graph} <{self.dice.choice(self.graphs)}> }} GRAPH ?g {inner}",
            f"BIND(IRI('{graph[1:-1]}') AS ?g) GRAPH ?g {inner}",
            f"?s {self._path()} ?v",
            f"FILTER(CONTAINS(STR(?o), '{self._pick('CANARY', 'SHOWN', 'A', '-')}'))",
            f"FILTER(REGEX(STR(?o), '{self._pick('canary', '[A-Z]+-[0-9]')}', 'i'))",
            "FILTER(ISLITERAL(?o))",
            f"FILTER(?s != <{self._iri()}>)",
            f"BIND(STR(?o) AS ?t{self.dice.randrange(10**6)})",
            f"OPTIONAL {{ ?s {self.dice.choice(PROPERTIES)} ?v }}",
            f"LATERAL {inner}" if self._maybe(0.2) else f"OPTIONAL {inner}",
            "SERVICE <http://127.0.0.1:9/sparql> { ?s ?p ?o }" if self._maybe(0.3) else f"OPTIONAL {inner}",
            "SERVICE SILENT ?g { ?s ?p ?o }" if self._maybe(0.2) else f"MINUS {inner}",
        ]
        return self.dice.choice(made)

    def _path(self) -> str:
        def one() -> str:
            return self.dice.choice(PROPERTIES[:22])

        return self.dice.choice(
            [
                f"{one()}/{one()}",
                f"^{one()}",
                f"({one()}|^{one()})+",
                f"({one()}|{one()}|^{one()})*",
                f"{one()}?/ci:title",
                f"^{one()}/({one()}|{one()})",
                f"!(a|{one()}|^{one()})",
                f"!{one()}",
                "(ci:evidencedBy|^ci:evidencedBy|ci:dataSubject|^ci:dataSubject|^ci:eventOf)+",
            ]
        )

    def _anchored(self) -> str:
        """A pattern that does not join everything with everything."""
        prop = self.dice.choice(PROPERTIES)
        made = [
            f"?s {prop} ?o",
            f"?s {prop} ?o",
            f"?s {prop}|{self.dice.choice(PROPERTIES)} ?o",
            f"?s a {self.dice.choice(CLASSES)} . ?s {prop} ?o",
            f"?s a {self.dice.choice(CLASSES)} ; ?p ?o",
            f"<{self._iri()}> ?p ?o",
            f"?s ?p <{self._iri()}>",
            f"<{self._iri()}> {self._path()} ?o",
            f"?s {self._path()} <{self._iri()}>",
            f"VALUES ?s {{ <{self._iri()}> <{self._iri()}> <{self._iri()}> }} ?s ?p ?o",
            f"?s {prop} ?v . ?v {self.dice.choice(PROPERTIES)} ?o",
            f"?s ci:evidencedBy/{prop} ?o",
            f"GRAPH ?g {{ ?s {prop} ?o }}",
            f"GRAPH <{self.dice.choice(self.graphs)}> {{ ?s ?p ?o }}",
        ]
        if self._maybe(0.02):
            return "?s ?p ?o"
        return self.dice.choice(made)
