"""The live model, version ``2013.01``: a logistic regression fitted once, on January, and never since.

Inputs are standardised by January's means and deviations; an absent number counts as the mean. Carriers and origins are
indicators. Fitted by Newton's method with a little ridge; the same data gives the same weights. It bounds nothing: what it
is fed is what it believes, as such models do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from load.flights.table import NUMBERS, Table

__all__ = ["VERSION", "Inputs", "LegacyModel", "fit"]

VERSION = "2013.01"
#: The end of January in New York.
LAST_MOMENT_MS = 1_359_694_800_000
_RIDGE = 1.0
_STEPS = 12

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Inputs:
    """What the model is fed for some rows: numbers by name, and the two categories."""

    numbers: dict[str, Floats]
    carrier: list[str]
    origin: list[str]

    @classmethod
    def of(cls, table: Table, rows: npt.NDArray[np.int64]) -> "Inputs":
        """A copy of these rows, that a fault may change."""
        at = rows.tolist()
        numbers = {name: table.numbers[name][rows] for name in NUMBERS}
        return cls(numbers, [table.carrier[row] for row in at], [table.origin[row] for row in at])


@dataclass(frozen=True)
class LegacyModel:
    """Weights, and how January looked."""

    means: Floats
    deviations: Floats
    carriers: list[str]
    origins: list[str]
    weights: Floats

    def predict(self, inputs: Inputs) -> Floats:
        """The probability of arriving more than 15 minutes late."""
        score = np.clip(self.design(inputs) @ self.weights, -30, 30)
        return np.asarray(1 / (1 + np.exp(-score)))

    def design(self, inputs: Inputs) -> Floats:
        """One row of numbers for each row of inputs."""
        raw = np.column_stack([inputs.numbers[name] for name in NUMBERS])
        scaled = np.nan_to_num((raw - self.means) / self.deviations)
        carrier = np.array([[name == known for known in self.carriers] for name in inputs.carrier], dtype=float)
        origin = np.array([[name == known for known in self.origins] for name in inputs.origin], dtype=float)
        return np.hstack([np.ones((len(raw), 1)), scaled, carrier, origin])


def fit(table: Table) -> LegacyModel:
    """Fit on the flights of January that arrived."""
    rows = np.arange(np.searchsorted(table.departs_ms, LAST_MOMENT_MS))
    inputs = Inputs.of(table, rows)
    raw = np.column_stack([inputs.numbers[name] for name in NUMBERS])
    means, deviations = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
    carriers, origins = sorted(set(inputs.carrier)), sorted(set(inputs.origin))
    blank = LegacyModel(means, np.where(deviations > 0, deviations, 1.0), carriers, origins, np.zeros(0))
    arrived = table.arrives_ms[rows] >= 0
    design, label = blank.design(inputs)[arrived], table.late[rows][arrived].astype(float)
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (label - chance) - _RIDGE * weights
        curvature = (design.T * (chance * (1 - chance))) @ design + _RIDGE * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, gradient)
    return LegacyModel(means, blank.deviations, carriers, origins, weights)
