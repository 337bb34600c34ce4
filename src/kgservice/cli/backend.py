"""What the commands need of the graph, whether they open the store themselves or ask the running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from kgservice.cli import runtime
from kgservice.cli.link_desk import LinkDesk
from kgservice.cli.rights import Rights
from kgservice.cli.source_desk import SourceDesk
from kgservice.errors import NotFound, StoreFailed
from kgservice.settings import Settings
from kgservice.store.formats import Format

if TYPE_CHECKING:
    from kgservice.cli.remote import Remote

Progress = Callable[[str, int, int], None]
"""Called with what is being read, how much of it is done, and how much there is."""


class Backend(Protocol):
    """The graph as the commands see it. Every method may raise any `KgError`."""

    @property
    def rights(self) -> Rights:
        """What can be done for a person whose data is kept."""

    @property
    def links(self) -> LinkDesk:
        """What can be done with links of CRM records."""

    @property
    def sources(self) -> SourceDesk:
        """What can be done with sources of customers."""

    def query(self, text: str, formats: Sequence[Format], out: BinaryIO) -> Format:
        """Write the answer of a query to `out` in the first of `formats` that fits; returns that format."""

    def questions(self) -> list[dict[str, Any]]:
        """The saved questions, as `GET /queries` lists them."""

    def ask(
        self, question: str, parameters: Mapping[str, str], formats: Sequence[Format], out: BinaryIO
    ) -> Format:
        """Write the answer of a saved question to `out` in the first of `formats` that fits."""

    def trace(self, record: str) -> dict[str, Any]:
        """The chain through a record (IRI, or the UUID that ends it), as `GET /trace/{uuid}` gives it."""

    def decide(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """Whether data of a person may be used, as `GET /decisions` gives it for these parameters."""

    def load(self, paths: Sequence[Path], progress: Progress) -> list[dict[str, Any]]:
        """Load files and folders; one summary for each commit made or refused."""

    def validated(self, fmt: str, language: str, *, resume: bool) -> AbstractContextManager[tuple[str, int]]:
        """The validation report of the whole graph in a format, and the number of its violations.

        `resume` goes on with a validation that was interrupted, until the end of the `with` block. Raises
        `BadParameter` where that cannot be.
        """

    def foreseen(self, files: Sequence[Path], fmt: str, language: str) -> tuple[str, int]:
        """What loading RDF files would do to the findings, in a format, and for how many it is refused.

        Nothing is written.
        """

    def check(self) -> list[str]:
        """What is wrong with the stored graphs and views; empty when nothing is."""

    def backup(self, folder: Path | None) -> dict[str, Any]:
        """Make a backup, in a directory or where the settings say; what `POST /backups` gives.

        Raises `BadParameter` for another directory than that of a service.
        """

    def quality(self, *, keep: bool) -> dict[str, Any]:
        """The measures of data quality as `GET /quality` gives them; with `keep` they are kept first."""

    def findings(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The findings that fit, as `GET /findings` gives them for these parameters."""

    def finding(self, key: str) -> dict[str, Any]:
        """A finding (IRI, or the UUID that ends it) explained, as `GET /findings/{id}` gives it."""

    def assign(self, key: str, owner: str | None, agent: str | None) -> dict[str, Any]:
        """Name who is to mend a finding; the finding."""

    def waive(self, key: str, reason: str, until: str, agent: str | None) -> dict[str, Any]:
        """Accept a finding for a time; the finding."""

    def reopen(self, key: str, agent: str | None) -> dict[str, Any]:
        """Take the waiver of a finding back; the finding."""

    def fix(self, key: str, proposal: str, agent: str | None) -> dict[str, Any]:
        """Make the change of a proposal; the finding."""

    def quarantined(self, status: str | None) -> list[dict[str, Any]]:
        """The entries of the quarantine, all or those with one status."""

    def held(self, key: str) -> dict[str, Any]:
        """An entry of the quarantine, as `GET /quarantine/{id}` gives it."""

    def release(self, key: str) -> dict[str, Any]:
        """Commit the statements of an entry; what changed."""

    def discard(self, key: str, reason: str) -> dict[str, Any]:
        """Say that an entry is not wanted; the entry."""

    def refresh(self) -> dict[str, int]:
        """Validate everything and bring the findings in line; how many changed."""

    def export(self, graph: str | None, fmt: Format, out: BinaryIO, *, views: bool = False) -> None:
        """Write one graph, the whole dataset, or the view of the stated purpose, to `out`.

        `views`: the dataset with the views, which follow from the rest.
        """


@contextmanager
def connected(
    settings: Settings, url: str | None, *, create: bool = False, purpose: str | None = None
) -> Iterator[Backend]:
    """The running service at `url`, else the one that owns the store, else the store itself.

    `purpose`, an IRI or `everything`: what is read, is read through its view.

    Raises `NotFound` when there is no store and `create` is not set, `StoreFailed` when another process owns
    the store and cannot be asked, `AuditFailed` when nothing can be recorded.
    """
    with service(settings, url, purpose=purpose) as remote:
        if remote is not None:
            yield remote
            return
    if not create and not settings.store.exists():
        raise NotFound(
            "there is no store at {store}; kgservice load or serve makes one", store=settings.store
        )
    # The store and the engines behind it cost time to import; asking a service needs none of them.
    from kgservice.cli.local import Local, opened  # noqa: PLC0415
    from kgservice.cli.recording import recording  # noqa: PLC0415

    with opened(settings) as kg, recording(settings) as recorder:
        yield Local(kg, recorder, purpose)


@contextmanager
def service(settings: Settings, url: str | None, *, purpose: str | None = None) -> Iterator[Remote | None]:
    """The running service at `url`, else the one that owns the store and answers, else None."""
    # Either way of working costs time to import, and who asks for help goes neither.
    running = None if url else runtime.find(settings.store)
    if not url and running is None:
        yield None
        return
    from kgservice.cli.remote import Remote  # noqa: PLC0415

    if url:
        with Remote(url, settings.token, purpose) as remote:
            yield remote
        return
    assert running is not None
    with Remote(running.url, running.token, purpose) as remote:
        yield remote if remote.answers() else None


def refuse_running(settings: Settings) -> None:
    """Raises `StoreFailed` when a service runs on the store, whose files are about to be others."""
    running = runtime.find(settings.store)
    with service(settings, None) as remote:
        if running is not None and remote is not None:
            raise StoreFailed("a service runs on this store: {url}; stop it first", url=running.url)
