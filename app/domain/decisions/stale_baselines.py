"""Whether what a model is compared with has expired.

A baseline is made by somebody, for a time. From ``expires`` on its figures are told and judged as before, but nobody has said any
more that they are what the model should be compared with: that is one alert for the model, however many signals it has, and never
a page. Time is event time, the end of the statistics' window.

- it HOLDS where a baseline has expired by the latest event time that the alert was heard of;
- it is CLEAR where a baseline has not;
- a reference from a warm-up says nothing: beside signals with a baseline there are others without, a new version's. So an alert
  whose baseline was taken away, and not replaced, is forgotten.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, ValidationError

from app.domain.decisions.alerting import Condition

__all__ = ["NamedBaseline", "assess", "named_in"]


class NamedBaseline(Struct, frozen=True, gc=False):
    """A baseline as statistics name it; ``expires`` (event time, milliseconds) is None where it never does."""

    id: str
    version: str
    owner: str
    expires: Annotated[int, Meta(ge=0)] | None = None


def named_in(figures: Mapping[str, Any]) -> NamedBaseline | None:
    """The baseline that a signal is compared with; None where that is its warm-up."""
    said = figures.get("baseline")
    if not isinstance(said, dict) or "owner" not in said:
        return None
    try:
        return msgspec.convert(said, NamedBaseline)
    except ValidationError:
        return None


def assess(baseline: NamedBaseline, at: int, heard: int) -> Condition:
    """How it stands at ``at``; ``heard``: the latest event time at which the alert was spoken of, 0 where it is quiet.

    Windows of several signals end at different times: one that ended before the baseline expired does not make it good again.

    >>> assess(NamedBaseline("sha256:1", "7", "risk", 100), at=99, heard=0)
    <Condition.CLEAR: 'clear'>
    >>> assess(NamedBaseline("sha256:1", "7", "risk", 100), at=100, heard=0)
    <Condition.HOLDS: 'holds'>
    >>> assess(NamedBaseline("sha256:1", "7", "risk", 100), at=99, heard=100)
    <Condition.HOLDS: 'holds'>
    """
    stale = baseline.expires is not None and baseline.expires <= max(at, heard)
    return Condition.HOLDS if stale else Condition.CLEAR
