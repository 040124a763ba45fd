"""The whole flow on one screen: which role reads and writes which topics, and the fold that decides there.

    predictions.legacy ─┐
                        ├─▶ pair ─▶ pairs ──┬─▶ detect ─▶ drift.statistics ─▶ decide ─▶ alerts, retrain.triggers
    predictions.shadow ─┘     │             │                   │  ▲                        │
                              │  outcomes ──┘                   │  └── a minute's counts ── pair
                              └─▶ dead.letters ─────────────────┴──────▶ serve ◀────────────┘
                                                                           └─▶ Redis ─▶ page, API, events

Every role commits through one runner (``app.folds``): to Kafka in transactions, ``serve`` to Redis. What cannot be taken, at
any input, goes to ``dead.letters``. ``FLOW`` is the only list of who uses what: a worker checks these topics when it starts,
and a fold that wrote to another would be thrown away. ``tests/integration/test_topology.py`` holds it against a broker.
"""

from collections.abc import Callable

from agents import decide, detect, pair, serve
from app.config import Config
from app.domain.decisions.alert_message import Links
from app.domain.pairing.pairing_state import PairingPolicy
from app.folds.fold import Fold
from app.topic_table import RoleTopics, Topics

__all__ = ["FLOW", "topology"]

FLOW = {
    "pair": RoleTopics(pair.INPUTS, ("pairs", "dead.letters", "drift.statistics"), "checkpoints.pair"),
    "detect": RoleTopics(detect.INPUTS, ("drift.statistics", "dead.letters"), "checkpoints.detect"),
    "decide": RoleTopics(decide.INPUTS, ("alerts", "retrain.triggers"), "checkpoints.decide", asks=("pairs",)),
    "serve": RoleTopics(serve.INPUTS, ()),
}
#: Where the pages on each alert are; the dashboard is the worker's own.
RUNBOOKS = "docs/runbooks/{alertname}.md"


def topology(config: Config, dashboard_url: str) -> dict[str, Callable[[int], Fold]]:
    """For a configuration, what makes the fold of each role for a partition."""
    partitions, full, limits = config.topics.partitions, Topics(config.topics.prefix).full, config.limits.of_records()
    policy = PairingPolicy(config.pairing.window_ms, config.pairing.grace_ms, config.pairing.deduplication_ms)
    predictions, watched, digest = [full(topic) for topic in pair.INPUTS], (full("pairs"), full("outcomes")), config.digest()
    links = Links(dashboard_url, RUNBOOKS)

    def rules(model: str) -> pair.ModelRules:
        settings = config.model(model)
        return pair.ModelRules(settings.shadows, settings.tolerance, settings.shards)

    return {
        "pair": lambda at: pair.PairFold(at, partitions, predictions, policy, rules, limits, digest, config.refusals.policy()),
        "detect": lambda at: detect.DetectFold(
            at, topics=watched, drift_config_for=lambda name: config.model(name).drift, limits=limits
        ),
        "decide": lambda _: decide.DecideFold(
            partitions, full, lambda name: config.model(name).alerts, lambda name: config.model(name).retrain, links
        ),
        "serve": serve.ServeFold,
    }
