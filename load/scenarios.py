"""The named scenarios of synthetic traffic: what goes wrong, in which share of the requests, from when on.

One request has one fate, so shares add up and the truth of each request is plain. Where the contract leaves something
open (what ``auto`` knows of a shadow in its first window, a late half near the end of the stream), a scenario keeps away
from it instead of guessing.
"""

from dataclasses import dataclass

__all__ = ["PRIMING_WINDOWS", "SCENARIOS", "Pairing", "Scenario", "ScenarioError", "Spec"]


class ScenarioError(Exception):
    """A scenario that cannot be made with these numbers; the message says what would do."""


@dataclass(frozen=True)
class Scenario:
    """Shares are of all requests; ``…_at`` is the share of the stream after which something starts."""

    name: str
    summary: str
    duplicates: float = 0.0
    missing_legacy: float = 0.0
    missing_shadow: float = 0.0
    #: Halves that come far out of order, yet in time.
    displaced: float = 0.0
    #: Halves that come after their record was written.
    late: float = 0.0
    #: One poisonous record after so many requests; 0: none.
    poison_every: int = 0
    shift_at: float | None = None
    worse_at: float | None = None
    silent_at: float | None = None
    misrouted: bool = False
    #: Every second model has two shadow versions.
    second_shadow: bool = False
    outcomes: bool = False
    quiet: bool = False
    requests: int = 20_000


@dataclass(frozen=True)
class Pairing:
    """The service's settings that decide what is late; milliseconds of event time."""

    window_ms: int = 10_000
    grace_ms: int = 2_000
    deduplication_ms: int = 60_000

    @property
    def limit_s(self) -> float:
        """How long a half waits."""
        return (self.window_ms + self.grace_ms) / 1000


@dataclass(frozen=True)
class Spec:
    """All that the traffic is a function of. ``rate`` in events a second, 0: as fast as possible."""

    scenario: Scenario
    requests: int
    seed: int = 1
    rate: float = 0.0
    models: int = 1
    partitions: int = 4
    start_ms: int = 1_790_000_000_000
    pairing: Pairing = Pairing()

    @property
    def events_a_request(self) -> float:
        """Prediction events of a request without a fate, on average over the models."""
        return 2 + (self.models // 2 / self.models if self.scenario.second_shadow else 0)

    @property
    def send_span_s(self) -> float:
        """Planned seconds from the first request to the last."""
        return self.requests * self.events_a_request / (self.rate or NOMINAL_RATE)

    @property
    def stretch(self) -> float:
        """Event seconds for each planned second: more than 1 where the stream would be too short for a late half."""
        if not self.scenario.late:
            return 1.0
        return max(1.0, LATE_SPAN * self.pairing.limit_s / self.send_span_s)

    @property
    def event_span_s(self) -> float:
        """Event seconds from the first request to the last."""
        return self.send_span_s * self.stretch


#: Priming requests are so many windows older than the first request.
PRIMING_WINDOWS = 2
#: Events a second of event time, where nothing says how fast to send.
NOMINAL_RATE = 2_000.0
#: A stream with late halves lasts for so many times (window + grace): they come up to 2.5 times that after their request.
LATE_SPAN = 8.0

_ALL = (
    Scenario("steady", "nothing is wrong"),
    Scenario("control", "nothing is wrong, for long: every alert is a false one", requests=1_000_000, quiet=True),
    Scenario("drift", "from the middle on, the feature income is 1.6 times what it was", shift_at=0.5, requests=40_000),
    Scenario(
        "regression", "from the middle on, the shadow is biased and noisy; outcomes tell",
        worse_at=0.5, outcomes=True, requests=40_000,
    ),
    Scenario("late", "a tenth of the shadow halves come after their record was written", late=0.1),
    Scenario("duplicate", "a fifth of the requests have a half that comes twice, some copies conflicting", duplicates=0.2),
    Scenario("out_of_order", "a third of the halves come up to half the window out of order, all in time", displaced=0.33),
    Scenario("silent_shadow", "the shadow stops answering, then everything stops", silent_at=0.5, requests=4_000),
    Scenario("poison", "every kind of record that is no message, among good ones", poison_every=20, requests=4_000),
    Scenario(
        "mixed", "2 % duplicates, 1 % without one side, 1 % far out of order (half of them late), poison among them",
        duplicates=0.02, missing_legacy=0.005, missing_shadow=0.005, displaced=0.005, late=0.005, poison_every=500,
        second_shadow=True, requests=200_000,
    ),
    Scenario("misrouted", "the shadow's producer uses librdkafka's default partitioner", misrouted=True),
)  # fmt: skip

SCENARIOS = {scenario.name: scenario for scenario in _ALL}
