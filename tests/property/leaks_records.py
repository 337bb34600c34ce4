"""Random requests to the pages where people make and change records: lists, forms, and sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from kgservice.application.forms import sheets
from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.forms.shapes import CLASSES, Forms
from kgservice.domain.principal import Role
from kgservice.namespaces import CI
from kgservice.tabular.lines import MEDIA_TYPE, Column
from tests.property import leaks_requests
from tests.property.leaks_requests import FORM, Asked
from tests.property.leaks_world import MISSING, PROJECT, TITLED, A

RECORDS = "/pages/records"
_BOUNDARY = "edge"


@dataclass
class Grammar(leaks_requests.Grammar):
    """The grammar with the pages of records. `forms`: the fields of each class."""

    graphs: list[str] = field(default_factory=list, init=False)
    forms: Forms = field(kw_only=True)

    def kinds(self) -> list[tuple[int, Callable[[], Asked]]]:
        """What makes requests, and how often it does."""
        return [*super().kinds(), (4, self._listed), (4, self._formed), (4, self._filled), (2, self._sheet)]

    def _place(self) -> tuple[str, str]:
        """A class by its name in addresses, and something that is often of it."""
        name = self._pick(*CLASSES)
        kind = CLASSES[name].removeprefix(CI)
        if kind in TITLED and self._maybe(0.5):
            return name, A.instance("leaks", kind, self._pick("confidential", "confidential", "0", "1"))
        return name, self._iri()

    def _listed(self) -> Asked:
        """Lists of records, searched for what is hidden, too; the classes with their numbers; a sheet."""
        name = self._pick(*CLASSES)
        number = self.dice.randint(1, self.canaries)
        words = self._pick("", "", "canary", f"CANARY-{number}", f"anary-{number}", "shown", "SHOWN-1", "a")
        shown = urlencode({"q": words} if words else {})
        path = self._pick(
            RECORDS,
            f"{RECORDS}/{name}?{shown}",
            f"{RECORDS}/{name}?{shown}",
            f"{RECORDS}/{name}?{shown}&page={self._pick('1', '2', '0', 'x', '999')}",
            f"{RECORDS}/{name}?lang=de&{shown}",
            f"{RECORDS}/{name}/sheet",
            f"{RECORDS}/{name}/sheet?key=x",
            f"{RECORDS}/{name}/sheet/refused",
            f"{RECORDS}/none",
        )
        return self._got(path)

    def _formed(self) -> Asked:
        """Forms, new and of what is there or hidden, with their pick lists; the workbook to fill in."""
        name = self._pick(*CLASSES)
        kind = self.dice.random()
        if kind < 0.25:
            return self._got(f"{RECORDS}/{name}/new", fresh=True)
        if kind < 0.45:
            return self._got(f"{RECORDS}/{name}/sheet/template{self._pick('', '?lang=de')}", fresh=True)
        name, iri = self._place()
        path = f"{RECORDS}/{name}/record/{quote(iri.removeprefix(A.ids), safe='')}"
        return self._got(path + self._pick("", "?saved=1", "?lang=de"), like=self._nothing(iri))

    def _got(self, path: str, *, fresh: bool = False, like: tuple[str, str] | None = None) -> Asked:
        headers = self._headers("text/html", "*/*")
        return Asked(Role.EDITOR, "GET", path, headers, kind="records", fresh=fresh, like=like)

    def _nothing(self, iri: str) -> tuple[str, str] | None:
        if iri in self.hidden and iri.startswith(A.ids):
            return iri.rpartition("/")[2], MISSING.rpartition("/")[2]
        return None

    def _filled(self) -> Asked:
        """A form that is sent: looked through for what there is to choose, or saved."""
        name, iri = self._place()
        form = self.forms.named(name)
        fields = dict(self._values(form))
        fields["do"] = self._pick(
            "save", "save", "search", "over", f"more:{self.dice.choice([*form.leaves()]).path}"
        )
        fields |= {"version": self._pick("", "x", "0" * 32), "current": self._pick("", "x")}
        key = iri.removeprefix(A.ids)
        if self._maybe(0.4):
            fields["record"] = key
            path = f"{RECORDS}/{name}/new"
        else:
            path = f"{RECORDS}/{name}/record/{quote(key, safe='')}"
        body = urlencode(fields)
        # What is saved tells five things that docs/security.md names; what is only shown tells nothing.
        looks = fields["do"] not in {"save", "over"}
        kind = "records" if looks else "form"
        return Asked(Role.EDITOR, "POST", path, (("Content-Type", FORM),), body, kind, same=looks)

    def _values(self, form: Form) -> Iterator[tuple[str, str]]:
        """What is typed into fields: names of what is hidden, and words that are looked for."""
        leaves = [*form.leaves()]
        for leaf in self.dice.sample(leaves, min(len(leaves), 4)):
            yield f"v.{leaf.path}.0", self._cell(leaf)
            if leaf.kind is Kind.TEXT:
                yield f"l.{leaf.path}.0", self._pick("en", "de")
            elif leaf.kind is Kind.CHOICE and self._maybe(0.5):
                number = self.dice.randint(1, self.canaries)
                yield f"q.{leaf.path}", self._pick("canary", f"canary-{number}", "shown", "SHOWN-2")

    def _cell(self, leaf: Field) -> str:
        if leaf.kind is Kind.CHOICE:
            return self._pick(self._iri(), self._iri(), PROJECT.value, *leaf.among[:2])
        return self._pick("x", "4", "true", "2026-11-20T12:00:00Z", "nonsense")

    def _sheet(self) -> Asked:
        """A workbook whose rows name what is hidden, with what became of them; then it is taken."""
        name, iri = self._place()
        form = self.forms.named(name)
        columns = {sheets.ID: None, **sheets.columns(form)}
        rows = []
        for _ in range(self.dice.choice([1, 3])):
            row = dict.fromkeys(columns, "")
            row[sheets.ID] = self._pick(iri.removeprefix(A.ids), self._iri().removeprefix(A.ids), "ours-1")
            row[f"{CI}title@en"] = self._pick("a title", "")
            for column, place in self.dice.sample(list(sheets.columns(form).items()), 3):
                leaf = form.at(place[0])
                assert leaf is not None
                row[column] = self._cell(leaf)
                if leaf.kind is Kind.CHOICE and self._maybe(0.6):  # told by its name, which may be hidden
                    number = self.dice.randint(1, self.canaries)
                    row[column] = self._pick(f"CANARY-{number}", f"SHOWN-{number}")
            rows.append(list(row.values()))
        content = sheets.workbook(name, [Column(column, column) for column in columns], rows)
        head = 'Content-Disposition: form-data; name="file"; filename="rows.xlsx"\r\n'
        body = b"".join(
            [
                f"--{_BOUNDARY}\r\n{head}Content-Type: {MEDIA_TYPE}\r\n\r\n".encode(),
                content,
                f"\r\n--{_BOUNDARY}--\r\n".encode(),
            ]
        )
        path = f"{RECORDS}/{name}/sheet"
        return Asked(
            *(Role.EDITOR, "POST", path, (("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}"),)),
            # What the request says, for those who look at what an answer only repeats.
            *("\n".join(cell for row in rows for cell in row), "sheet"),
            same=False,
            content=body,
            then=(
                ("GET", f"{path}?key={{key}}"),
                ("GET", f"{path}/refused?key={{key}}"),
                ("POST", f"{path}/take"),
                ("GET", f"{path}?key={{key}}"),
            ),
        )
