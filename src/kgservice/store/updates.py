"""Changes as SPARQL Update, in terms that nobody has to escape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyoxigraph import DefaultGraph, NamedNode, Quad

from kgservice.domain.quads import Quads


def update_text(
    *,
    add: Iterable[Quad] = (),
    remove: Iterable[Quad] = (),
    create: Iterable[NamedNode] = (),
    drop: Iterable[NamedNode] = (),
) -> str:
    """One update that drops graphs, removes quads, creates graphs and adds quads, in this order; or nothing.

    Oxigraph writes and escapes the terms.
    """
    steps = [f"DROP SILENT GRAPH {graph}" for graph in drop]
    steps += _data("DELETE DATA", remove)
    steps += [f"CREATE SILENT GRAPH {graph}" for graph in create]
    steps += _data("INSERT DATA", add)
    return " ;\n".join(steps)


def all_of(graph: NamedNode, but: Sequence[NamedNode] = ()) -> tuple[str, str]:
    """The pattern of all that a graph holds, and that of what none of the graphs `but` holds, too."""
    held = f"GRAPH {graph} {{ ?s ?p ?o }}"
    others = (f"FILTER NOT EXISTS {{ GRAPH {name} {{ ?s ?p ?o }} }}" for name in but)
    return held, " ".join((held, *others))


def _data(keyword: str, quads: Iterable[Quad]) -> list[str]:
    """`quads` as one INSERT DATA or DELETE DATA, or nothing."""
    by_graph, blocks = Quads.of(quads), []
    for name in by_graph.graphs:
        lines = by_graph.lines(name)
        blocks.append(lines if isinstance(name, DefaultGraph) else f"GRAPH {name} {{\n{lines}\n}}")
    return [f"{keyword} {{\n" + "\n".join(blocks) + "\n}"] if blocks else []
