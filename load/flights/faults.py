"""What can break on the way to the live model: faults that somebody on call would want to know of.

A fault changes the numbers that legacy is fed, and so what it believes; the shadow has its own feed and goes on as before.
That is why the difference between the two moves as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from load.flights.legacy import Inputs

__all__ = ["FAULTS", "MIDDLE", "Fault", "Start", "parse_start"]


@dataclass(frozen=True)
class Fault:
    """``signal`` is what must be alerted; ``apply`` changes the rows where ``active`` is true."""

    summary: str
    plainly: str
    signal: str
    apply: Callable[[Inputs, npt.NDArray[np.bool_]], None]


def _seconds(inputs: Inputs, active: npt.NDArray[np.bool_]) -> None:
    inputs.numbers["dep_delay"][active] *= 60


def _stuck(inputs: Inputs, active: npt.NDArray[np.bool_]) -> None:
    inputs.numbers["wind"][active] = 0.0


def _missing(inputs: Inputs, active: npt.NDArray[np.bool_]) -> None:
    at_newark = np.array([name == "EWR" for name in inputs.origin])
    inputs.numbers["dep_delay"][active & at_newark] = np.nan


FAULTS = {
    "seconds": Fault(
        "the departure delay is sent in seconds in place of minutes",
        "the feed of departure delays switched from minutes to seconds, so the live model sees delays 60 times too large",
        "feature/dep_delay", _seconds,
    ),
    "stuck": Fault(
        "the wind sensor reads 0 from now on",
        "the wind sensor got stuck at 0", "feature/wind", _stuck,
    ),
    "missing": Fault(
        "flights from Newark come without a departure delay",
        "Newark stopped sending departure delays", "missing/dep_delay", _missing,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Start:
    """When a fault begins: at a request, after a share of all requests, or after some seconds of sending."""

    unit: Literal["request", "share", "second"]
    value: float


MIDDLE = Start("share", 0.5)


def parse_start(text: str) -> Start:
    """``15000``, ``50%``, ``60s`` or ``1.5m``.

    >>> parse_start("1.5m")
    Start(unit='second', value=90.0)
    """
    try:
        if text.endswith("%"):
            return Start("share", float(text[:-1]) / 100)
        if text.endswith("m"):
            return Start("second", float(text[:-1]) * 60)
        if text.endswith("s"):
            return Start("second", float(text[:-1]))
        return Start("request", float(int(text)))
    except ValueError:
        message = f"fault start {text!r}: a request (15000), a share (50%), seconds (60s) or minutes (1m) are allowed"
        raise ValueError(message) from None
