"""Questions 14 to 18, methods and effort. All columns are compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal

from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.facts import CI, expected, facts, number, or_blank, rows


def catalogue() -> set[Node]:
    """The methods that the ontology lists."""
    return set(facts().ontology.subjects(RDF.type, CI.Method))


def stated(method: Node, prop: Node) -> set[Node]:
    """What the ontology states of a method."""
    return set(facts().ontology.objects(method, prop))


def label_of(method: Node, prop: Node) -> str:
    return facts().label(next(iter(stated(method, prop)), None))


def level(method: Node, prop: Node) -> int | None:
    """The grade of a method, 1 for low to 3 for high; None if it has none."""
    grade = next(iter(stated(method, prop)), None)
    return int(number(facts().ontology.value(grade, CI.position))) if grade else None


def uses() -> Counter[Node | None]:
    """How often each method was used."""
    f = facts()
    return Counter(f.one(use, CI.method) for use in f.of(CI.MethodUse))


def test_q14_suitable_methods() -> None:
    f = facts()
    low, high = (int(number(f.ontology.value(grade, CI.position))) for grade in (CI.Low, CI.High))
    found = []
    for method in catalogue():
        capacity, benefit = level(method, CI.capacityNeed), level(method, CI.costBenefit)
        if (
            CI.PrivateCustomers in stated(method, CI.suitsCustomerKind)
            and CI.PreferenceData in stated(method, CI.declaresDataCategory)
            and (capacity is not None and capacity <= low)
            and (benefit is not None and benefit >= high)
        ):
            traits = [label_of(method, p) for p in (CI.capacityNeed, CI.costBenefit, CI.communicationMode)]
            found.append([method, f.label(method), *traits, uses()[method]])
    assert sorted(rows(found)) == sorted(expected("suitable-methods"))


def test_q15_method_cost_and_yield() -> None:
    f = facts()
    totals: dict[Node | None, list[Decimal]] = defaultdict(lambda: [Decimal()] * 3)
    for use in f.of(CI.MethodUse):
        spent = (f.one(use, p) for p in (CI.providerExpenditureHours, CI.providerCost, CI.insightCount))
        total = totals[f.one(use, CI.method)]
        total[:] = [so_far + (number(more) if more else 0) for so_far, more in zip(total, spent, strict=True)]
    found = []
    for method, (hours, cost, insights) in totals.items():
        rate = (insights / hours).quantize(Decimal("0.01"), ROUND_HALF_UP) if hours else None
        found.append([method, f.label(method), uses()[method], hours, cost, insights, rate])
    assert sorted(rows(found)) == sorted(expected("method-cost-and-yield"))


def test_q16_data_without_planned_method() -> None:
    f = facts()
    missing: Counter[tuple[Node, str, Node | None]] = Counter()
    for proof in f.of(CI.Evidence):
        for place in f.all(proof, CI.collectedAt):
            plans = f.all(place, CI.plannedMethod)
            declared = {category for plan in plans for category in f.all(plan, CI.declaresDataCategory)}
            for category in or_blank(f.all(proof, CI.hasCategory)):
                if not plans:
                    missing[place, "no-method", category] += 1
                elif category and category not in declared:
                    missing[place, "undeclared-category", category] += 1
    found = [
        [place, f.label(place), f.label(f.one(place, CI.phase)), problem, f.label(category), records]
        for (place, problem, category), records in missing.items()
    ]
    assert sorted(rows(found)) == sorted(expected("data-without-planned-method"))


def test_q17_customer_effort() -> None:
    f = facts()
    found = []
    for place in f.of(CI.Touchpoint):
        for before in f.all(place, CI.previousPass):
            earlier, later = (number(f.one(at, CI.customerEffortMinutes)) for at in (before, place))
            found.append([place, f.label(place), before, earlier, later, later - earlier])
    assert sorted(rows(found)) == sorted(expected("customer-effort"))


def test_q18_synchronous_methods() -> None:
    f = facts()
    found = [
        [method, f.label(method), f.label(CI.Synchronous), uses()[method]]
        for method in catalogue()
        if CI.Synchronous in stated(method, CI.communicationMode)
    ]
    assert sorted(rows(found)) == sorted(expected("synchronous-methods"))
