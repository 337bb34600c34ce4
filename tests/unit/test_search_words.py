"""Full-text search in texts: forms of words, umlauts, phrases, beginnings, odd signs; what goes is gone."""

from __future__ import annotations

import io
import threading

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.domain.search_words import asked
from kgservice.errors import DeadlineExceeded, StoreFailed, TooLarge
from kgservice.store import texts
from kgservice.store.formats import N_QUADS
from kgservice.store.texts import Texts

VIEW = NamedNode("urn:view")
COMPRESSOR = Literal("Der Verdichter ist undicht", language="de")
NOISE = Literal("Verdichtergeräusche beim Anlauf", language="de")
LEAK = Literal("The compressors are leaking", language="en")
STREET = Literal("Große Straße")
WRITTEN_OUT = Literal("GERAEUSCH der Straßenbahn", language="de-AT")
ALL = (COMPRESSOR, NOISE, LEAK, STREET, WRITTEN_OUT)


def say(*said: Literal) -> list[Quad]:
    return [Quad(NamedNode("urn:s"), NamedNode("urn:p"), text, VIEW) for text in said]


class Room:
    """So many bytes of memory."""

    def __init__(self, left: int = 2**30) -> None:
        self.left = left

    def take(self, more: int) -> bool:
        if more > self.left:
            return False
        self.left -= more
        return True


def memory_of(index: Texts) -> bytes:
    """All that is in the memory of an index."""
    return index._db.serialize("main")


def filled(*said: Literal) -> Texts:
    index = Texts(lambda _: False, Room().take)
    index.load(io.BytesIO("".join(f"{quad} .\n" for quad in say(*said)).encode()), N_QUADS)
    return index


@pytest.fixture(scope="module")
def index() -> Texts:
    return filled(*ALL)


def found(index: Texts, text: str) -> list[Literal]:
    return [hit.text for hit in index.search(asked(text), 10).hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("verdichtern", [COMPRESSOR]),
        ("undichte VERDICHTER", [COMPRESSOR]),
        ("verdichter leaking", []),
        ("verdichter*", [NOISE, COMPRESSOR]),
        ("verdichterger*", [NOISE]),
        ("verdichtergeraeusch", [NOISE]),
        ("Geräusch", [WRITTEN_OUT]),
        ("geraeusch", [WRITTEN_OUT]),
        ("gerausch", [WRITTEN_OUT]),
        ("ger\u0061\u0308usche", [WRITTEN_OUT]),  # a letter and its mark
        ("strasse", [STREET]),
        ("grosse STRASSEN", [STREET]),
        ("straß*", [STREET, WRITTEN_OUT]),
        ("compressor leak", [LEAK]),
        ('"ist undicht"', [COMPRESSOR]),
        ('"undicht ist"', []),
        ('"der verdichter ist" undicht', [COMPRESSOR]),
        ('"verdichter ist und"*', [COMPRESSOR]),
        ("ist-undicht", [COMPRESSOR]),
    ],
)
def test_what_is_found(index: Texts, text: str, expected: list[Literal]) -> None:
    assert found(index, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "*",
        "()",
        "NEAR(",
        "verdichter AND",
        "words:verdichter",
        "-verdichter ^",
        "{german}: x",
        "\0",
        "a' OR 1",
        '""*',
    ],
)
def test_odd_signs_are_no_syntax(index: Texts, text: str) -> None:
    assert found(index, text) == ([COMPRESSOR] if text == "-verdichter ^" else [])


def test_the_best_come_first_and_all_are_counted(index: Texts) -> None:
    hits = index.search(asked("verdichter*"), 1)
    assert [(hit.text, hit.score) for hit in hits.hits] == [(NOISE, 1 / 3)]
    assert hits.total == 2
    assert index.search(asked("große straße"), 10).hits[0].score == 1


def test_only_texts_are_held() -> None:
    number = Literal("7", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))
    index = filled(
        number, LEAK, Literal("urn:x", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#anyURI"))
    )
    assert len(index) == 1


def test_equal_texts_are_held_once_and_languages_apart() -> None:
    again = Literal(LEAK.value)
    index = filled(LEAK, LEAK, again)
    assert len(index) == 2
    assert set(found(index, "leaking")) == {LEAK, again}


def test_a_text_goes_when_nothing_says_it_any_more_and_leaves_no_trace() -> None:
    said = {NOISE}
    index = Texts(lambda text: text in said, Room().take)
    index.apply(add=say(*ALL))
    assert b"undicht" in memory_of(index)
    index.apply(remove=say(NOISE, COMPRESSOR))
    assert found(index, "verdichter*") == [NOISE]
    said.clear()
    index.apply(remove=say(NOISE))
    assert found(index, "verdichter*") == []
    assert len(index) == len(ALL) - 2
    for word in (b"erdicht", b"undicht", b"anlauf", b"Anlauf"):
        assert word not in memory_of(index)


def test_what_is_removed_and_added_again_stays() -> None:
    index = filled(LEAK)
    index.apply(remove=say(LEAK), add=say(LEAK))
    assert found(index, "leak") == [LEAK]


def test_a_dropped_graph_leaves_nothing() -> None:
    index = filled(*ALL)
    index.apply(drop=[VIEW], add=say(STREET))
    assert len(index) == 1
    assert found(index, "verdichter*") == []
    assert b"undicht" not in memory_of(index)


def test_memory_is_limited_and_given_back() -> None:
    room = Room(2**20)
    index = Texts(lambda _: False, room.take)
    index.apply(add=say(*ALL))
    assert room.left < 2**20
    with pytest.raises(TooLarge, match="memory for search"):
        for part in range(200):
            index.apply(add=say(*(Literal(f"text {part} {n} {'x' * n}") for n in range(100))))
    assert found(index, "verdichtern") == [COMPRESSOR]
    index.close()
    assert room.left == 2**20
    index.close()
    with pytest.raises(StoreFailed):
        index.search(asked("a"), 1)


def test_a_search_that_takes_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(*(Literal(f"text {n}") for n in range(5000)))
    with monkeypatch.context() as patched:
        patched.setattr(texts, "LONGEST", -1.0)
        with pytest.raises(DeadlineExceeded, match="takes too long"):
            index.search(asked("t*"), 10)
    assert len(index) == 5000
    assert index.search(asked("t*"), 10).total == 5000


def test_many_may_search_while_texts_come_and_go() -> None:
    index = filled(*ALL)
    faults: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(100):
                assert found(index, "verdichtern") == [COMPRESSOR]
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(100):
        index.apply(add=say(Literal(f"neu {number}")), remove=say(Literal(f"neu {number - 1}")))
    for thread in threads:
        thread.join()
    assert not faults
    assert found(index, "neu") == [Literal("neu 99")]
