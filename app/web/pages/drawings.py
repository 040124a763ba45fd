"""The charts of a page: what ``static/charts.js`` draws, and the table that says the same without it.

A chart is a figure with lines; each line names where its history is, and brings the windows that the page itself knows, which
are drawn where the history cannot be had. Marks (``app.web.pages.marks``) explain what a line does. Pure.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from app.read_model.documents import HistoryPoint
from app.read_model.views import Signal
from app.web.pages import links
from app.web.pages.asked import Asked
from app.web.pages.effects import figure_of, reference_of
from app.web.pages.marks import NO_MARKS, Marks
from app.web.words import MARKS, STATES, clock

__all__ = ["Drawing", "Line", "drawing", "marks_data", "time_range", "traffic_data"]

#: How far back charts reach, in milliseconds of event time; ``recent`` is as far as the windows on the page.
RANGES: Mapping[str, int] = {"recent": 0, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "90d": 7_776_000_000}


class Line(NamedTuple):
    """One line: its name, the address of its history, the windows known here, the reference's value."""

    label: str
    role: str
    url: str
    history: list[HistoryPoint]
    threshold: float
    reference: float | None


class Drawing(NamedTuple):
    """One figure. ``what`` says which columns are drawn: ``value`` (the scores, where there is none), ``figure`` or ``score``."""

    id: str
    title: str
    what: str
    caption: str
    lines: list[Line]
    marks: Marks

    @property
    def data(self) -> str:
        """What the script needs, as JSON."""
        lines = [
            {
                "label": line.label, "role": line.role, "url": line.url, "threshold": line.threshold,
                "reference": line.reference,
                "end": [point.end for point in line.history],
                "score": [round(point.score, 5) for point in line.history],
                "state": [point.state for point in line.history],
            }
            for line in self.lines
        ]  # fmt: skip
        return msgspec.json.encode({"lines": lines, "marks": _marks(self.marks)}).decode()


def time_range(asked: Asked, signals: Collection[Signal], until: int | None = None) -> tuple[str, int | None]:
    """The range that was asked for, and the event time from which a chart of these signals reaches.

    It is reckoned from their own newest window, since outcomes may lie days behind the requests; ``until``: where there is none.
    """
    chosen = asked.one_of("range", *RANGES)
    until = max((signal.window.end for signal in signals), default=until)
    if until is None:
        return chosen, None
    if chosen != "recent":
        return chosen, until - RANGES[chosen]
    known = [point.end for signal in signals if signal.history is not UNSET for point in signal.history]
    return chosen, min(known, default=None)


def drawing(
    id_: str, title: str, what: str, model: str, signals: list[Signal], since: int | None, marks: Marks = NO_MARKS
) -> Drawing:  # fmt: skip
    """A figure of these signals, with the state of each in its caption."""
    lines = [_line(model, signal, since) for signal in signals]
    caption = "; ".join(_said(signal) for signal in signals)
    return Drawing(id_, title, what, caption, lines, marks)


def traffic_data(model: str, since: int | None) -> str:
    """What the script needs to draw a model's requests by outcome, as JSON."""
    lines = [{"label": "requests", "url": links.traffic_url(model, since)}]
    return msgspec.json.encode({"lines": lines, "marks": []}).decode()


def marks_data(marks: Marks) -> str:
    """Marks that all charts of a page have, as JSON: ``static/series.js`` puts them to their own."""
    return msgspec.json.encode(_marks(marks)).decode()


def _marks(marks: Marks) -> list[dict[str, str | int]]:
    """As the script draws them."""
    return [
        {"at": each.at, "kind": each.kind, "sign": sign, "word": word, "label": each.label}
        for each in marks.shown
        for sign, word in (MARKS[each.kind],)
    ]


def _line(model: str, signal: Signal, since: int | None) -> Line:
    url = links.series_url(model, signal.version, signal.signal, signal.segment, since)
    history = [] if signal.history is UNSET else signal.history
    return Line(_label(signal), signal.role, url, history, signal.threshold, reference_of(signal))


def _label(signal: Signal) -> str:
    return f"{signal.role} {signal.version}" if signal.version else signal.signal


def _said(signal: Signal) -> str:
    figure = figure_of(signal)
    value = f"{figure.name} {figure.now}" if figure.now else "no figure yet"
    between = f" (95 %: {figure.interval})" if figure.interval else ""
    before = f", in the reference {figure.before}" if figure.before else ""
    state = STATES[signal.state][1].lower()
    return f"{_label(signal)}: {value}{between}{before}; {state} since {clock(signal.since)}"
