"""The whole flow on one screen: which role reads which topics, and the fold that decides there.

    predictions.legacy ─┐
                        ├─▶ pair ─▶ pairs ──┬─▶ detect ─▶ drift.statistics ─▶ decide ─▶ alerts, retrain.triggers
    predictions.shadow ─┘     │             │                   │  ▲                        │
                              │  outcomes ──┘                   │  └── a minute's counts ── pair
                              └─▶ dead.letters ─────────────────┴──────▶ serve ◀────────────┘
                                                                           └─▶ Redis ─▶ page, API, events

Every role commits through one runner (``app.folds``): to Kafka in transactions, ``serve`` to Redis. What cannot be taken, at
any input, goes to ``dead.letters``.
"""

from collections.abc import Callable
from typing import NamedTuple

from agents import decide, detect, pair, serve
from app.config import Config
from app.domain.alert_message import Links
from app.domain.pairing_state import PairingPolicy
from app.folds.fold import Fold
from app.topic_table import Topics

__all__ = ["ROLES", "RoleWiring", "topology"]

ROLES = ("pair", "detect", "decide", "serve")
#: Where the pages on each alert are; the dashboard is the worker's own.
RUNBOOKS = "docs/runbooks/{alertname}.md"


class RoleWiring(NamedTuple):
    """The inputs of a role, by side, and its fold for one partition."""

    inputs: tuple[str, ...]
    make_fold: Callable[[int], Fold]


def topology(config: Config, dashboard_url: str) -> dict[str, RoleWiring]:
    """What runs where, for a configuration."""
    partitions, full, limits = config.topics.partitions, Topics(config.topics.prefix).full, config.limits.of_records()
    digest = config.digest()
    policy = PairingPolicy(config.pairing.window_ms, config.pairing.grace_ms, config.pairing.deduplication_ms)

    def rules(model: str) -> pair.ModelRules:
        settings = config.model(model)
        return pair.ModelRules(settings.shadows, settings.tolerance, settings.shards)

    predictions = [full(topic) for topic in pair.INPUTS]
    watched = (full("pairs"), full("outcomes"))
    return {
        "pair": RoleWiring(
            pair.INPUTS, lambda at: pair.PairFold(at, partitions, predictions, policy, rules, limits, digest)
        ),
        "detect": RoleWiring(
            detect.INPUTS,
            lambda at: detect.DetectFold(
                at, topics=watched, drift_config_for=lambda name: config.model(name).drift, limits=limits
            ),
        ),
        "decide": RoleWiring(
            decide.INPUTS,
            lambda _: decide.DecideFold(
                partitions, full, lambda name: config.model(name).alerts, lambda name: config.model(name).retrain,
                Links(dashboard_url, RUNBOOKS),
            ),
        ),
        "serve": RoleWiring(serve.INPUTS, serve.ServeFold),
    }  # fmt: skip
