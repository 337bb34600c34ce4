"""An opt-out in a CRM: consents for nothing else end with it; where others say more, a person has to look."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts, read_subject
from kgservice.application.law import consents
from kgservice.application.links.consequences import said
from kgservice.application.links.statements import Places, loose
from kgservice.application.sources.statements import OPTED_OUT, field_value
from kgservice.domain.change import Change, Origin
from kgservice.domain.consent import Consent
from kgservice.domain.crm_field import Side, Taking
from kgservice.domain.decision import Reason, standing
from kgservice.domain.link import Link
from kgservice.domain.link_export import ConsentCase
from kgservice.errors import Conflict, Forbidden, Invalid, NotFound

_STEWARD = Literal(Side.STEWARD.value)
_OF_ONE = (Conflict, Forbidden, Invalid, NotFound)  # what one person's consents bring, and nobody else's


@dataclass(slots=True)
class Followed:
    """What followed: how many consents `ended`, how many disagree; why one was `refused`."""

    ended: int = 0
    disagreeing: int = 0
    refused: str = ""


def follow(
    kg: KnowledgeGraph, link: Link, places: Places, taking: Taking, origin: Origin, *, out: bool
) -> Followed:
    """Follow what a CRM says of opting out.

    A consent that is for purposes of the opt-out only is withdrawn. One that is for others, too, cannot be
    withdrawn in part and stays: the disagreement becomes a field value that a person has to decide on.
    So does, in the profile `gdpr`, a purpose for which data is used on another legal basis: whether the
    opt-out is an objection (Art. 21 GDPR), a person has to say. A consent whose withdrawal is refused
    disagrees as well; it ends neither the run nor what is done for others.
    """
    done, disagreeing = Followed(), []
    otherwise = _otherwise(kg, link.customer, taking) if out else []
    for consent in _in_force(kg, link.customer) if out else ():
        if not taking.opt_out.isdisjoint(consent.purposes):
            if consent.purposes <= taking.opt_out:
                try:
                    consents.withdraw(kg, consent.iri, {"method": f"opt-out in {taking.source}"}, origin)
                except _OF_ONE as error:
                    done.refused = str(error)
                    disagreeing.append(consent)
                else:
                    done.ended += 1
            else:
                disagreeing.append(consent)
    here = Literal("given" if disagreeing else "used on another legal basis")
    more = [("wins", _STEWARD), ("fieldValue", Literal("withdrawn")), ("graphValue", here)]
    wanted = field_value(link, places, OPTED_OUT, more) if disagreeing or otherwise else set()
    node = NamedNode(kg.addresses.instance("crm-field", link.record, OPTED_OUT, "0"))
    before = {quad.triple: quad for quad in said(kg, [node])}
    remove = tuple(quad for triple, quad in before.items() if triple not in wanted)
    if remove or wanted - before.keys():
        try:
            kg.commit(Change(loose(wanted - before.keys()), remove, origin=origin))
        except _OF_ONE as error:
            done.refused = str(error)
    done.disagreeing = len(disagreeing) + len(otherwise)
    return done


def _in_force(kg: KnowledgeGraph, person: str) -> list[Consent]:
    subject, _ = read_subject(kg, NamedNode(person))
    now = kg.clock()
    return [one for one in subject.consents if standing(one, now).reason is Reason.CONSENT]


def _otherwise(kg: KnowledgeGraph, person: str, taking: Taking) -> list[str]:
    """The purposes of an opt-out for which the person's data is used without a consent."""
    if kg.policy.profile != "gdpr":
        return []
    subject, activities = read_subject(kg, NamedNode(person))
    subject = replace(subject, restrictions=())  # these are lifted some time, and then the data is used again
    case = ConsentCase(read_concepts(kg), kg.policy, kg.clock(), activities)
    states = case.states(subject, sorted(taking.opt_out))
    return [purpose for purpose, state in states.items() if state.reason is Reason.LEGAL_BASIS]
