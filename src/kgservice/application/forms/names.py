"""What the cells of a sheet mean: names of things instead of IRIs, words for truth values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pyoxigraph import Literal, NamedNode

from kgservice.application.forms.choices import choices
from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.forms.values import Typed, Wrong
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.errors import TooLarge
from kgservice.namespaces import CI, SKOS, Addresses

LANGUAGES = ("de", "en")
MOST_ASKED = 10_000
"""Names of a sheet that are looked up one by one."""
_TRUTH = {"ja": "true", "yes": "true", "wahr": "true", "nein": "false", "no": "false", "falsch": "false"}
_CALLED = f"""SELECT DISTINCT ?thing WHERE {{
  VALUES ?class {{ UNDEF }} VALUES ?name {{ UNDEF }}
  ?thing <{SKOS}prefLabel>|<{CI}title> ?name ; a ?class
}} LIMIT 2"""


class Names:
    """Looks up the things of one graph, as a reader sees them; each list is read once."""

    def __init__(self, addresses: Addresses, reader: Reader, form: Form) -> None:
        self._addresses = addresses
        self._reader = reader
        self._form = form
        self._listed: dict[tuple[str, ...], dict[str, set[str]]] = {}
        self._called: dict[tuple[tuple[str, ...], str], set[str]] = {}

    def typed(self, one: Field, text: str) -> Typed | Wrong:
        """What a cell says, as it would stand in the form."""
        if one.kind is not Kind.CHOICE:
            return Typed(_TRUTH.get(text.casefold(), text) if one.kind is Kind.TRUTH else text)
        found = self._listing(one).get(text.casefold(), set()) or self._exactly(one, text)
        if found:
            return Typed(next(iter(found))) if len(found) == 1 else Wrong.AMBIGUOUS
        if text.startswith(("http://", "https://", "urn:")):
            return Typed(text)
        try:
            return Typed(NamedNode(self._addresses.ids + text).value)
        except ValueError:
            return Wrong.CHOICE

    def _listing(self, one: Field) -> dict[str, set[str]]:
        """The things in the pick lists of a field, by their names in either language."""
        key = one.among or one.classes
        if key not in self._listed:
            called: defaultdict[str, set[str]] = defaultdict(set)
            for language in LANGUAGES:
                for iri, name in choices(self._reader, one, language).options:
                    called[name.casefold()].add(iri)
            self._listed[key] = dict(called)
        return self._listed[key]

    def _exactly(self, one: Field, text: str) -> set[str]:
        """The things of the classes of a field that are called so, where they are too many for a list."""
        if one.among:
            return set()
        key = (one.classes, text)
        if key not in self._called:
            if len(self._called) >= MOST_ASKED:
                raise TooLarge("the sheet names more than {most} things; take it in parts", most=MOST_ASKED)
            names = [Literal(text), *(Literal(text, language=language) for language in LANGUAGES)]
            classes = [NamedNode(iri) for iri in one.classes]
            given: dict[str, Sequence[NamedNode | Literal]] = {"class": classes, "name": names}
            rows = self._reader.select(with_values(_CALLED, given)).rows
            self._called[key] = {row[0].value for row in rows if isinstance(row[0], NamedNode)}
        return self._called[key]
