"""What a detector can hope for: Lorden's bound, a CUSUM that knows the change, and how many alarms chance may raise.

A is the mean number of values between false alarms; information is the mean log-likelihood ratio of a value after the change.
Sources: Lorden 1971; Siegmund 1985 (the approximation of CUSUM's two lengths).
"""

from math import exp, isfinite, log

from scipy import optimize, stats

__all__ = ["alarms_allowed", "known_change", "lorden"]


def lorden(budget: float, divergence: float | None) -> float | None:
    """log(A) / KL, to first order the shortest delay in the worst case."""
    return log(budget) / divergence if divergence and isfinite(divergence) else None


def known_change(budget: float, divergence: float | None) -> float | None:
    """The mean delay of the CUSUM that is told both distributions.

    >>> round(known_change(1e5, 0.5**2 / 2))
    67
    """
    if not (divergence and isfinite(divergence)):
        return None
    height = optimize.brentq(lambda h: exp(h) - h - 1 - budget * divergence, 1e-6, 60.0)
    return float((height + exp(-height) - 1) / divergence)


def alarms_allowed(values: float, budget: float) -> int:
    """The 97.5 % quantile of the number of alarms, where the budget is kept to the letter."""
    return int(stats.poisson.ppf(0.975, values / budget))
