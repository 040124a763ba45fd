"""What each kind of signal is called in a sentence, and what a drift of it may mean.

To add a kind: a row in ``_SIGNALS``. How the words are put together is in ``app.domain.decisions.drift_words``.
"""

from collections.abc import Mapping
from typing import NamedTuple

from app.domain.decisions.alert_kinds import segment_label, signal_label
from schemas.statistics import DriftStatistics, Signal, SignalKind

__all__ = ["SignalWords", "words_for"]


class SignalWords(NamedTuple):
    """How one kind of signal is spoken of. ``always``: what a share of events does, where only one direction alerts."""

    noun: str
    meaning: str
    unit: str = ""
    plural: bool = False
    always: str = ""

    def noun_of(self, statistics: DriftStatistics) -> str:
        """Whose signal it is, and which."""
        name = signal_label(statistics.signal).partition("/")[2]
        parts = [statistics.model, statistics.version]
        if statistics.role != "all":
            parts.append(f"({statistics.role})")
        if statistics.segment:
            parts.append(f"in {segment_label(statistics.segment)}")
        return self.noun.format(name=name, whose=" ".join(part for part in parts if part))


_SIGNALS: Mapping[SignalKind, SignalWords] = {
    "feature": SignalWords(
        "feature {name} of {whose}",
        "The inputs are no longer those of the reference; this alone does not say that the answers are worse.",
    ),
    "missing": SignalWords(
        "feature {name} of {whose}",
        "A source or a join in front of the model may be broken; answers without this input may be worse.",
        always="is missing more often",
    ),
    "prediction": SignalWords(
        "the predictions of {whose}", "The model no longer answers as it did in the reference.", plural=True
    ),
    "disagreement": SignalWords(
        "the answers of {whose}",
        "Both models answer the same requests, so one of the two has changed, or what only one of them reads.",
        plural=True,
        always="disagree with the live model more often",
    ),
    "difference": SignalWords(
        "the difference of {whose} to the live model",
        "Season and traffic are the same for both, so one of the two models has changed, or what only one of them reads.",
    ),
    "latency": SignalWords(
        "the latency of {whose}", "Users wait for a legacy model; a shadow's latency tells of its roll-out.", unit="ms"
    ),
    "cost": SignalWords("the cost of an answer of {whose}", "The bill follows."),
    "volume": SignalWords(
        "the volume of requests to {whose}",
        "Counted over each drift.volume_interval_ms. Users, or a source in front of the model, have come, gone, or are cut off.",
    ),
    "match_rate": SignalWords(
        "requests of {whose}",
        "Requests that do not meet are missing from every comparison, and not by chance: do not decide on what is left.",
        plural=True,
        always="are answered by all models less often",
    ),
    "error": SignalWords(
        "the error of the predictions of {whose}", "Outcomes say so: the answers are further from what came true."
    ),
    "kpi": SignalWords(
        "the figure {name} of the outcomes of {whose}",
        "What the answers were worth has changed; whether for the better, the figure's own meaning says.",
    ),
}
#: The same for one label of class probabilities.
_PROBABILITY = _SIGNALS["prediction"]._replace(noun="the probability that {whose} gives to {name}", plural=False)
_WRONG = SignalWords("the answers of {whose}", "Outcomes say so.", plural=True, always="are wrong more often")
#: Errors by the signal's name.
_ERRORS = {
    "only_shadow": _WRONG._replace(always="are wrong, where the live model's are right, more often"),
    "only_legacy": _WRONG._replace(
        noun="the live model's answers beside {whose}", always="are wrong, where its are right, more often"
    ),
    "difference": _SIGNALS["error"]._replace(noun="the error of {whose} less that of the live model"),
}


def words_for(signal: Signal, aspect: str) -> SignalWords:
    """How a signal is spoken of whose drift is one of this aspect: ``location``, ``share``."""
    if signal.kind == "error":
        return _ERRORS.get(signal.name, _WRONG if aspect == "share" else _SIGNALS["error"])
    return _PROBABILITY if signal.kind == "prediction" and signal.name else _SIGNALS[signal.kind]
