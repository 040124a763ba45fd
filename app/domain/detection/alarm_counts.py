"""How many alarms there were, how many of them passed, and how many the budget grants: the realised rate of false alarms.

A change that stays alarms again and again, a false alarm does not. So an episode of drift that ended without a second alarm has
*passed*: a false alarm, or something that was over soon. Their number is at least that of the false alarms; what was *granted*
is, summed over the signals, the rows since their warm-ups divided by the values between two false alarms. As long as ``granted``
is not below ``low`` of the interval, life does not speak against the budget.
"""

from typing import NamedTuple

__all__ = ["AlarmCounts", "poisson_interval"]

_Z95 = 1.959964


class AlarmCounts(NamedTuple):
    """Since the log's beginning; ``granted`` is a mean number."""

    alarms: int = 0
    passed: int = 0
    granted: float = 0.0

    def and_(self, *others: "AlarmCounts") -> "AlarmCounts":
        """The sum of these."""
        every = (self, *others)
        return AlarmCounts(sum(one.alarms for one in every), sum(one.passed for one in every), sum(one.granted for one in every))

    def figures(self) -> dict[str, float]:
        """As numbers for ``/metrics``; with the 95 % interval of the mean behind ``passed``."""
        low, high = poisson_interval(self.passed)
        return {"alarms": float(self.alarms), "alarms_passed": float(self.passed), "alarms_granted": self.granted,
                "alarms_passed_low": low, "alarms_passed_high": high}  # fmt: skip


def poisson_interval(count: int) -> tuple[float, float]:
    """The 95 % interval of the mean of a Poisson number that was seen once; Byar's approximation, within 1 % from 3 on.

    >>> [round(bound, 2) for bound in poisson_interval(0) + poisson_interval(10)]
    [0.0, 3.67, 4.79, 18.39]
    """
    upper = count + 1
    low = count * (1 - 1 / (9 * count) - _Z95 / (3 * count**0.5)) ** 3 if count else 0.0
    return max(low, 0.0), upper * (1 - 1 / (9 * upper) + _Z95 / (3 * upper**0.5)) ** 3
