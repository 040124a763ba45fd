"""What an address asks of a page: its query is the whole state of the page, so that a link shows the same to others.

What is not allowed in a parameter is read as if it were not there: a page is for people, and shows which choice holds.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from app.read_model.views import Overview
from app.web.context import Context

__all__ = ["PER_PAGE", "Asked", "Slice"]

#: Rows of a list on one page. 25 models are 40 KB of HTML.
PER_PAGE = 25
#: Longer texts are cut: nothing that is searched for has a longer name.
TEXT_AT_MOST = 256


@dataclass(frozen=True)
class Slice:
    """Which part of a list is shown: entries ``start`` to ``end`` (counted from 0) of ``total``, page ``number`` of ``pages``."""

    number: int
    pages: int
    start: int
    end: int
    total: int


@dataclass(frozen=True)
class Asked:
    """One request for a page, and what is known."""

    request: web.Request
    seen: Overview
    context: Context

    def text(self, name: str) -> str:
        """A parameter as it is, cut where it is too long; empty where it is not given."""
        return self.request.query.get(name, "")[:TEXT_AT_MOST]

    @property
    def search(self) -> str:
        """What is searched for."""
        return self.text("search").strip()

    def one_of(self, name: str, *allowed: str) -> str:
        """One of the allowed words; the first is what holds where another came, or none."""
        found = self.request.query.get(name, "")
        return found if found in allowed else allowed[0]

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info.get(name, "")

    def slice(self, total: int, per_page: int = PER_PAGE) -> Slice:
        """The part of a list that ``page`` asks for; the last one where there are not so many."""
        text = self.request.query.get("page", "1")
        asked = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
        pages = max(1, -(-total // per_page))
        number = min(max(asked, 1), pages)
        start = (number - 1) * per_page
        return Slice(number, pages, start, min(start + per_page, total), total)

    def url(self, **changes: str | int | None) -> str:
        """The same page with some of its state changed; None takes a parameter away, and ``page`` goes unless given."""
        query = {name: value for name, value in self.request.query.items() if name != "page"}
        query |= {name: str(value) for name, value in changes.items() if value not in {None, ""}}
        for name, value in changes.items():
            if value in {None, ""}:
                query.pop(name, None)
        path = self.request.rel_url.raw_path
        return f"{path}?{urlencode(query)}" if query else path
