"""Numbers and shares as an alert's text has them, and whether a figure out of statistics is one."""

from typing import Annotated, TypeGuard

from msgspec import Meta

__all__ = ["Count", "Milliseconds", "amount", "duration", "is_interval", "is_number", "percent"]

_LARGEST = 1e150
_EXACT = 2**53
#: As large as a float has them exactly: what is larger was not counted, and cannot be divided or told as a time.
Count = Annotated[int, Meta(ge=0, le=_EXACT)]
Milliseconds = Annotated[int, Meta(ge=-_EXACT, le=_EXACT)]


def amount(value: float, unit: str) -> str:
    """Four digits that say something, in the signal's own unit.

    >>> amount(12.3456, "ms"), amount(1234567.8, "")
    ('12.35 ms', '1,234,568')
    """
    number = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{number} {unit}".rstrip()


def percent(share: float) -> str:
    """A share of the traffic.

    >>> percent(0.5), percent(0.0012), percent(0.0)
    ('50.0 %', '0.12 %', '0 %')
    """
    return "0 %" if share == 0 else f"{share * 100:.{1 if abs(share) >= 0.01 else 2}f} %"


def duration(time_ms: int) -> str:
    """Two units at most.

    >>> duration(7_250), duration(312_000), duration(7_260_000), duration(90_000_000)
    ('7.2 s', '5 min 12 s', '2 h 1 min', '25 h 0 min')
    """
    if time_ms < 60_000:
        return f"{time_ms / 1000:.1f} s"
    minutes, seconds = divmod(time_ms // 1000, 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def is_number(value: object) -> TypeGuard[float]:
    """Whether it can be reckoned with: no boolean, and not so large that its square is none.

    >>> [is_number(each) for each in (1, -2.5, True, "3", 10**400, float("nan"))]
    [True, True, False, False, False, False]
    """
    return type(value) in {int, float} and abs(value) <= _LARGEST  # type: ignore[arg-type]  # it is a number by now


def is_interval(value: object) -> TypeGuard[list[float]]:
    """Whether it is a pair of numbers."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))
