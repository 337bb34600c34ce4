"""The page of a person as a file that is handed to them: complete in itself, for who has no service."""

from __future__ import annotations

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import subject_page
from kgservice.web.dates import day
from kgservice.web.render import Pages


def document(kg: KnowledgeGraph, key: str, language: str) -> bytes:
    """The page in a language, as HTML (UTF-8). Raises what `subject_page.page` raises."""
    shown = subject_page.page(kg, key, language, day)
    return Pages().render("subject_file.html", language, chosen=False, here="", subject=shown).encode()
