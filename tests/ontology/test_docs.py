"""The HTML documentation holds every class in both languages, and is made without a network."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rdflib
from rdflib import OWL, SKOS

from kgservice.application.protocol import ontology_docs
from kgservice.errors import KgError
from tests.offline import offline
from tests.ontology import owl


@pytest.fixture
def _loop() -> Iterator[None]:
    """dominate, which pyLODE uses, makes an event loop where there is none and leaves it open."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        yield
        asyncio.set_event_loop(None)


@pytest.mark.slow
@pytest.mark.usefixtures("_loop")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # pyLODE leaves its style sheet open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_class_is_on_each_page(ontology: rdflib.Graph, tmp_path: Path) -> None:
    with offline() as asked:
        pages = ontology_docs.render(tmp_path / "site")
    assert asked == []
    assert [page.name for page in pages] == ["ontology.de.html", "ontology.en.html"]
    classes = owl.own(ontology, OWL.Class)
    assert len(classes) > 140
    for page in pages:
        language = page.name.split(".")[1]
        html = page.read_text(encoding="utf-8")
        assert [c for c in classes if f"<code>{c}</code>" not in html] == []
        for c in classes:
            (label,) = (o for o in owl.texts(ontology, c, SKOS.prefLabel) if o.language == language)
            assert str(label) in html


def test_without_pylode_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylode.profiles.ontpub", None)
    with pytest.raises(KgError, match=r"kgservice\[docs\]"):
        ontology_docs.render(tmp_path)


def test_what_pylode_logs_and_prints_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("tests.pylode")
    handler = logging.StreamHandler()
    log.addHandler(handler)
    try:
        with ontology_docs.quiet():
            log.warning("could not cache")
            print("Unknown property")
        assert capfd.readouterr() == ("", "")
        log.warning("after it")
        assert capfd.readouterr().err == "after it\n"
    finally:
        log.removeHandler(handler)
