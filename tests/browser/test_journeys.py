"""The map of a journey and the walls in a browser: read, exported, printed, and not shown to who may not."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser, expect

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from kgservice.web.texts import LANGUAGES, catalogue
from tests.browser.visiting import Language, visiting
from tests.http.keys import RESEARCH, make_key, serving
from tests.serving import Running

PLANNED, ACTUAL = (f"00000000-0000-4000-8000-10400000000{n}" for n in (1, 2))
NAMES = {
    "de": (
        "Geplante Customer Journey der Instandhaltungsleitung",
        "Tatsächliche Customer Journey einer Pilotkundin",
    ),
    "en": ("Planned journey of the maintenance lead", "Actual journey of a pilot customer"),
}


@pytest.fixture(scope="module")
def shown(demo_kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all tests here, with room for keys: none of them changes anything."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, demo_kg.clock, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("shown")) as server:
            yield server
        kg.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_list_to_what_went_other_than_planned(
    browser: Browser, shown: Running, language: Language
) -> None:
    words, (planned, actual) = catalogue(language), NAMES[language]
    with visiting(browser, shown, language) as visitor:
        page = visitor.open("/pages/journeys")
        visitor.picture("journeys")
        page.get_by_role("link", name=planned).first.click()
        expect(page.locator("h1")).to_have_text(planned)
        expect(page.locator("svg.journey")).to_have_count(1)
        visitor.check()
        visitor.picture("journey-planned")
        page.get_by_role("link", name=actual).click()
        expect(page.locator("h1")).to_have_text(actual)
        expect(page.locator("svg.journey .differs")).to_have_count(2)
        expect(page.locator("svg.journey .ghost")).to_have_count(1)
        expect(page.get_by_role("img", name=actual)).to_be_visible()
        table = page.get_by_role("region", name=words["as-table"]).locator("tbody tr")
        expect(table).to_have_count(9)
        expect(table.filter(has_text=words["journey-not-planned"])).to_have_count(2)
        visitor.check()
        visitor.picture("journey-actual")


def test_a_journey_leaves_the_page_as_svg_and_as_png(
    browser: Browser, shown: Running, tmp_path: Path
) -> None:
    with visiting(browser, shown, "en") as visitor:
        page = visitor.open(f"/pages/journeys/{ACTUAL}")
        with page.expect_download() as svg:
            page.get_by_role("link", name="Save as SVG").click()
        svg.value.save_as(tmp_path / "journey.svg")
        root = ET.parse(tmp_path / "journey.svg").getroot()
        with page.expect_download() as png:
            page.get_by_role("button", name="Save as PNG").click()
        assert png.value.suggested_filename.endswith(".png")
        png.value.save_as(tmp_path / "journey.png")
        drawn = (tmp_path / "journey.png").read_bytes()
        assert drawn[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", drawn[16:24])
        assert (width, height) == (2 * int(root.attrib["width"]), 2 * int(float(root.attrib["height"])))
        assert len(drawn) > 50_000  # it is not empty


def test_a_journey_is_printed_on_landscape_paper(browser: Browser, shown: Running) -> None:
    with visiting(browser, shown, "de") as visitor:
        page = visitor.open(f"/pages/journeys/{ACTUAL}")
        page.emulate_media(media="print")
        expect(page.locator("nav.side")).not_to_be_visible()
        expect(page.locator("p.map-actions")).not_to_be_visible()
        paper = page.pdf(prefer_css_page_size=True).decode("latin-1")
        sizes = [box.split("]")[0].split() for box in paper.split("/MediaBox [")[1:]]
        assert sizes
        assert any(float(box[2]) > float(box[3]) for box in sizes)  # wider than high
        page.set_viewport_size({"width": 1047, "height": 718})  # A4 across, without the margins
        table, room = page.evaluate(
            "['table', 'div'].map(one => document.querySelector(`.journey-table ${one}`).clientWidth)"
        )
        assert table <= room, "the columns at the right are not on the paper"


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_walls_follow_one_another(browser: Browser, shown: Running, language: Language) -> None:
    words = catalogue(language)
    with visiting(browser, shown, language, scheme="dark" if language == "en" else "light") as visitor:
        page = visitor.open("/pages/walls")
        for wall in ("customers", "insights", "segmentation"):
            page.locator("nav.wall-tabs").get_by_role("link", name=words[f"wall-{wall}"]).click()
            expect(page.locator("h1")).to_have_text(words[f"wall-{wall}"])
            assert page.locator(".wall .card").count() >= 5
            visitor.check()
            visitor.picture(f"wall-{wall}")


@pytest.mark.slow
def test_maps_and_walls_fit_a_telephone(browser: Browser, shown: Running) -> None:
    with visiting(browser, shown, "en", width=360) as visitor:
        for path, name in (
            ("/pages/journeys", "journeys"),
            (f"/pages/journeys/{ACTUAL}", "journey-actual"),
            ("/pages/walls", "wall-customers"),
            ("/pages/walls?wall=insights", "wall-insights"),
        ):
            visitor.open(path)
            visitor.check()
            visitor.picture(name)


@pytest.mark.slow
def test_a_reader_sees_plans_and_walls_and_no_customer(browser: Browser, shown: Running) -> None:
    key = make_key(shown.kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    with visiting(browser, shown, "en", token=key) as visitor:
        page = visitor.open("/pages/journeys")
        expect(page.get_by_role("link", name=NAMES["en"][1])).to_have_count(0)
        page.get_by_role("link", name=NAMES["en"][0]).click()
        expect(page.locator("svg.journey .crowd")).to_have_count(0)
        expect(page.get_by_text("Actual runs")).to_have_count(0)
        visitor.check()
        visitor.open("/pages/walls")
        expect(page.locator("h1")).to_have_text("Customer wall")
        visitor.check()
        refused = page.request.get(f"{visitor.base}/pages/journeys/{ACTUAL}")
        assert refused.status == 404
        assert "Rosalinde" not in refused.text()
