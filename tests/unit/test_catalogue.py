"""The words of the pages: each that a template asks for is there."""

from __future__ import annotations

import re
from pathlib import Path

import kgservice.web
from kgservice.web.texts import LANGUAGES, catalogue

TEMPLATES = Path(kgservice.web.__file__).parent / "templates"
_ASKED = re.compile(r"""\bt\(\s*["']([a-z0-9-]+)["']\s*\)""")


def test_every_word_of_a_template_is_there() -> None:
    asked = {
        (path.name, key)
        for path in TEMPLATES.iterdir()
        for key in _ASKED.findall(path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 300
    for language in LANGUAGES:
        assert {(name, key) for name, key in asked if key not in catalogue(language)} == set()
