"""What matching compares of persons and organisations: the fields, and the levels of agreement in each.

A level is an SQL condition over a pair (`…_l`, `…_r`), in words that every dialect has, or that are named in
braces and written as the dialect calls them (`{jw}`). The first level that holds counts.

Fields are weighed one by one, as if they were independent. Relatives and companies of one group are where that
is wrong: they share house, phone and name at once. A field that `corrects` takes back what is counted twice there;
its weights come from how many of such pairs are the same, which the fields that it names tell.
"""

from __future__ import annotations

from dataclasses import dataclass

# What the functions are called: the similarity of Jaro and Winkler, the distances of Levenshtein and of Damerau
# and Levenshtein, whether two lists share an element, how many elements a list has.
DIALECTS = {
    "duckdb": {
        "jw": "jaro_winkler_similarity",
        "lev": "levenshtein",
        "dl": "damerau_levenshtein",
        "shared": "list_has_any",
        "count": "len",
    },
    "spark": {
        "jw": "jaro_winkler",
        "lev": "levenshtein",
        "dl": "damerau_levenshtein",
        "shared": "arrays_overlap",
        "count": "size",
    },
}


@dataclass(frozen=True, slots=True)
class Level:
    """One level: what it says, its condition, and the column whose frequent values count less.

    A level may have `fixed` bits, which are not learned; then all levels of its field do, and "different" has 0.
    `like`: it weighs as much as that level, which it would be on otherwise, but whatever the value's frequency.
    `of`: what the two share on a level of a field that corrects, of `SHARED`.
    """

    label: str
    condition: str
    frequent: str | None = None
    fixed: float | None = None
    like: str | None = None
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, the columns that are shown of it, when it is not compared, its levels.

    What no level says is the last one, "different". `tells`: the fields that tell the same from others among
    pairs of this field's levels; the first of them says, by "different", how many are others. `most`: the most bits
    that a level of it may add. `seldom`: the same differ at most that often in that first field, whatever is trained.
    `doubts`: where it differs, a person decides. `often`: the same differ at least that often in this field, whatever is trained.
    `rare` (a field and a share) tells otherwise: of those who are others, and on a level of that field, so many are on
    this one's, too; whoever else is on both is the same. `alone`: it is learned of records that have one such pair, since
    one that has two is never accepted by rule.
    """

    name: str
    shown: tuple[str, ...]
    unknown: str
    levels: tuple[Level, ...]
    tells: tuple[str, ...] = ()
    most: float = 0.0
    seldom: float = 1.0
    often: float = 0.0
    doubts: bool = False
    rare: tuple[str, float] | None = None
    alone: bool = False

    @property
    def corrects(self) -> bool:
        """Whether its weights are learned after all others, of what these count twice."""
        return bool(self.tells) or self.rare is not None

    @property
    def trained(self) -> bool:
        """Whether the weights are those of the levels' own shares."""
        return not self.corrects and all(level.fixed is None for level in self.levels)


def missing(*columns: str) -> str:
    """That one of the two has no value in one of the columns."""
    return " OR ".join(f"{column}_l IS NULL OR {column}_r IS NULL" for column in columns)


def near(column: str, most: int) -> str:
    """That the values of a column are at most so many typing errors apart (Damerau and Levenshtein).

    Counting swapped letters costs ten times what other comparisons do: it is asked only where the lengths, and
    the distance in which a swap counts twice, allow it.
    """
    left, right = f"{column}_l", f"{column}_r"
    return (
        f"(abs(length({left}) - length({right})) <= {most} AND {{lev}}({left}, {right}) <= {2 * most}"
        f" AND {{dl}}({left}, {right}) <= {most})"
    )


PLACE_ALIKE = (
    "(postal_code_l = postal_code_r OR city_l = city_r OR {jw}(city_l, city_r) >= 0.9"
    f" OR {near('postal_code', 1)})"
)
ADDRESS = Field(
    "address",
    ("street", "house", "postal_code", "city"),
    # Without a street only a place that differs is compared: what "same postal code and city" or "same city" weigh
    # is learned of those whose streets differ, and speaks against.
    "(street_l IS NULL OR street_r IS NULL)"
    f" AND (postal_code_l IS NULL OR postal_code_r IS NULL OR coalesce({PLACE_ALIKE}, false))",
    (
        Level("same house", f"street_l = street_r AND house_l = house_r AND {PLACE_ALIKE}"),
        Level("same street", f"street_l = street_r AND {PLACE_ALIKE}"),
        Level(
            "similar street, same house number",
            f"{{jw}}(street_l, street_r) >= 0.88 AND house_l = house_r AND {PLACE_ALIKE}",
        ),
        Level("similar street", "{jw}(street_l, street_r) >= 0.88 AND " + PLACE_ALIKE),
        Level("same house number and postal code", "house_l = house_r AND postal_code_l = postal_code_r"),
        Level("same postal code and city", "postal_code_l = postal_code_r AND city_l = city_r"),
        Level("same postal code", "postal_code_l = postal_code_r", frequent="postal_code"),
        Level("same city", "city_l = city_r", frequent="city"),
        Level("similar city or postal code", PLACE_ALIKE),
    ),
)
PHONE = Field(
    "phone",
    ("phone",),
    missing("phone"),
    (
        Level("the same", "{shared}(phone_l, phone_r)"),
        Level("one digit differs", near("phone_first", 1)),
    ),
)
# What is cheap to see comes first.
SAME_HOUSE = f"house_l = house_r AND {PLACE_ALIKE} AND coalesce({{jw}}(street_l, street_r), 0) >= 0.88"
# What those of one household or group share, by the field that adds bits for it, and its levels.
SHARED = {
    "house": ("address", ("same house", "similar street, same house number")),
    **dict.fromkeys(("mobile", "landline", "phone"), ("phone", ("the same",))),
    "email": ("email", ("the same",)),
    "site": ("site", ("the same e-mail", "the same domain")),
}
# A mobile phone is shared by fewer than a landline is; which of them a phone is does not matter where either does.
IMPLIED = {
    "mobile": {"mobile", "landline", "phone"},
    "landline": {"landline", "phone"},
    "phone": {"mobile", "landline", "phone"},
}
