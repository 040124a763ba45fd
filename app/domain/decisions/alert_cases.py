"""An alert that is not quiet, what is said of it, and what became of that: plain data, and the same for everybody."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from app.domain.decisions.alerting import Episode, Patience, Phase, Reason, Statement
from app.domain.decisions.holding_back import Why
from app.domain.decisions.passing_time import Heard
from app.domain.decisions.retraining import Cause
from app.domain.decisions.silences import Acknowledged
from app.domain.decisions.traffic_words import Words
from schemas.alert import AlertStatus

__all__ = ["REFUSED", "Case", "Contributor", "News", "Said"]


class Contributor(Struct, frozen=True, gc=False):
    """A signal that is one alert with another: when it was merged into it, and the size of its effect then."""

    signal: str
    at: int
    size: float


class Case(Struct, gc=False, omit_defaults=True):
    """One alert that is not quiet.

    ``told_at``: the event time at which it was told that it fires, 0 where it never was; then ``held`` says why, and by which
    other it is held back. ``explained``: whether another one explained it before it was told; ``since_cause``: events since that
    one is over. ``explains``: whether it may be the cause of others, as it was said last that it holds. ``contributors``: by
    fingerprint, what was merged into it. ``heard``: when it was spoken of last.
    """

    labels: dict[str, str]
    episode: Episode = Episode()
    summary: str = ""
    description: str = ""
    cause: Cause | None = None
    told_at: int = 0
    held: Why | None = None
    held_by: str = ""
    explained: bool = False
    since_cause: int = 0
    explains: bool = True
    contributors: dict[str, Contributor] = {}
    heard: Heard = Heard()
    acknowledged: Acknowledged | None = None

    @property
    def waits_since(self) -> int:
        """Since when it waits to be told, 0 where it does not."""
        return self.episode.since if self.episode.phase is Phase.PENDING else 0

    @property
    def clear_since(self) -> int:
        """Since when it is clear, 0 where it is not."""
        return self.episode.since if self.episode.phase is Phase.CLEARING else 0


def _no_words() -> Words:
    return Words("", "")


class Said(NamedTuple):
    """One statement: of which alert, how it stands, how patient to be, and the words if it comes to fire.

    ``size``: of its effect, to rank it among others; ``explains``: whether it may be the cause of other alerts; ``reason``:
    that of the resolve, if this is one and it has another than the machine's.
    """

    labels: dict[str, str]
    statement: Statement
    patience: Patience
    words: Callable[[], Words] = _no_words
    size: float = 0.0
    explains: bool = True
    reason: Reason | None = None


class News(NamedTuple):
    """What became of a statement: the case and the reason; where its state changed also how, and the event times."""

    fingerprint: str
    case: Case
    reason: Reason
    change: AlertStatus | None = None
    starts: int = 0
    ends: int = 0
    #: Whether it is held back for the first time.
    held_first: bool = False


#: Stands for a case that there was no room for.
REFUSED = News("", Case({}), Reason.NOTHING)
