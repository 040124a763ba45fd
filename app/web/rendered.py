"""Pages as they were rendered, for all who look at the same one."""

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["PAGES_KEPT", "Rendered", "RenderedPages"]

#: Pages that are kept as they were rendered: those that several people look at. A page is at most some 300 KB.
PAGES_KEPT = 32


class Rendered(NamedTuple):
    """One page, its tag, and what it was rendered from."""

    state: object
    body: bytes
    tag: str


class RenderedPages:
    """The newest ``PAGES_KEPT`` pages by path and query: rendered once for all who look while nothing changes."""

    def __init__(self, most: int = PAGES_KEPT) -> None:
        self._most = most
        self._pages: dict[str, Rendered] = {}

    def get(self, place: str, state: object, render: Callable[[], Rendered]) -> Rendered:
        """The page as it was, where its state is the same; else rendered anew, and the one unused for longest is let go."""
        found = self._pages.pop(place, None)
        if found is None or found.state != state:
            found = render()
        self._pages[place] = found
        if len(self._pages) > self._most:
            del self._pages[next(iter(self._pages))]
        return found

    def __len__(self) -> int:
        return len(self._pages)
