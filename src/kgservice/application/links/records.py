"""Links between CRM records and customers as the graph holds them: read, and found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment_of
from kgservice.domain.link import ORGANISATIONS, PERSONS, STATES, Comparison, Decision, Link, State, Verdict
from kgservice.domain.matching import RecordId
from kgservice.domain.question import listed, with_values
from kgservice.errors import BadParameter, NotFound
from kgservice.namespaces import CI
from kgservice.store.base import Term

LIMIT, MOST = 100, 10_000
FILTERS = ("state", "source", "kind", "customer", "limit")
DECISIONS = {
    State.CANDIDATE: NamedNode(f"{CI}LinkUndecided"),
    State.ACCEPTED: NamedNode(f"{CI}LinkAccepted"),
    State.REJECTED: NamedNode(f"{CI}LinkRejected"),
}
_AT_ONCE = 500
_PREFIX = f"PREFIX ci: <{CI}>\n"
_OWN = f"{_PREFIX}SELECT ?link ?p ?o {{ VALUES ?link {{ UNDEF }} ?link a ci:CrmLink ; ?p ?o }}"
_PARTS = f"""{_PREFIX}SELECT ?link ?part ?p ?o {{
  VALUES ?link {{ UNDEF }}
  {{ ?part ci:decides ?link }} UNION {{ ?part ci:comparisonOf ?link }} ?part ?p ?o }}"""
_RECORDS = f"""{_PREFIX}SELECT ?link ?source ?key {{
  VALUES ?link {{ UNDEF }} ?link ci:linksRecord ?record .
  ?record ci:externalId ?key OPTIONAL {{ ?record ci:externalSystem ?source }} }}"""
# By the key alone: many links have the source, and those would all be looked at for each key.
_OF_RECORDS = f"""{_PREFIX}SELECT DISTINCT ?link {{
  VALUES ?key {{ UNDEF }}
  {{ ?link ci:recordKey ?key }} UNION {{ ?record ci:externalId ?key . ?link ci:linksRecord ?record }}
  ?link a ci:CrmLink }}"""
LISTED = f"""{_PREFIX}SELECT DISTINCT ?link ?probability {{
  VALUES ?decision {{ UNDEF }} VALUES ?source {{ UNDEF }} VALUES ?customer {{ UNDEF }} VALUES ?end {{ UNDEF }}
  ?link a ci:CrmLink ; ci:decision ?decision ; ?end ?customer .
  FILTER(?end IN (ci:linkedPerson, ci:linkedOrganisation))
  OPTIONAL {{ ?link ci:confidence ?probability }}
  OPTIONAL {{ ?link ci:recordSource ?stated }}
  OPTIONAL {{ ?link ci:linksRecord/ci:externalSystem ?system }}
  BIND(COALESCE(?stated, ?system) AS ?of)
  FILTER(!BOUND(?source) || ?of = ?source) }}"""
_ENDS = {PERSONS: "linkedPerson", ORGANISATIONS: "linkedOrganisation"}

Said = dict[str, list[Term]]


def read(kg: KnowledgeGraph, links: Iterable[NamedNode]) -> list[Link]:
    """The links with these IRIs, as far as they are there, in the same order."""
    wanted = list(dict.fromkeys(links))
    found: dict[str, Link] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        terms = {"link": wanted[start : start + _AT_ONCE]}
        own: dict[str, Said] = defaultdict(lambda: defaultdict(list))
        parts: dict[str, dict[str, Said]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        for link, p, o in kg.select(with_values(_OWN, terms)).rows:
            note(own[value(link)], p, o)
        for link, part, p, o in kg.select(with_values(_PARTS, terms)).rows:
            note(parts[value(link)][value(part)], p, o)
        ids = _ids(kg, own, terms)
        for node, said in own.items():
            if (made := _link(node, said, parts[node], ids.get(node))) is not None:
                found[node] = made
    return [found[node.value] for node in wanted if node.value in found]


def of_records(kg: KnowledgeGraph, ids: Collection[RecordId]) -> dict[RecordId, list[Link]]:
    """All links of these records."""
    found: dict[RecordId, list[Link]] = defaultdict(list)
    if not ids:
        return found
    keys = [Literal(key) for key in sorted({one.key for one in ids})]
    rows = kg.select(with_values(_OF_RECORDS, {"key": keys})).rows
    wanted = set(ids)
    for link in read(kg, [node for (node,) in rows if isinstance(node, NamedNode)]):
        if link.id in wanted:
            found[link.id].append(link)
    return found


def one(kg: KnowledgeGraph, key: str) -> Link:
    """The link by its IRI, or by the UUID that ends it. Raises `NotFound`."""
    try:
        node = NamedNode(key if ":" in key else kg.addresses.ids + key)
    except ValueError:
        raise NotFound("{key!r} is no name of a link", key=key[:80]) from None
    for link in read(kg, [node]):
        return link
    raise NotFound("there is no link <{node}>", node=node.value)


def found(kg: KnowledgeGraph, given: Mapping[str, str]) -> tuple[list[Link], int]:
    """The links that fit, the likeliest first, at most `limit`; and how many fit. Raises `BadParameter`.

    `given`: members of `FILTERS`; `customer` is an IRI or UUID.
    """
    state = _one_of("state", given.get("state"), STATES)
    kind = _one_of("kind", given.get("kind"), tuple(_ENDS))
    most = _limit(given.get("limit", str(LIMIT)))
    terms: dict[str, NamedNode | Literal] = {}
    if state is not None:
        terms["decision"] = DECISIONS[State(state)]
    if kind is not None:
        terms["end"] = NamedNode(CI + _ENDS[kind])
    if "source" in given:
        terms["source"] = Literal(_text("source", given["source"]))
    if "customer" in given:
        name = given["customer"]
        try:
            terms["customer"] = NamedNode(name if ":" in name else kg.addresses.ids + name)
        except ValueError:
            raise BadParameter("{name!r} is no IRI and no UUID", name=name[:80], source="customer") from None
    order = _ordered(kg, terms)
    return read(kg, order[:most]), len(order)


def after(kg: KnowledgeGraph, link: str) -> str:
    """The IRI of the link that waits for somebody after this one (IRI), or of the first; "" for none."""
    order = [node.value for node in _ordered(kg, {"decision": DECISIONS[State.CANDIDATE]})]
    at = order.index(link) + 1 if link in order else 0
    others = [*order[at:], *order[:at]]
    return next((other for other in others if other != link), "")


def _ordered(kg: KnowledgeGraph, terms: Mapping[str, NamedNode | Literal]) -> list[NamedNode]:
    """The links that fit, the likeliest first."""
    rows = {
        node: Decimal(value.value) if isinstance(value, Literal) else Decimal(-1)
        for node, value in kg.select(with_values(LISTED, terms)).rows
        if isinstance(node, NamedNode)
    }
    return sorted(rows, key=lambda node: (-rows[node], node.value))


def _ids(
    kg: KnowledgeGraph, own: Mapping[str, Said], terms: Mapping[str, Sequence[NamedNode]]
) -> dict[str, RecordId]:
    """The source and key of the records whose links do not say them, by link."""
    if all("recordKey" in said for said in own.values()):
        return {}
    rows = kg.select(with_values(_RECORDS, terms)).rows
    return {value(link): RecordId(value(source), value(key)) for link, source, key in rows}


def _link(node: str, said: Said, parts: Mapping[str, Said], stated: RecordId | None) -> Link | None:
    kind = PERSONS if "linkedPerson" in said else ORGANISATIONS
    customer, record = first(said, _ENDS[kind]), first(said, "linksRecord")
    if "recordKey" in said:
        stated = RecordId(first(said, "recordSource"), first(said, "recordKey"))
    if not customer or not record:
        return None
    decided = next((state for state, node in DECISIONS.items() if node in said["decision"]), State.CANDIDATE)
    comparisons = [_comparison(part) for part in parts.values() if "comparisonOf" in part]
    decisions = [one for part in parts.values() if "decides" in part for one in _decision(part)]
    return Link(
        node,
        kind,
        stated or RecordId("", record),
        record,
        customer,
        _decimal(said, "confidence"),
        _decimal(said, "matchWeight"),
        first(said, "proposedIn"),
        first(said, "matchRule"),
        tuple(sorted(comparisons, key=lambda one: (-abs(one.weight), one.field))),
        tuple(sorted(decisions, key=lambda one: (one.number, one.at))),
        decided,
        moment_of(next(iter(said["decidedAt"]), None)),
    )


def _comparison(part: Said) -> Comparison:
    weight = _decimal(part, "matchWeight") or Decimal(0)
    return Comparison(
        first(part, "fieldName"), weight, first(part, "recordValue"), first(part, "customerValue")
    )


def _decision(part: Said) -> Iterable[Decision]:
    at = moment_of(next(iter(part["decidedAt"]), None))
    verdict = first(part, "verdict").removeprefix(CI)
    if at is not None and verdict in set(Verdict):
        number = int(first(part, "decisionNumber") or 0)
        yield Decision(number, Verdict(verdict), at, first(part, "decidedBy"), first(part, "decisionReason"))


def note(said: Said, prop: Term | None, value: Term | None) -> None:
    """Note a property of ours by its local name; what else is entailed says the same."""
    if isinstance(prop, NamedNode) and prop.value.startswith(CI) and value is not None:
        said[prop.value.removeprefix(CI)].append(value)


def first(said: Said, name: str) -> str:
    """The text or IRI of one value of a property; nothing where there is none."""
    return value(next(iter(said[name]), None)) if name in said else ""


def value(term: Term | None) -> str:
    """The text or IRI of a term; nothing for none."""
    return term.value if isinstance(term, Literal | NamedNode) else ""


def _decimal(said: Said, name: str) -> Decimal | None:
    return Decimal(first(said, name)) if said.get(name) else None


def _one_of(name: str, value: str | None, known: Sequence[str]) -> str | None:
    if value is not None and value not in known:
        raise BadParameter(
            "{value!r} is not one of {known}", value=value[:80], known=listed(known), source=name
        )
    return value


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= MOST:
        raise BadParameter(
            "{text!r} is no whole number from 1 to {most}", text=text[:80], most=MOST, source="limit"
        )
    return int(text)


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadParameter("the text is not valid Unicode", source=name) from None
    return value
