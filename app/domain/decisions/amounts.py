"""Numbers and shares as an alert's text has them, and whether a figure out of statistics is one."""

from typing import TypeGuard

__all__ = ["amount", "is_interval", "is_number", "percent"]


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


def is_number(value: object) -> TypeGuard[float]:
    """Whether it can be reckoned with; a boolean cannot."""
    return type(value) in {int, float}


def is_interval(value: object) -> TypeGuard[list[float]]:
    """Whether it is a pair of numbers."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value))
