"""How large a difference is, for people: effect sizes beside every alarm, and figures for every window.

A p-value or a detector's score says that something changed; these say by how much, in the signal's own unit and in common
terms. PSI is never given bare: at n = m = 100 values it exceeds 0.1 in 84 % of windows without any drift, so its mean and its
99 % quantile without drift stand beside it: (1/n + 1/m) chi^2 with one degree of freedom less than there are classes. The
Jensen-Shannon distance beside it is larger for few values in the same way.
"""

from math import asin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.reference import Reference

__all__ = ["cohens_h", "jensen_shannon", "mean_difference", "number_effects", "population_stability", "share_effects"]

Floats = NDArray[np.float64]
#: Two-sided 95 % and one-sided 99 % of the normal distribution.
_Z95, _Z99 = 1.959964, 2.326348


def cohens_h(share: float, reference: float) -> float:
    """The difference of two shares on the scale where its variance does not depend on them: 0.2 is small, 0.8 large."""
    return 2 * asin(sqrt(min(max(share, 0.0), 1.0))) - 2 * asin(sqrt(min(max(reference, 0.0), 1.0)))


def population_stability(counts: Floats, shares: Floats, reference_values: float) -> dict[str, float]:
    """PSI with what it would be without drift, an empty class counts as half a value; and the Jensen-Shannon distance, 0 to 1."""
    n = float(np.sum(counts))
    now = np.maximum(counts, 0.5) / n
    then = np.maximum(shares, 0.5 / reference_values)
    freedom = len(counts) - 1
    scale = 1 / n + 1 / reference_values
    part = 2 / (9 * max(freedom, 1))
    return {
        "psi": float(np.sum((now - then) * np.log(now / then))),
        "psi_mean_without_drift": scale * freedom,
        "psi_99_without_drift": scale * freedom * (1 - part + _Z99 * sqrt(part)) ** 3,
        "jensen_shannon": jensen_shannon(counts / n, shares),
    }


def jensen_shannon(one: Floats, other: Floats) -> float:
    """The distance of two distributions over the same classes: the root of the divergence in bits, 0 alike, 1 disjoint.

    >>> jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    """
    middle = (one + other) / 2
    bits = sum(float(np.sum(part[part > 0] * np.log2(part[part > 0] / middle[part > 0]))) for part in (one, other)) / 2
    return sqrt(max(bits, 0.0))


def mean_difference(mean: float, sd: float, n: float, summary: dict[str, float]) -> dict[str, Any]:
    """The difference to the reference's mean, in its standard deviations, with its 95 % interval for independent values."""
    scale = summary["sd"]
    if not scale > 0 or n < 2:
        return {"difference_sd": None, "difference_sd_interval": None}
    difference = (mean - summary["mean"]) / scale
    half = _Z95 * sqrt(sd * sd / n + scale * scale / summary["values"]) / scale
    return {"difference_sd": difference, "difference_sd_interval": [difference - half, difference + half]}


def number_effects(values: Floats, reference: Reference) -> dict[str, Any]:
    """What the values since a change look like beside the reference."""
    n, kept = len(values), reference.ranking.quantiles
    if not n:
        return {"values": 0}
    with np.errstate(all="ignore"):
        mean, sd = float(np.mean(values)), float(np.std(values))
        counts = np.bincount(np.searchsorted(reference.ends, values), minlength=len(reference.ends) + 1).astype(float)
        line = np.sort(np.concatenate([values, kept]))
        gaps = np.searchsorted(np.sort(values), line, "right") / n - np.searchsorted(kept, line, "right") / len(kept)
        distance = float(np.sum(np.abs(gaps[:-1]) * np.diff(line)))
    return {
        "values": n,
        "mean": mean,
        "sd": sd,
        "reference_mean": reference.summary["mean"],
        "reference_sd": reference.summary["sd"],
        **mean_difference(mean, sd, n, reference.summary),
        **population_stability(counts, reference.class_shares, reference.summary["values"]),
        "ks": float(np.max(np.abs(gaps))),
        "wasserstein": distance,
        "histogram": {
            "ends": reference.ends.tolist(),
            "shares": (counts / n).tolist(),
            "reference_shares": reference.class_shares.tolist(),
        },
    }


def share_effects(shares: list[float], n: float, reference: Floats, values: float, labels: list[str]) -> dict[str, Any]:
    """What the shares since a change are beside the reference's, the ones that moved most first."""
    moves = sorted(zip(labels, shares, reference.tolist(), strict=True), key=lambda move: (-abs(move[1] - move[2]), move[0]))
    half = [_Z95 * sqrt(max(s * (1 - s), 0.0) / n + max(r * (1 - r), 0.0) / values) for _, s, r in moves]
    effects: dict[str, Any] = {
        "values": n,
        "moved_most": [
            {"label": label, "share": s, "reference_share": r, "difference_interval": [s - r - h, s - r + h],
             "cohens_h": cohens_h(s, r)}
            for (label, s, r), h in zip(moves[:5], half[:5], strict=True)
        ],
        "histogram": {"labels": labels, "shares": shares, "reference_shares": reference.tolist()},
    }  # fmt: skip
    if len(labels) > 1:
        effects |= population_stability(np.array(shares) * n, reference, values)
    return effects
