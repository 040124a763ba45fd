"""Which numbers a parameter of the domain may have, said once.

A table of parameters declares ``RANGES``, by field. It is checked by them when it is made, and whoever lists settings shows
them: ``RANGES`` is looked for by its name.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["Range", "outside"]


class Range(NamedTuple):
    """From ``least`` to ``most``, both allowed; ``why`` is what a smaller or larger one would do.

    >>> str(Range(1_000, 100_000, "values")), str(Range(1e3, 1e15, "values"))
    ('1,000 to 100,000 values', '1,000 to 1e+15 values')
    """

    least: float
    most: float
    unit: str
    why: str = ""

    def __str__(self) -> str:
        why = f" ({self.why})" if self.why else ""
        return f"{self.least:,.15g} to {self.most:,.15g} {self.unit}{why}"


def outside(table: str, parameters: object, ranges: Mapping[str, Range]) -> Iterator[str]:
    """What is wrong with the parameters of the table of this name, one sentence each."""
    for name, allowed in ranges.items():
        value = getattr(parameters, name)
        if not allowed.least <= value <= allowed.most:
            yield f"{table}.{name} is {value:,}: allowed is {allowed}"
