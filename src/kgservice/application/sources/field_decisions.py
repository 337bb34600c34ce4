"""Fields in which a CRM and the graph differ: listed, settled by persons, and settled no more."""

from __future__ import annotations

from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.changes.provenance import agent_of
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.guard.findings import moment
from kgservice.application.links import consequences as link_consequences
from kgservice.application.links import records as link_records
from kgservice.application.links.linking import LONGEST, SOURCE
from kgservice.application.links.statements import Places, loose
from kgservice.application.sources.customers import known
from kgservice.application.sources.judging import Record, beside, kept_beside, outcome, wanted
from kgservice.application.sources.statements import DELETED, OPTED_OUT, Was
from kgservice.domain.change import LOCAL, Change, Origin
from kgservice.domain.crm_field import FIELDS, TITLE, differ
from kgservice.domain.field_decision import FieldDecision, FieldVerdict, checksum, standing
from kgservice.domain.link import Link, State
from kgservice.domain.model import TYPE
from kgservice.errors import BadParameter, Conflict, NotFound
from kgservice.namespaces import CI, XSD

VERDICTS = {"take": FieldVerdict.TAKEN, "keep": FieldVerdict.KEPT, "undo": FieldVerdict.UNDONE}
_OF, _NAME = NamedNode(f"{CI}ofCrmRecord"), NamedNode(f"{CI}fieldName")
_GRAPH, _LINKS = NamedNode(f"{CI}graphValue"), NamedNode(f"{CI}linksRecord")
_DECIDES, _SETTLED = NamedNode(f"{CI}decides"), NamedNode(f"{CI}settledValues")
_EVENT = ("decisionNumber", "decidedAt", "decidedBy", "decisionReason")
_WORDS = {
    FieldVerdict.TAKEN: "the CRM's value taken",
    FieldVerdict.KEPT: "ours kept",
    FieldVerdict.UNDONE: "decision undone",
}


def conflicts(kg: KnowledgeGraph) -> list[dict[str, Any]]:
    """The fields that wait for somebody to decide, as JSON objects, in the order of source, key and field."""
    nodes = link_consequences.subjects(link_consequences.in_records(kg, [(None, _GRAPH, None)]))
    told = []
    for node in nodes:
        texts = _texts(kg, node)
        link = _link(kg, texts.get(_OF, [""])[0])
        if link is not None:
            told.append(_told(node, texts, link))
    names = labels(kg, {one["customer"] for one in told}, kg.settings.language)
    for one in told:
        one["customerName"] = names.get(one["customer"])
    return sorted(told, key=lambda one: (one["source"], one["key"], one["field"]))


def settle(
    kg: KnowledgeGraph, key: str, verdict: FieldVerdict, reason: str, *, by: Origin = LOCAL
) -> dict[str, Any]:
    """Decide on the field of a field value (IRI, or the UUID that ends it), or undo the last decision on it.

    What follows is written in the same commit; the decision counts until one of the sides says something
    else. Raises `NotFound`, `BadParameter` without a reason, `Conflict` where nothing differs or nothing is
    to be undone, or where the decision is not to be made here.
    """
    why = reason.strip()
    if not why or len(why) > LONGEST:
        raise BadParameter("say why, in 1 to {longest} characters", longest=LONGEST, source="reason")
    with kg.writing:
        node = _node(kg, key)
        texts = _texts(kg, node)
        link = _link(kg, texts[_OF][0])
        if link is None:
            raise NotFound("the record of <{node}> is linked to nobody", node=node.value)
        name = texts[_NAME][0]
        if name == DELETED:
            raise Conflict(
                "A record that the CRM has deleted is settled by its link: reject it, or keep it so"
            )
        if name == OPTED_OUT or name not in FIELDS[link.kind]:
            raise Conflict("An opt-out is settled by the consent: withdraw it, or ask the person anew")
        if name == TITLE and verdict is FieldVerdict.TAKEN:
            raise Conflict("A title stands in two languages: correct it in the graph")
        was, about = Was.of(kg, link), known(kg, link.kind, [link.customer])[link.customer]
        others = kept_beside(kg, beside(kg, {link.customer}, [link]), [name])
        sides = (
            sorted(was.fields[name].texts),
            outcome(name, [Record.kept(link, was, [name]), *others], about).bases[0],
        )
        values = checksum(*sides)
        earlier = was.decided.get(name, [])
        if verdict is FieldVerdict.UNDONE:
            if not standing(earlier):
                raise Conflict("Nothing was decided about this field that could be undone")
        elif not differ(name, *sides):
            raise Conflict("Both sides say the same in this field")
        number = max((one.number for one in earlier), default=0) + 1
        now, who = kg.clock(), agent_of(kg.addresses, by.decided)
        event = NamedNode(kg.addresses.instance("crm-settlement", link.node, name, str(number)))
        add = {
            Triple(event, TYPE, NamedNode(f"{CI}LinkEvent")),
            *(
                Triple(event, NamedNode(CI + prop), value)
                for prop, value in (
                    ("decides", NamedNode(link.node)),
                    ("verdict", NamedNode(CI + verdict)),
                    ("decisionNumber", Literal(str(number), datatype=NamedNode(f"{XSD}integer"))),
                    ("decidedAt", moment(now)),
                    ("decidedBy", who),
                    ("decisionReason", Literal(why)),
                    ("fieldName", Literal(name)),
                    ("settledValues", Literal(values)),
                )
            ),
        }
        decision = FieldDecision(number, verdict, values)
        was.decided[name] = [*earlier, decision]
        places = Places.of(kg, link.kind, [link.id], [link.customer])
        remove = set[Quad]()
        for one in wanted([Record.kept(link, was, [name]), *others], about, places):
            add |= one.add
            remove |= one.remove
        origin = by.because(f"field {name}: {_WORDS[verdict]}", SOURCE)
        kg.commit(Change(loose(add), tuple(remove), origin=origin))
        return {
            **_told(node, _texts(kg, node), link),
            "verdict": verdict.value,
            "number": number,
            "by": who.value,
        }


def shown(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """One field value with its `decisions`, as a JSON object; `stands` is the verdict that counts, or None.

    Raises `NotFound`.
    """
    node = _node(kg, key)
    texts = _texts(kg, node)
    link = _link(kg, texts[_OF][0])
    if link is None:
        raise NotFound("the record of <{node}> is linked to nobody", node=node.value)
    name, decisions = texts[_NAME][0], []
    for event in link_consequences.subjects(
        link_consequences.in_records(kg, [(None, _DECIDES, NamedNode(link.node))])
    ):
        said = {prop.value.removeprefix(CI): values[0] for prop, values in _texts(kg, event).items()}
        verdict = said.get("verdict", "").removeprefix(CI)
        if said.get("fieldName") == name and verdict in set(FieldVerdict):
            decisions.append({**{one: said.get(one, "") for one in _EVENT}, "verdict": verdict})
    decisions.sort(key=lambda one: int(one["decisionNumber"] or 0))
    names = labels(kg, {link.customer, *(one["decidedBy"] for one in decisions)} - {""}, kg.settings.language)
    earlier = Was.of(kg, link).decided.get(name, [])
    return {
        **_told(node, texts, link),
        "customerName": names.get(link.customer),
        "decisions": [{**one, "byName": names.get(one["decidedBy"])} for one in decisions],
        "stands": list(standing(earlier).values())[-1].value if standing(earlier) else None,
    }


def settled(kg: KnowledgeGraph) -> list[dict[str, Any]]:
    """The fields on which a decision stands, as JSON objects, in the order of source, key and field."""
    asked = link_consequences.subjects(link_consequences.in_records(kg, [(None, _SETTLED, None)]))
    events = [_texts(kg, node) for node in asked]
    fields = {(e[_DECIDES][0], e[_NAME][0]) for e in events if _DECIDES in e and _NAME in e}
    records = {link.node: link for link in link_records.read(kg, {NamedNode(link) for link, _ in fields})}
    found = []
    for node, name in fields:
        link = records.get(node)
        if link is not None and link.standing.state is State.ACCEPTED:
            value = NamedNode(kg.addresses.instance("crm-field", link.record, name, "0"))
            if link_consequences.in_records(kg, [(value, _OF, None)]):
                found.append(shown(kg, value.value))
    decided = [one for one in found if one["stands"]]
    return sorted(decided, key=lambda one: (one["source"], one["key"], one["field"]))


def _node(kg: KnowledgeGraph, key: str) -> NamedNode:
    """A field value. Raises `NotFound`."""
    try:
        node = NamedNode(key if ":" in key else kg.addresses.ids + key)
    except ValueError:
        raise NotFound("{key!r} is no name of a field value", key=key[:80]) from None
    if not link_consequences.in_records(kg, [(node, _OF, None)]):
        raise NotFound("there is no field value <{node}>", node=node.value)
    return node


def _texts(kg: KnowledgeGraph, node: NamedNode) -> dict[NamedNode, list[str]]:
    found: dict[NamedNode, list[str]] = {}
    for quad in link_consequences.said(kg, [node]):
        if isinstance(quad.object, Literal | NamedNode):
            found.setdefault(quad.predicate, []).append(quad.object.value)
    return {prop: sorted(texts) for prop, texts in found.items()}


def _link(kg: KnowledgeGraph, record: str) -> Link | None:
    """The accepted link of a record (IRI)."""
    if not record:
        return None
    nodes = link_consequences.subjects(link_consequences.in_records(kg, [(None, _LINKS, NamedNode(record))]))
    links = link_records.read(kg, nodes)
    return next((one for one in links if one.standing.state is State.ACCEPTED), None)


def _told(node: NamedNode, texts: dict[NamedNode, list[str]], link: Link) -> dict[str, Any]:
    def values(name: str) -> list[str]:
        return texts.get(NamedNode(CI + name), [])

    return {
        "id": node.value,
        "link": link.node,
        "customer": link.customer,
        "source": link.id.source,
        "key": link.id.key,
        "field": next(iter(values("fieldName")), ""),
        "crm": values("fieldValue"),
        "crmChangedAt": next(iter(values("valueChangedAt")), None),
        "graph": values("graphValue"),
        "graphSince": next(iter(values("graphValueAt")), None),
        "takenOver": values("takenOver") == ["true"],
        "settled": not values("graphValue"),
    }
