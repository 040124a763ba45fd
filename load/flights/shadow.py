"""The shadow, version ``online-1``: River's logistic regression, which learns from each flight when it has arrived.

``answer`` is called in the order of departure; before it answers it learns from every flight that has arrived by then, in
the order of arrival, with the inputs as they were at departure. So it never knows more than it could have known.
"""

import heapq
from typing import Any

from river import linear_model, optim, preprocessing

from load.flights.table import Table

__all__ = ["VERSION", "ShadowModel"]

VERSION = "online-1"
#: River's default rate is 0.01; with some 900 flights a day this one follows a change of season within days.
_LEARNING_RATE = 0.02


class ShadowModel:
    """The learning model, and the flights that are in the air."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns = [(name, column.tolist()) for name, column in table.numbers.items()]
        self._late = table.late.tolist()
        self._arrives_ms = table.arrives_ms.tolist()
        self._model: Any = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(_LEARNING_RATE))
        self._in_the_air: list[tuple[int, int, dict[str, float]]] = []

    def landed_by(self, moment_ms: int) -> list[int]:
        """The rows that have arrived by then and were not told before; the model has learnt from them."""
        landed = []
        while self._in_the_air and self._in_the_air[0][0] <= moment_ms:
            _, row, inputs = heapq.heappop(self._in_the_air)
            self._model.learn_one(inputs, self._late[row])
            landed.append(row)
        return landed

    def answer(self, row: int) -> float:
        """The probability that this flight arrives late; call ``landed_by`` its departure first."""
        inputs = self._inputs(row)
        probability = self._model.predict_proba_one(inputs).get(True, 0.5)
        if self._arrives_ms[row] >= 0:
            heapq.heappush(self._in_the_air, (self._arrives_ms[row], row, inputs))
        return min(max(float(probability), 0.0), 1.0)

    def _inputs(self, row: int) -> dict[str, float]:
        """Numbers that are there, and an indicator for the carrier and the origin."""
        inputs = {name: value for name, column in self._columns if (value := column[row]) == value}
        inputs[self._table.carrier[row]] = 1.0
        inputs[self._table.origin[row]] = 1.0
        return inputs
