"""Made-up German customers and what a CRM has made of them, for `benchmarks.matching`: seeded, with the truth.

Half of the rows are customers of the graph, half are records of a CRM; seven in ten records are of a customer.
The others are new people, half of them of a household that has a customer in the graph. Households share
address and mostly family name, landline and, now and then, an e-mail address; names are drawn by frequency, so
that there are namesakes. What happens to a record on its way (`RATES`) happens independently.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from stdnum import iban as ibans
from stdnum.iso7064 import mod_11_10

from benchmarks.german_words import (
    CITIES,
    ENDINGS,
    FAMILIES,
    FORMS,
    KINDS_OF_STREET,
    MEN,
    PROVIDERS,
    STEMS,
    STREETS,
    TRADES,
    WOMEN,
)

# The share of records in which it happens.
RATES = {
    "given name: typing error": 0.04,
    "given name: short or other form": 0.04,
    "given name: only an initial": 0.02,
    "family name: typing error": 0.05,
    "umlauts and ß written out (of those that have any)": 0.35,
    "umlauts and ß as plain vowels (of those that have any)": 0.15,
    "given and family name swapped": 0.03,
    "full name in one column, family name first": 0.15,
    "title or salutation in the name": 0.05,
    "marriage: another family name (of women)": 0.05,
    "marriage: double name (of women)": 0.03,
    "birth date missing": 0.35,
    "birth date: a wrong digit, or day and month swapped": 0.02,
    "moved": 0.10,
    "address missing": 0.10,
    "street abbreviated": 0.40,
    "street: typing error": 0.04,
    "e-mail changed": 0.20,
    "e-mail missing": 0.25,
    "e-mail with a tag or in capitals": 0.10,
    "phone missing": 0.35,
    "phone changed": 0.15,
    "legal form left out": 0.25,
    "legal form in another spelling": 0.25,
    "company name: typing error": 0.05,
    "company name: a word left out": 0.05,
    "VAT number missing": 0.50,
    "IBAN missing": 0.70,
    "website missing": 0.40,
}
SHORT = {
    "Alexander": "Alex", "Andreas": "Andi", "Johannes": "Hannes", "Josef": "Sepp", "Franziska": "Franzi",
    "Katharina": "Kathrin", "Maximilian": "Max", "Michael": "Micha", "Matthias": "Mathias", "Stefan": "Stephan",
    "Stefanie": "Steffi", "Susanne": "Susi", "Thomas": "Tom", "Tobias": "Tobi", "Ulrich": "Uli", "Ursula": "Uschi",
    "Wilhelm": "Willi", "Wolfgang": "Wolf", "Elisabeth": "Lisa", "Margarete": "Grete", "Friedrich": "Fritz",
    "Heinrich": "Heinz", "Gabriele": "Gabi", "Christian": "Chris", "Christina": "Tina", "Philipp": "Philip",
    "Magdalena": "Lena", "Sebastian": "Basti", "Benjamin": "Ben", "Robert": "Rob", "Karl": "Carl", "Johanna": "Hanna",
    "Barbara": "Babsi", "Brigitte": "Gitte", "Joachim": "Achim", "Konrad": "Conrad", "Jakob": "Jacob", "Ute": "Uta",
}  # fmt: skip
OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
PLAIN = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "s", "Ä": "A", "Ö": "O", "Ü": "U"})


@dataclass(frozen=True, slots=True)
class Home:
    """A household: its family name and all that those who live there share."""

    family: str
    street: str
    house: str
    postal_code: str
    city: str
    landline: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person as they are."""

    given: str
    family: str
    woman: bool
    born: date
    home: Home
    email: str
    phone: str


Row = dict[str, Any]


def _weights(count: int) -> list[float]:
    total, found = 0.0, []
    for place in range(count):
        total += 1 / (place + 4)
        found.append(total)
    return found


class German:
    """Draws people, companies and records of them; the same seed, the same rows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        tail = [stem + ending for stem in STEMS for ending in ENDINGS]
        random.Random(0).shuffle(tail)
        self.taken: set[str] = set()  # no two mailboxes, and no sites of two groups, have one name
        self.families = [*FAMILIES, *tail]
        self.cumulated = {id(words): _weights(len(words)) for words in (self.families, WOMEN, MEN, CITIES)}

    def _drawn(self, words: list[str]) -> str:
        return self.random.choices(words, cum_weights=self.cumulated[id(words)])[0]

    def _happens(self, what: str) -> bool:
        return self.random.random() < RATES[what]

    def _number(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def _place(self) -> tuple[str, str, str, str]:
        name, first, last = self._drawn(CITIES).split(":")
        code = f"{self._number(int(first), int(last)):02d}{self._number(0, 99) * 10 + self._number(0, 9):03d}"
        street = self.random.choice(STREETS).replace("_", " ")
        kind = self.random.choice(KINDS_OF_STREET)
        street += kind.capitalize() if street[-1] in " -" else kind
        letter = self.random.choice("abc") if self.random.random() < 0.08 else ""
        return street, f"{self._number(1, 120)}{letter}", code, name.replace("_", " ")

    def _mobile(self) -> str:
        return f"1{self.random.choice(('51', '60', '70', '72', '75', '76', '78'))}{self._number(1_000_000, 99_999_999)}"

    def _home(self) -> Home:
        family = self._drawn(self.families)
        landline = None
        if self.random.random() < 0.6:
            landline = f"{self.random.choice(('30', '40', '89', '221', '69', '711', '341', '231'))}{self._number(100_000, 9_999_999)}"
        email = None
        if self.random.random() < 0.1:
            email = f"familie.{family.lower().translate(OUT)}{self._number(1, 9999)}@{self.random.choice(PROVIDERS)}"
        return Home(family, *self._place(), landline, email)

    def _email(self, given: str, family: str) -> str:
        left, right = given.lower().translate(OUT), family.lower().translate(OUT)
        local = self.random.choice(
            (
                f"{left}.{right}",
                f"{left[0]}.{right}",
                f"{right}{self._number(1, 9999)}",
                f"{left}{self._number(1, 99)}",
                f"{left}.{right}{self._number(50, 99)}",
            )
        )
        address = f"{local}@{self.random.choice(PROVIDERS)}"
        while address in self.taken:
            address = f"{local}{self._number(1, 9999)}@{self.random.choice(PROVIDERS)}"
        self.taken.add(address)
        return address

    def _person(self, home: Home) -> Person:
        woman = self.random.random() < 0.5
        given = self._drawn(WOMEN if woman else MEN)
        if self.random.random() < 0.08:
            given += self.random.choice((" ", "-")) + self._drawn(WOMEN if woman else MEN)
        family = home.family if self.random.random() < 0.85 else self._drawn(self.families)
        born = date(1935, 1, 1) + timedelta(days=self._number(0, 26_000))
        email = (
            home.email
            if home.email and self.random.random() < 0.5
            else self._email(given.split(" ")[0].split("-")[0], family)
        )
        phone = home.landline if home.landline and self.random.random() < 0.5 else self._mobile()
        return Person(given, family, woman, born, home, email, phone)

    def households(self) -> Iterator[list[Person]]:
        """Households without end; of those of three and more, three in a hundred have twins, two a parent
        and a child of one name."""
        while True:
            home = self._home()
            count = self.random.choices((1, 2, 3, 4), (40, 33, 14, 13))[0]
            members: list[Person] = []
            while len(members) < count:
                member = self._person(home)
                if all(member.given != other.given for other in members):
                    members.append(member)
            if len(members) > 2 and self.random.random() < 0.03:
                members[-1] = replace(members[-1], born=members[-2].born)
            if len(members) > 2 and self.random.random() < 0.02:
                members[-1] = replace(members[-1], given=members[0].given, family=members[0].family)
            yield members

    def mistyped(self, text: str) -> str:
        """The text with a letter left out, doubled, changed or two in turn."""
        if len(text) < 3:
            return text
        at = self._number(1, len(text) - 2)
        letter = self.random.choice("abcdefghijklmnoprstuvwz")
        return self.random.choice((
            text[:at] + text[at + 1 :], text[:at] + letter + text[at:], text[:at] + letter + text[at + 1 :],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ))  # fmt: skip

    def _spelled(self, text: str) -> str:
        if text.translate(PLAIN) == text:
            return text
        draw = self.random.random()
        out = RATES["umlauts and ß written out (of those that have any)"]
        if draw < out:
            return text.translate(OUT)
        plain = RATES["umlauts and ß as plain vowels (of those that have any)"]
        return text.translate(PLAIN) if draw < out + plain else text

    def _dialled(self, digits: str) -> str:
        cut = 3 if digits.startswith("1") else min(3, len(digits) - 5)
        area, rest = digits[:cut], digits[cut:]
        return self.random.choice(
            (
                f"+49 {area} {rest}",
                f"0{area}/{rest}",
                f"0{area} {rest[:3]} {rest[3:]}",
                f"+49 (0) {area} {rest}",
                f"0049{area}{rest}",
            )
        )

    def customer(self, person: Person) -> Row:
        """A person as the graph knows them."""
        return {
            "given_name": person.given, "family_name": person.family, "full_name": None,
            "birth_date": person.born if self.random.random() < 0.9 else None,
            "email": [person.email] if self.random.random() < 0.9 else [],
            "phone": [f"+49{person.phone}"] if self.random.random() < 0.8 else [],
            "street": f"{person.home.street} {person.home.house}", "postal_code": person.home.postal_code,
            "city": person.home.city, "country": "DE",
        }  # fmt: skip

    def record(self, person: Person) -> Row:
        """A person as the CRM knows them."""
        given, family = person.given, person.family
        if self._happens("given name: short or other form"):
            given = SHORT.get(given.split(" ")[0].split("-")[0], given.split(" ")[0].split("-")[0])
        if self._happens("given name: typing error"):
            given = self.mistyped(given)
        if self._happens("given name: only an initial"):
            given = f"{given[0]}."
        if person.woman and self._happens("marriage: another family name (of women)"):
            family = self._drawn(self.families)
        elif person.woman and self._happens("marriage: double name (of women)"):
            family = f"{family}-{self._drawn(self.families)}"
        if self._happens("family name: typing error"):
            family = self.mistyped(family)
        given, family = self._spelled(given), self._spelled(family)
        born: date | None = person.born
        if self._happens("birth date missing"):
            born = None
        elif self._happens("birth date: a wrong digit, or day and month swapped"):
            born = (
                date(person.born.year, person.born.day, person.born.month)
                if person.born.day <= 12
                else date(
                    person.born.year + self.random.choice((-10, -1, 1, 10)),
                    person.born.month,
                    min(person.born.day, 28),
                )
            )
        email = (
            [self._email(given[0] if len(given) < 3 else given.split(" ")[0], family)]
            if self._happens("e-mail changed")
            else [person.email]
        )
        if self._happens("e-mail missing"):
            email = []
        elif self._happens("e-mail with a tag or in capitals"):
            email = [self.random.choice((email[0].upper(), email[0].replace("@", "+crm@")))]
        phone = (
            []
            if self._happens("phone missing")
            else [self._dialled(self._mobile() if self._happens("phone changed") else person.phone)]
        )
        title = (
            self.random.choice(("Herr ", "Frau ", "Dr. ", "Prof. Dr. "))
            if self._happens("title or salutation in the name")
            else ""
        )
        if self._happens("given and family name swapped"):
            given, family = family, given
        whole = (
            f"{family}, {title}{given}"
            if self._happens("full name in one column, family name first")
            else None
        )
        names = (
            {"given_name": None, "family_name": None, "full_name": whole}
            if whole
            else {"given_name": title + given, "family_name": family, "full_name": None}
        )
        return {**names, "birth_date": born, "email": email, "phone": phone, **self._address(person.home)}

    def _address(self, home: Home) -> Row:
        street, house, code, city = home.street, home.house, home.postal_code, home.city
        if self._happens("moved"):
            street, house, code, city = self._place()
        if self._happens("address missing"):
            return {"street": None, "postal_code": None, "city": None, "country": None}
        if self._happens("street abbreviated"):
            street = street.replace("straße", "str.").replace("Straße", "Str.")
        if self._happens("street: typing error"):
            street = self.mistyped(street)
        return {
            "street": f"{self._spelled(street)} {house}",
            "postal_code": code,
            "city": self._spelled(city),
            "country": "DE",
        }

    # Companies.

    def groups(self) -> Iterator[list[Row]]:
        """Companies without end; one in eight has a sister company in the same house."""
        while True:
            home = self._home()
            name = self.random.choice(
                (
                    f"{home.family} {self.random.choice(TRADES)}",
                    f"{home.family} & Söhne",
                    f"{self.random.choice(TRADES)} {home.city.split(' ')[0]}",
                    f"{home.family} {self.random.choice(TRADES)}",
                    f"{home.family[:3].upper()}{self.random.choice(TRADES)[:4].lower()}",
                )
            )
            plain = name.lower().translate(OUT).replace(" & ", "-").replace(" ", "-")
            site = f"{plain}{self._number(1, 99)}.de"
            while site in self.taken:
                site = f"{plain}{self._number(100, 99_999)}.de"
            self.taken.add(site)
            phone = home.landline or f"30{self._number(100_000, 9_999_999)}"
            names = [name]
            if self.random.random() < 0.125:
                names.append(
                    f"{name} {self.random.choice(('Holding', 'Verwaltungs', 'Immobilien', 'Service', 'Vertrieb'))}"
                )
            yield [self._company(each, home, site, phone) for each in names]

    def _company(self, name: str, home: Home, site: str, phone: str) -> Row:
        digits = f"{self._number(10_000_000, 99_999_999)}"
        bban = f"{self._number(10_000_000, 99_999_999)}{self._number(10**9, 10**10 - 1)}"
        return {
            "name": f"{name} {self.random.choice(FORMS)}", "vat_id": f"DE{digits}{mod_11_10.calc_check_digit(digits)}",
            "iban": [f"DE{ibans.calc_check_digits('DE00' + bban)}{bban}"], "website": f"https://www.{site}/",
            "email": [f"info@{site}"], "phone": [f"+49{phone}"], "street": f"{home.street} {home.house}",
            "postal_code": home.postal_code, "city": home.city, "country": "DE",
        }  # fmt: skip

    def company_record(self, company: Row) -> Row:
        """A company as the CRM knows it."""
        form = next(form for form in sorted(FORMS, key=len, reverse=True) if company["name"].endswith(form))
        name = company["name"].removesuffix(form).strip()
        if self._happens("company name: a word left out") and len(name.split()) > 2:
            name = " ".join(name.split()[:-1])
        if self._happens("company name: typing error"):
            name = self.mistyped(name)
        name = self._spelled(name.replace("&", self.random.choice(("&", "und", "u."))))
        if not self._happens("legal form left out"):
            if self._happens("legal form in another spelling"):
                form = {
                    "GmbH": "G.m.b.H.",
                    "GmbH & Co. KG": "GmbH und Co KG",
                    "e. K.": "e.K.",
                    "AG": "Aktiengesellschaft",
                    "UG (haftungsbeschränkt)": "UG",
                }.get(form, form)
            name += f" {form}"
        street, house = company["street"].rsplit(" ", 1)
        home = Home("", street, house, company["postal_code"], company["city"], None, None)
        digits = company["phone"][0].removeprefix("+49")
        person = f"{self.random.choice(MEN).lower().translate(OUT)}@{company['email'][0].split('@')[1]}"
        return {
            "name": name, "vat_id": None if self._happens("VAT number missing") else company["vat_id"],
            "iban": [] if self._happens("IBAN missing") else company["iban"],
            "website": None if self._happens("website missing") else company["website"].removeprefix("https://").rstrip("/"),
            "email": [] if self._happens("e-mail missing") else [person if self._happens("e-mail changed") else company["email"][0]],
            "phone": [] if self._happens("phone missing") else [self._dialled(f"30{self._number(100_000, 9_999_999)}" if self._happens("phone changed") else digits)],
            **self._address(home),
        }  # fmt: skip


def rows(kind: str, count: int, seed: int) -> Iterator[tuple[str, str, Row]]:
    """Source, key and values of `count` rows of `persons` or `organisations`, half of them of the graph.

    The truth is in the keys: a record `r-N` is the customer `c-N`; a record `x-N` is nobody in the graph.
    """
    german = German(seed)
    half, number, others = count // 2, 0, 0
    matched = int(half * 0.7)
    groups: Iterator[list[Any]] = german.households() if kind == "persons" else german.groups()
    record = german.record if kind == "persons" else german.company_record
    while number < half or others < half - matched:
        first, *rest = next(groups)
        for member in (first, *rest):
            # Of those of a household, some are in the graph, and some only in the CRM.
            if number < half and (member is first or german.random.random() < 0.6):
                yield "graph", f"c-{number}", german.customer(member) if kind == "persons" else member
                if number < matched:
                    yield "crm", f"r-{number}", record(member)
                number += 1
            elif others < half - matched:
                yield "crm", f"x-{others}", record(member)
                others += 1
        if number >= half and others < half - matched:
            continue
        if others < half - matched and german.random.random() < 0.12:
            yield "crm", f"x-{others}", record(next(groups)[0])
            others += 1
