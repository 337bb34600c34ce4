"""From the files of a CRM to the guarded graph: part of `make bench`, or `python -m benchmarks.crm`.

The source is that of the sales department (`examples/crm/vertrieb`) with made-up contacts: each becomes a
person of the demonstration graph, and their newsletter a preference with the consent given by a form.
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from pyoxigraph import NamedNode, RdfFormat, Store, Triple, serialize

from benchmarks.german import rows as german
from benchmarks.guard import ready, say
from benchmarks.report import Figure, machine, of, report
from kgservice import resources
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.demonstration import load_demonstration
from kgservice.application.links import records as link_records
from kgservice.application.sources.matching import match
from kgservice.application.sources.row_graphs import Known, RowGraphs
from kgservice.application.sources.rows import BATCH
from kgservice.crm import registry
from kgservice.crm.canonical_tables import opened
from kgservice.crm.settings import Source, read_source
from kgservice.crm.sync import sync
from kgservice.domain.matching import RecordId
from kgservice.garbage import look_seldom
from kgservice.settings import Settings
from kgservice.store.formats import N_QUADS
from kgservice.store.oxigraph import OxigraphStore

HERE = Path(__file__).parent
SEED = 5
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # when the demonstration is valid, and the consents are, too
TABLES = ("persons", "preferences")


@dataclass(slots=True)
class Watch:
    """Seconds that steps took, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Measure a step."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def source_of(folder: Path, count: int) -> Source:
    """The sales department's source with so many contacts, each with a newsletter, and nothing else."""
    shutil.copytree(resources.folder("examples") / "crm" / "vertrieb", folder)
    settings = folder / "source.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("\n[connection]", 'unmatched = "create"\n\n[connection]', 1)
    settings.write_text(text.replace("windows-1252", "utf-8"), "utf-8")
    people = (row for source, _, row in german("persons", 2 * count, SEED) if source == "graph")
    contacts, letters = list[tuple[str, ...]](), list[tuple[str, ...]]()
    for number, row in enumerate(islice(people, count)):
        key, mail, phone = f"K-{number}", *(next(iter(row[name]), "") for name in ("email", "phone"))
        name = row["given_name"], row["family_name"]
        contacts.append((key, *name, mail, phone, "Einkauf", "", "ja", "02.03.2026 09:15"))
        letters.append((key, "Monatsbericht", "ja", "02.03.2026 10:00", "Formular im Portal"))
    made = {"kontakte.csv": contacts, "rundschreiben.csv": letters}
    for path in folder.glob("*.csv"):
        heading = path.read_text("cp1252").splitlines()[0]
        out = io.StringIO(f"{heading}\n", newline="")
        out.seek(0, io.SEEK_END)
        csv.writer(out, delimiter=";").writerows(made.get(path.name, []))
        path.write_text(out.getvalue(), "utf-8")
    return read_source(folder)


@contextmanager
def demonstration(store: Path) -> Iterator[KnowledgeGraph]:
    """The demonstration graph on disk, with copies in memory as in a running service."""
    kg = KnowledgeGraph.open(Settings(store=store), OxigraphStore(store), lambda: NOW)
    try:
        load_demonstration(kg)
        ready(kg)
        yield kg
    finally:
        kg.close()
        gc.unfreeze()


def stored(kg: KnowledgeGraph) -> set[bytes]:
    """What the store holds, as lines of N-Quads."""
    out = io.BytesIO()
    kg.store.dump(out, N_QUADS)
    return set(out.getvalue().splitlines())


def loaded(folder: Path, statements: Path, kind: RdfFormat) -> float:
    """Seconds that pyoxigraph takes for the same statements, into an empty store on disk."""
    watch = Watch()
    with watch.of("load"):
        store = Store(folder)
        store.bulk_load(path=statements, format=kind)
        store.flush()
    del store
    shutil.rmtree(folder)
    return watch.seconds["load"]


def rows_of(kg: KnowledgeGraph, source: Source) -> Iterator[tuple[RecordId, dict[str, object]]]:
    """The preferences of the source as they stand in the canonical tables."""
    with opened(kg.settings.crm_folder, read_only=True) as db:
        found = db.execute("FROM preferences WHERE source = ? ORDER BY key", [source.name])
        names = [column[0] for column in found.description or ()]
        for values in found.fetchall():
            row = dict(zip(names, values, strict=True))
            yield RecordId(source.name, str(row["key"])), row


def mapped(kg: KnowledgeGraph, source: Source, watch: Watch) -> set[Triple]:
    """The statements that CONSTRUCT makes of all preferences, without the consents, which ask the graph."""
    rows = list(rows_of(kg, source))
    links = {one: links[0] for one, links in link_records.of_records(kg, [one for one, _ in rows]).items()}
    assert source.becoming is not None
    graphs = RowGraphs(kg.addresses, "preferences", source.becoming)
    use = source.becoming.use("preferences", None)
    touchpoint = NamedNode(kg.addresses.instance("touchpoint", "newsletter"))
    told = [(one, row, Known(links[one], None, use, touchpoint, NOW)) for one, row in rows]
    found: set[Triple] = set()
    with watch.of("map"):
        for start in range(0, len(told), BATCH):
            found.update(*graphs.of(told[start : start + BATCH]))
    return found


def at_least(what: str, value: float, limit: float, detail: str) -> Figure:
    """Rows a second that are to be at least `limit`."""
    return Figure(what, value, "rows/s", f"≥ {limit:,.0f}", value >= limit, detail)


def taken_over(kg: KnowledgeGraph, source: Source, count: int, watch: Watch) -> None:
    """Bring all rows into the graph. Raises `RuntimeError` unless each came in."""
    with watch.of("sync"):
        read = sync(source, kg.settings.crm_folder, clock=kg.clock)
    with watch.of("match"):
        done = match(kg).to_json()["records"][source.name]
    came = done["persons"]["created"], done["preferences"]["written"]
    if read.rejects or came != (count, count):
        raise RuntimeError(f"{count} contacts and letters, but {came} of them came in: {done}")


def again(kg: KnowledgeGraph, source: Source, watch: Watch) -> int:
    """Synchronise and match once more, with nothing changed: how much was written."""
    before = kg.head
    with watch.of("sync again"):
        read = sync(source, kg.settings.crm_folder, clock=kg.clock)
    with watch.of("match again"):
        match(kg)
    return kg.head - before + (read.run != 0)


def figures(work: Path, count: int) -> list[Figure]:
    """So many contacts and as many newsletters, from CSV to the graph, and once more with nothing changed."""
    place, watch = work / "crm", Watch()
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    say(f"a CRM with {count:,} contacts")
    with demonstration(place / "store") as kg:
        source = source_of(place / "source", count)
        kg.settings.crm_folder.mkdir()
        registry.add(kg.settings.crm_folder, source)
        before = stored(kg)
        taken_over(kg, source, count, watch)
        new = stored(kg) - before
        say("the same again, with nothing changed")
        written = again(kg, source, watch)
        triples = mapped(kg, source, watch)
    (place / "new.nq").write_bytes(b"\n".join(new))
    serialize(triples, place / "new.nt", RdfFormat.N_TRIPLES)
    alone = {
        "graph": loaded(place / "peer", place / "new.nq", RdfFormat.N_QUADS),
        "mapping": loaded(place / "peer", place / "new.nt", RdfFormat.N_TRIPLES),
    }
    shutil.rmtree(place)
    took = watch.seconds
    whole, mapping = took["sync"] + took["match"], took["sync"] / 2 + took["map"]
    return [
        at_least(
            "CRM: CSV to the committed, guarded graph",
            2 * count / whole,
            3_000,
            f"{2 * count:,} rows: {took['sync']:.1f} s to read, {took['match']:.1f} s to match and "
            f"take over; bulk_load of the {len(new):,} statements that this stores: {alone['graph']:.1f} s",
        ),
        at_least(
            "CRM: mapping alone, from CSV to statements",
            count / mapping,
            10_000,
            f"{count:,} rows: {took['sync'] / 2:.1f} s to read (half of all), {took['map']:.1f} s for "
            f"CONSTRUCT; bulk_load of the {len(triples):,} statements: {alone['mapping']:.1f} s",
        ),
        of("CRM: a sync with nothing changed, writes", written, "", "commits, and runs that changed rows", 0),
        of("CRM: the same, seconds", took["sync again"], "s", "files that are what they were", 2),
        of("CRM: matching with nothing changed", took["match again"], "s", f"{2 * count:,} rows compared"),
    ]


def main() -> None:
    """Measure, print the table and write it down."""
    look_seldom()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000, help="contacts, and as many newsletters")
    options = parser.parse_args()
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    facts = {**machine(), "contacts": f"{options.contacts:,}"}
    report(figures(work, options.contacts), facts, options.contacts, "crm-")


if __name__ == "__main__":
    main()
