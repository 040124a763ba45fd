"""What becomes of a request on its way: one fate each, drawn with the shares of the scenario."""

from enum import Enum

from load.scenarios import Scenario

__all__ = ["Fate", "Fates"]


class Fate(Enum):
    """The halves of a request are sent as they are made, but for one."""

    ORDINARY = "ordinary"
    NO_LEGACY = "no legacy"
    NO_SHADOW = "no shadow"
    DISPLACED = "displaced"
    LATE = "late"
    TWICE = "twice"


class Fates:
    """Turns a draw from [0, 1) into a fate."""

    def __init__(self, scenario: Scenario) -> None:
        shares = (
            (scenario.missing_legacy, Fate.NO_LEGACY), (scenario.missing_shadow, Fate.NO_SHADOW),
            (scenario.displaced, Fate.DISPLACED), (scenario.late, Fate.LATE), (scenario.duplicates, Fate.TWICE),
        )  # fmt: skip
        self._edges: list[tuple[float, Fate]] = []
        total = 0.0
        for share, fate in shares:
            total += share
            if share:
                self._edges.append((total, fate))

    def __call__(self, draw: float) -> Fate:
        """The fate whose stretch the draw lies in."""
        return next((fate for edge, fate in self._edges if draw < edge), Fate.ORDINARY)
