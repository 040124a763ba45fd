"""How much of each kind one partition of the read model keeps."""

from dataclasses import dataclass

__all__ = ["DEFAULT", "Capacity"]


@dataclass(frozen=True)
class Capacity:
    """How many of each a partition keeps. 10,000 signals are 500 models with 20 each; a chunk is what takes most room.

    ``silences`` are those that have not been taken back; of the ended ones, and of the alerts that somebody has acknowledged,
    the newest are kept; ``said`` is how often of one alert; ``refused`` are actions, and answers of pipelines, without effect.
    """

    models: int = 2_000
    versions: int = 32
    minutes: int = 60
    signals: int = 10_000
    history: int = 60
    baselines: int = 8
    series: int = 12_000
    chunks: int = 400_000
    firing: int = 1_000
    resolved: int = 200
    triggers: int = 100
    trainings: int = 100
    verdicts: int = 1_000
    letter_topics: int = 16
    letters: int = 32
    silences: int = 1_000
    ended: int = 200
    acknowledged: int = 1_000
    said: int = 5
    refused: int = 2_000


DEFAULT = Capacity()
