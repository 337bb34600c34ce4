"""A map of a customer journey as a picture: lanes for phases, steps, channels, feelings and pain points."""

from __future__ import annotations

from kgservice.domain.journey import STRONGEST, Step, name
from kgservice.domain.journey_map import NOT_PASSED, JourneyMap, Place
from kgservice.web import journey_words as words
from kgservice.web.dates import day
from kgservice.web.drawing import SMALL, Sheet, leading, wrapped
from kgservice.web.journey_curves import HEIGHT, ROOM, draw_curves
from kgservice.web.texts import text

MARGIN, LABELS, COLUMN, GAP, PAD = 16, 102, 142, 12, 9
KIND = "journey"


def picture(shown: JourneyMap, language: str, *, headed: bool) -> str:
    """The map as SVG. `headed`: with the name of the journey, for a picture that leaves its page."""
    return _Drawing(shown, language).draw(headed=headed)


class _Drawing:
    def __init__(self, shown: JourneyMap, language: str) -> None:
        self._shown = shown
        self._language = language
        places = max(len(shown.places), 3)
        self._sheet = Sheet(KIND, 2 * MARGIN + LABELS + places * (COLUMN + GAP), language)
        self._right = self._sheet.width - MARGIN

    def draw(self, *, headed: bool) -> str:
        y: float = MARGIN
        if headed:
            self._sheet.text("title", MARGIN, y + 18, name(self._shown.journey.thing, self._language))
            self._sheet.text("quiet", MARGIN, y + 40, words.about(self._shown.journey, self._language))
            y += 58
        # What stands behind all lanes must be drawn first, so the height of the lanes comes before them.
        self._truths(y, self._heights())
        y = self._phases(y)
        if self._shown.plan or self._shown.journey.planned:
            y = self._steps(y, "planned")
        if not self._shown.journey.planned:
            y = self._steps(y, "actual")
        y = self._channels(y)
        y = self._feelings(y)
        y = self._pains(y)
        y = self._legend(y)
        return self._sheet.done(
            y + MARGIN,
            f"{text('journey', self._language)}: {name(self._shown.journey.thing, self._language)}",
            self._description(),
        )

    def _description(self) -> str:
        told = []
        for place in self._shown.places:
            step = place.step
            parts = [
                name(step.touchpoint.thing, self._language),
                words.names([step.channel], self._language),
                words.feeling(step, self._language),
                words.difference(place, self._language),
            ]
            told.append(", ".join(part for part in parts if part))
        return "; ".join(told)

    def _x(self, column: int) -> float:
        return MARGIN + LABELS + column * (COLUMN + GAP)

    def _middle(self, column: int) -> float:
        return self._x(column) + COLUMN / 2

    def _label(self, key: str, y: float) -> None:
        self._sheet.lines("strong", MARGIN, y, wrapped(text(key, self._language), LABELS - 8))

    # --- lanes ---------------------------------------------------------------------------------

    def _heights(self) -> float:
        lanes = [34.0 + GAP]
        sides = [s for s in ("planned", "actual") if any(getattr(p, s) for p in self._shown.places)]
        lanes += [self._card_height(side) + GAP for side in sides]
        return sum(lanes) + self._channel_height() + GAP + HEIGHT + GAP + self._pain_height()

    def _truths(self, y: float, height: float) -> None:
        """The columns in which something is decided, behind everything."""
        for column, place in enumerate(self._shown.places):
            if place.step.touchpoint.moment_of_truth:
                tip = text("moment-of-truth", self._language)
                self._sheet.box("truth", self._x(column) - 6, y, COLUMN + 12, height, tip=tip)

    def _phases(self, y: float) -> float:
        self._label("phase", y + 21)
        start = 0
        phases = [place.step.touchpoint.phase for place in self._shown.places]
        for column, phase in enumerate(phases):
            following = phases[column + 1] if column + 1 < len(phases) else None
            if column + 1 < len(phases) and following == phase:
                continue
            left, right = self._x(start), self._x(column) + COLUMN
            called = name(phase, self._language) if phase else "–"
            self._sheet.box("band", left, y, right - left, 32, tip=called)
            (fits,) = wrapped(called, right - left - 2 * PAD, most=1)
            self._sheet.text("band-text", (left + right) / 2, y + 21, fits, middle=True)
            start = column + 1
        return y + 34 + GAP

    def _steps(self, y: float, side: str) -> float:
        height = self._card_height(side)
        self._label(f"journey-{side}", y + 24)
        before: float | None = None
        for column, place in enumerate(self._shown.places):
            step: Step | None = getattr(place, side)
            x = self._x(column)
            if step is None:
                if place.difference == NOT_PASSED:
                    self._sheet.box("ghost", x, y, COLUMN, height)
                    self._sheet.text(
                        "differs-text", x + COLUMN / 2, y + height / 2 + 4, self._differs(place), middle=True
                    )
                continue
            if before is not None:
                self._arrow(before, x, y + height / 2)
            self._card(place, side, x, y, height)
            before = x + COLUMN
        return y + height + GAP

    def _arrow(self, left: float, right: float, y: float) -> None:
        self._sheet.line("arrow", f"M{left + 1:g} {y:g} H{right - 2:g} m-5 -4 l5 4 l-5 4")

    def _card(self, place: Place, side: str, x: float, y: float, height: float) -> None:
        step: Step = getattr(place, side)
        differs = place.difference if side == "actual" or not self._shown.plan else None
        told = name(step.touchpoint.thing, self._language)
        self._sheet.box("differs" if differs else "card", x, y, COLUMN, height, tip=told)
        self._sheet.shape("circle", "number", cx=x + 18, cy=y + 18, r=10)
        self._sheet.text("number-text", x + 18, y + 22, str(step.order), middle=True)
        if step.touchpoint.moment_of_truth:
            self._sheet.star(x + COLUMN - 16, y + 17)
        if differs:
            self._sheet.text("differs-text", x + 34, y + 22, self._differs(place))
        bottom = self._sheet.lines("ink", x + PAD, y + 46, self._title(step))
        self._sheet.lines("quiet", x + PAD, bottom - 2, self._notes(step, side), small=True)

    def _differs(self, place: Place) -> str:
        return words.difference(place, self._language)

    def _title(self, step: Step) -> list[str]:
        return wrapped(name(step.touchpoint.thing, self._language), COLUMN - 2 * PAD)

    def _notes(self, step: Step, side: str) -> list[str]:
        if side == "planned":
            return []
        days = ", ".join(day(at, self._language) for at in step.passed_at)
        told = [days, words.names(step.outcomes, self._language)]
        return [line for part in told for line in wrapped(part, COLUMN - 2 * PAD, most=2, small=True)]

    def _card_height(self, side: str) -> float:
        tallest = 0
        for place in self._shown.places:
            step: Step | None = getattr(place, side)
            if step is not None:
                notes = len(self._notes(step, side)) * leading(small=True)
                tallest = max(tallest, len(self._title(step)) * leading() + notes)
        return 42 + tallest

    def _channels(self, y: float) -> float:
        self._label("lane-channel", y + 16)
        for column, place in enumerate(self._shown.places):
            bottom = self._sheet.lines(
                "strong", self._x(column) + PAD, y + 16, self._channel(place), small=False
            )
            bottom = self._sheet.lines(
                "quiet", self._x(column) + PAD, bottom - 2, self._how(place), small=True
            )
            if place.step.seamless is False:
                x = self._x(column) - GAP / 2
                self._sheet.line("break", f"M{x:g} {y + 2:g} l-4 8 h8 l-4 9")
                self._sheet.text(
                    "break-text", self._x(column) + PAD, bottom, text("channel-break", self._language)
                )
        return y + self._channel_height() + GAP

    def _channel(self, place: Place) -> list[str]:
        return wrapped(words.names([place.step.channel], self._language), COLUMN - 2 * PAD, most=2)

    def _how(self, place: Place) -> list[str]:
        parts = [words.mode(place.step, self._language)]
        parts += [name(method, self._language) for method in place.step.touchpoint.methods]
        return [line for part in parts for line in wrapped(part, COLUMN - 2 * PAD, most=2, small=True)]

    def _channel_height(self) -> float:
        return 10 + max(
            len(self._channel(place)) * leading()
            + (len(self._how(place)) + (place.step.seamless is False)) * leading(small=True)
            for place in self._shown.places
        )

    def _feelings(self, y: float) -> float:
        self._label("lane-feeling", y + 14)
        left, right = self._x(0) - GAP / 2, self._right
        draw_curves(
            self._sheet,
            self._shown,
            self._language,
            place=(left, right, y),
            middle=self._middle,
            column=COLUMN,
        )
        for level, face in ((STRONGEST, "pleasant"), (-STRONGEST, "unpleasant")):
            at = y + HEIGHT / 2 - level / STRONGEST * (HEIGHT / 2 - ROOM - 6)
            self._face(MARGIN + 12, at, face)
            self._sheet.text(
                "quiet", MARGIN + 28, at + 4, text(f"feeling-{face}", self._language), small=True
            )
        return y + HEIGHT + GAP

    def _face(self, x: float, y: float, kind: str) -> None:
        self._sheet.shape("circle", "face", cx=x, cy=y, r=9)
        for eye in (-3, 3):
            self._sheet.shape("circle", "quiet", cx=x + eye, cy=y - 2.5, r=1.1)
        bend = 4 if kind == "pleasant" else -4
        start = y + (2.5 if kind == "pleasant" else 5)
        self._sheet.line("face", f"M{x - 4:g} {start:g} q4 {bend} 8 0")

    def _pains(self, y: float) -> float:
        self._label("pain-points", y + 16)
        for column, place in enumerate(self._shown.places):
            top = y
            for pain in place.step.touchpoint.pains:
                lines = wrapped(name(pain.thing, self._language), COLUMN - 2 * PAD, small=True)
                state = words.names([pain.status], self._language)
                height = (len(lines) + bool(state)) * leading(small=True) + 12
                style = "solved" if words.solved(pain.status) else "pain"
                called = f"{name(pain.thing, self._language)} ({state})" if state else ""
                self._sheet.box(style, self._x(column), top, COLUMN, height, tip=called)
                bottom = self._sheet.lines("ink", self._x(column) + PAD, top + 17, lines, small=True)
                self._sheet.text("quiet", self._x(column) + PAD, bottom, state, small=True)
                top += height + 6
        return y + self._pain_height() + GAP

    def _pain_height(self) -> float:
        def stack(place: Place) -> int:
            total = 0
            for pain in place.step.touchpoint.pains:
                lines = wrapped(name(pain.thing, self._language), COLUMN - 2 * PAD, small=True)
                total += (len(lines) + bool(pain.status)) * leading(small=True) + 18
            return total

        return max(24, *(stack(place) for place in self._shown.places))

    def _legend(self, y: float) -> float:
        """What the signs mean that this picture has."""
        x: float = self._x(0)
        y += 6
        steps = [step for place in self._shown.places for step in (place.planned, place.actual) if step]
        keys = {
            "legend-observed": any(step.measured for step in steps),
            "legend-expected": any(not step.measured and step.level is not None for step in steps),
            "legend-crowd": any(s.touchpoint.crowd and s.touchpoint.crowd.level is not None for s in steps),
            "moment-of-truth": any(step.touchpoint.moment_of_truth for step in steps),
            "channel-break": any(place.step.seamless is False for place in self._shown.places),
        }
        for key in (key for key, there in keys.items() if there):
            called = text(key, self._language)
            room = 34 + len(called) * 6.3 + 22
            if x + room > self._right:
                x, y = self._x(0), y + 20
            self._sign(key, x, y)
            self._sheet.text("quiet", x + 34, y + 4, called, small=True)
            x += room
        return y + SMALL

    def _sign(self, key: str, x: float, y: float) -> None:
        styles = {"legend-observed": "curve", "legend-expected": "expected", "legend-crowd": "crowd"}
        if key == "moment-of-truth":
            self._sheet.star(x + 14, y)
        elif key == "channel-break":
            self._sheet.line("break", f"M{x + 14:g} {y - 9:g} l-4 8 h8 l-4 9")
        else:
            self._sheet.line(styles[key], f"M{x:g} {y:g} h28")
