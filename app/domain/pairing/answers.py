"""How a shadow's answer stands to the live one.

Scores differ by a number, probabilities by the total variation distance, classes not by a number at all. Booleans and
strings are classes. Answers of unlike types have no difference and do not agree.
"""

from schemas.prediction import PredictionValue

__all__ = ["compare"]


def compare(legacy: PredictionValue, shadow: PredictionValue, tolerance: float) -> tuple[float | None, bool]:
    """``(difference, agrees)``; ``tolerance`` is the largest difference of scores or probabilities that still agrees.

    >>> compare(0.87, 0.81, tolerance=0.1)[1], compare("cat", "dog", 0.0), compare(True, 1.0, 0.0)
    (True, (None, False), (None, False))
    >>> compare({"a": 0.7, "b": 0.3}, {"a": 0.5, "c": 0.5}, tolerance=0.0)
    (0.5, False)
    """
    if type(legacy) is float and type(shadow) is float:
        difference = shadow - legacy
        return difference, -tolerance <= difference <= tolerance
    if type(legacy) is not type(shadow):
        return None, False
    if type(legacy) is dict:
        distance = _total_variation(legacy, shadow)  # type: ignore[arg-type]  # as above
        return distance, distance <= tolerance
    return None, legacy == shadow


def _total_variation(left: dict[str, float], right: dict[str, float]) -> float:
    labels = left.keys() | right.keys()
    return sum(abs(left.get(label, 0.0) - right.get(label, 0.0)) for label in sorted(labels)) / 2
