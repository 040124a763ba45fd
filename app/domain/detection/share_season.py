"""What the share of a class owes to the hour of the day, and to the weekend; and its 0/1 column without that.

    z = (x - p_t) / sqrt(p_t (1 - p_t))        p_t: the fit of ``season`` to the 0/1 column, at least a tenth of the whole's share

A class whose warm-up shows no season has its share for p_t. z has mean 0 and variance 1 at every hour, so the scan takes it as a
number, from the scale on at which 2^l p (1 - p) is 8: below that a sum of so few is far from normal. Only where both directions
count: a rise alone is asked of the 0/1 columns themselves.
"""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.detection import season
from app.domain.detection.scan_data import Finding
from app.domain.detection.scan_plan import WIDTHS
from app.domain.detection.season import STRICT_GATE, Calendar, Season

__all__ = ["GATE", "ShareSeason", "fit"]

Floats = NDArray[np.float64]
GATE = STRICT_GATE
_LOWEST = 0.1
_VALUES = 8.0
#: Stands for the share of a class that never came.
_NEVER = 1e-9


class ShareSeason(NamedTuple):
    """``shares``: of the whole warm-up, by column; ``fits``: by column, None where there is no season."""

    shares: list[float]
    fits: list[Season | None]

    def lines(self, flags: Floats, terms: Floats) -> Floats:
        """The columns (columns by rows) without their seasons; ``terms`` are the calendar's at these rows."""
        out = np.empty_like(flags)
        for line, flag, share, fitted in zip(out, flags, self.shares, self.fits, strict=True):
            expected = self._expected(share, fitted, terms)
            line[:] = (flag - expected) / np.sqrt(expected * (1 - expected))
        return out

    @staticmethod
    def _expected(share: float, fitted: Season | None, terms: Floats) -> Floats:
        share = min(max(share, _NEVER), 1 - _NEVER)
        if fitted is None:
            return np.full(terms.shape[1], share)
        return np.clip(fitted.at(terms), _LOWEST * share, 1 - _LOWEST * (1 - share))

    def silent_levels(self) -> NDArray[np.bool_]:
        """The scales at which each column is not asked, levels by columns."""
        shares = np.array(self.shares)
        silent: NDArray[np.bool_] = WIDTHS[:, None] * (shares * (1 - shares)) < _VALUES
        return silent

    def in_shares(self, finding: Finding, column: int, shares: list[float]) -> Finding:
        """What was found of what is left of a column, as shares: those of the window, and the one that its hours had expected."""
        spread = sqrt(max(self.shares[column] * (1 - self.shares[column]), 0.0))
        share = shares[column]
        expected = share - (finding.window_mean - finding.before_mean) * spread
        return finding._replace(
            column=column, window_mean=share, before_mean=min(max(expected, 0.0), 1.0), deviation=finding.deviation * spread,
            window_shares=shares,
        )  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """What stands in statistics: the greatest share of a column's variance that a season explains."""
        found = [fitted for fitted in self.fits if fitted is not None]
        return {"explained": max(one.explained for one in found), "weekend": any(one.has_weekend for one in found)}

    def dump(self) -> list[Any]:
        """The state as plain data."""
        return [self.shares, [None if fitted is None else fitted.dump() for fitted in self.fits]]

    @classmethod
    def load(cls, state: list[Any]) -> "ShareSeason":
        """Take the state back."""
        shares, fits = state
        return cls([float(share) for share in shares], [None if fitted is None else Season(**fitted) for fitted in fits])


def fit(flags: Floats, times: NDArray[np.int64]) -> tuple[ShareSeason, Floats] | None:
    """The seasons of these columns (columns by rows), and what is left of them; None where no column has one."""
    fits = [season.fit(flag, times) for flag in flags]
    if not any(fits):
        return None
    fitted = ShareSeason(np.mean(flags, axis=1).tolist(), fits)
    return fitted, fitted.lines(flags, Calendar(times).lines)
