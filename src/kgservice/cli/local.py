"""The graph in the store directory, opened by the command itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from pyoxigraph import NamedNode

from kgservice.application.answers import questions
from kgservice.application.answers.trace import trace
from kgservice.application.care import check
from kgservice.application.care.backups import Backups
from kgservice.application.graph.erased import Erased
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import validation
from kgservice.application.guard.journal import Journal
from kgservice.application.imports import imports, load
from kgservice.application.law import erasing, subjects
from kgservice.application.law.decisions import decide
from kgservice.application.protocol import exporting, graph_store
from kgservice.application.stewards import quality, quarantine, reports, stewarding
from kgservice.application.views.reader import Reader
from kgservice.cli.answers import chooser, say
from kgservice.cli.bars import Bars
from kgservice.cli.desks import LocalDesks
from kgservice.cli.recording import Entry, Recorder, recorded
from kgservice.cli.stores import near, store_of
from kgservice.crm.canonical import DATABASE
from kgservice.crm.forgetting import CanonicalTables
from kgservice.domain.audit import told_purpose
from kgservice.domain.change import Origin
from kgservice.domain.principal import stated_purpose
from kgservice.errors import BadParameter, Conflict, KgError
from kgservice.phrases import noun
from kgservice.settings import Settings
from kgservice.store.formats import Format
from kgservice.store.rewriting import recover, rewrite

ORIGIN = Origin(agent="local", reason="command line")


@contextmanager
def opened(settings: Settings) -> Iterator[KnowledgeGraph]:
    """The graph over the embedded store, or that of a server; the store is closed at the end.

    Says when it is a new one, and how far it is when views have to be built.

    Who was erased, by the list beside the store, and is in it, since it is a backup, is erased again; so is
    what an erasure that was broken off has left.
    Raises `StoreFailed` when the directory cannot be opened, for example because another process owns it.
    """
    if not settings.remote:
        recover(settings.store)
        if not settings.store.exists():
            say(f"New store: {settings.store.resolve()}")
    settings.store.parent.mkdir(parents=True, exist_ok=True)
    store = store_of(settings)
    try:
        store.settle()  # what another process has left to do
        with Bars(named=True) as bars:
            kg = KnowledgeGraph.open(settings, store, told=bars.show)
    except KgError:
        store.close()
        raise
    try:
        near(kg)
        kg.erased = Erased.beside(settings.store)
        kg.forgetters.append(CanonicalTables(settings.crm_folder / DATABASE))
        if persons := erasing.again(kg):
            say(
                f"The store is from before the erasure of {persons} {noun(persons, 'person|persons')}, or "
                f"that was broken off; {noun(persons, 'this person was|they were')} erased again."
            )
        yield kg
    finally:
        kg.close()


def compacted(settings: Settings) -> tuple[int, int]:
    """Write the files of the store anew; their bytes before and after.

    Raises `StoreFailed`, and `Conflict` for the store of a server: what its files hold is for that to see to.
    """
    if settings.remote:
        raise Conflict("the files of a server are written anew by the server, not by this command")
    with opened(settings) as kg:  # a backup that came back has to forget first
        erased = kg.erased
    before = _size(settings.store)
    rewrite(settings.store)
    erased.are_purged(len(erased.persons))
    return before, _size(settings.store)


def forgotten(settings: Settings) -> None:
    """Write the store anew if its files may still hold texts of erased persons. Raises `StoreFailed`."""
    if settings.remote or not settings.store.exists():
        return
    known = Erased.beside(settings.store)
    if not (known.persons or known.unfinished):
        return
    with opened(settings) as kg:
        persons = kg.erased.waiting
    if persons:
        say(f"Writing the store anew: its files still hold texts of erased persons ({persons}) …")
        compacted(settings)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


class Local(LocalDesks):
    """The commands' view of an open graph; what they do is recorded.

    `purpose`: the one whose view is read, an IRI; None for the view of everything.
    """

    def __init__(self, kg: KnowledgeGraph, recorder: Recorder, purpose: str | None = None) -> None:
        self._kg = kg
        self.recorder = recorder
        self._purpose = purpose

    def query(self, text: str, formats: Sequence[Format], out: BinaryIO) -> Format:
        """Run the query on the view."""
        choose, chosen = chooser(formats)
        with self.recorder.doing("query", "sparql") as entry:
            entry.query = text
            self._reader(entry).query(text, choose, entry.before(out))
        return chosen()

    def questions(self) -> list[dict[str, Any]]:
        """The saved questions of the package."""
        return [question.to_json() for question in questions.questions().values()]

    def ask(
        self, question: str, parameters: Mapping[str, str], formats: Sequence[Format], out: BinaryIO
    ) -> Format:
        """Run a saved question with its parameters bound."""
        choose, chosen = chooser(formats)
        with self.recorder.doing("ask", "queries") as entry:
            found = questions.find(questions.questions(), question)
            entry.command = f"ask {found.id}"
            reader = self._reader(entry)
            bound = questions.bind(reader, found, parameters)
            entry.query = bound.text
            reader.query(bound.text, choose, entry.before(out))
        return chosen()

    def trace(self, record: str) -> dict[str, Any]:
        """Follow the chain through the record."""
        iri = record if ":" in record else f"{self._kg.addresses.ids}{record}"
        with self.recorder.doing("trace", "trace") as entry:
            return trace(self._reader(entry), named(iri)).to_json()

    def _reader(self, entry: Entry) -> Reader:
        """What the command may read, which its entry tells. Raises `Forbidden`."""
        active = self._kg.settings.active_purposes
        entry.purpose = told_purpose(self._purpose)
        purpose = stated_purpose(self.recorder.principal, self._purpose, active, "--purpose")
        reader = self._kg.reader(purpose)
        entry.view, entry.purpose, entry.everything = reader.view.value, purpose, purpose is None
        return reader

    def decide(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """Decide on what is stored."""
        with self.recorder.doing("decide", "decisions") as entry:
            found = decide(self._kg, **asked)
            entry.person = subjects.mark(self._kg, found.subject)
            return found.to_json()

    @recorded("load", "imports", reads=False)
    def load(self, paths: Sequence[Path], progress: Callable[[str, int, int], None]) -> list[dict[str, Any]]:
        """Load the files and folders, one after another."""
        rejects = self._kg.settings.store.parent / "rejects"
        return imports.load(self._kg, paths, ORIGIN, progress, rejects=rejects)

    @contextmanager
    def validated(self, fmt: str, language: str, *, resume: bool) -> Iterator[tuple[str, int]]:
        """Validate the whole graph; what is found until an interruption stays in a file beside the store."""
        store = self._kg.settings.store
        place = store.with_name(f"{store.name}.validation")
        with (
            self.recorder.doing("validate", "validation") as entry,
            Journal(place, resume=resume, say=say) as journal,
        ):
            with Bars() as bars:
                report = validation.validate(self._kg, told=bars.show, journal=journal)
            entry.tell()
            yield reports.written(report, fmt, language), report.violations

    @recorded("validate", "validation")
    def foreseen(self, files: Sequence[Path], fmt: str, language: str) -> tuple[str, int]:
        """Say what loading the files would do."""
        found = load.previewed_files(self._kg, files, ORIGIN)
        return reports.written(found, fmt, language), found.violations

    @recorded("check", "check")
    def check(self) -> list[str]:
        """Compare each view with its definition."""
        return check.check(self._kg)

    @recorded("backup", "backups", reads=False)
    def backup(self, folder: Path | None) -> dict[str, Any]:
        """Copy the store and what stands beside it."""
        return Backups(self._kg, folder or self._kg.settings.backup_folder).make().to_json()

    def quality(self, *, keep: bool) -> dict[str, Any]:
        """Measure, and keep the measurement if asked to."""
        with self.recorder.doing("quality", "quality", reads=not keep):
            if keep:
                quality.record(self._kg)
            return quality.report(self._kg).to_json()

    @recorded("findings", "findings")
    def findings(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Look the findings up."""
        return stewarding.report(self._kg, given)

    @recorded("findings show", "findings")
    def finding(self, key: str) -> dict[str, Any]:
        """Explain the finding."""
        return stewarding.explained(self._kg, key)

    @recorded("findings assign", "findings", reads=False)
    def assign(self, key: str, owner: str | None, agent: str | None) -> dict[str, Any]:
        """Name who is to mend the finding."""
        stewarding.assign(self._kg, key, owner, Origin.asked(ORIGIN.agent, agent))
        return self._finding(key)

    @recorded("findings waive", "findings", reads=False)
    def waive(self, key: str, reason: str, until: str, agent: str | None) -> dict[str, Any]:
        """Accept the finding."""
        stewarding.waive(self._kg, key, reason, until, Origin.asked(ORIGIN.agent, agent))
        return self._finding(key)

    @recorded("findings reopen", "findings", reads=False)
    def reopen(self, key: str, agent: str | None) -> dict[str, Any]:
        """Take the waiver back."""
        stewarding.reopen(self._kg, key, Origin.asked(ORIGIN.agent, agent))
        return self._finding(key)

    @recorded("findings fix", "findings", reads=False)
    def fix(self, key: str, proposal: str, agent: str | None) -> dict[str, Any]:
        """Make the change of the proposal."""
        stewarding.apply(self._kg, key, proposal, Origin.asked(ORIGIN.agent, agent))
        return self._finding(key)

    @recorded("quarantine", "quarantine")
    def quarantined(self, status: str | None) -> list[dict[str, Any]]:
        """List the quarantine."""
        entries: list[dict[str, Any]] = quarantine.report(self._kg, status)["entries"]
        return entries

    @recorded("quarantine show", "quarantine")
    def held(self, key: str) -> dict[str, Any]:
        """Show the entry."""
        return quarantine.shown(self._kg, key)

    @recorded("quarantine release", "quarantine", reads=False)
    def release(self, key: str) -> dict[str, Any]:
        """Commit the entry."""
        return quarantine.released(self._kg, key)

    @recorded("quarantine discard", "quarantine", reads=False)
    def discard(self, key: str, reason: str) -> dict[str, Any]:
        """Discard the entry."""
        quarantine.discard(self._kg, key, reason)
        return quarantine.one(self._kg, key).to_json()

    @recorded("findings refresh", "findings", reads=False)
    def refresh(self) -> dict[str, int]:
        """Validate the whole graph, and keep what it finds."""
        with Bars(named=True) as bars:
            return asdict(stewarding.refresh(self._kg, told=bars.show))

    def _finding(self, key: str) -> dict[str, Any]:
        return stewarding.one(self._kg, key).to_json(self._kg)

    def export(self, graph: str | None, fmt: Format, out: BinaryIO, *, views: bool = False) -> None:
        """Dump one graph, or all, or the view of the purpose."""
        with self.recorder.doing("export", "export") as entry:
            reader = self._reader(entry)
            if graph is None:
                exporting.export(self._kg, reader, fmt, entry.before(out), views=views)
            else:
                graph_store.read(self._kg, named(graph), fmt, entry.before(out))


def named(iri: str) -> NamedNode:
    """The IRI as a term. Raises `BadParameter` for what is no absolute IRI."""
    try:
        return NamedNode(iri)
    except ValueError as error:
        raise BadParameter("{iri!r} is no IRI: {error}", iri=iri, error=error) from None
