"""The whole flow on one screen: which role reads and writes which topics, and the fold that decides there.

    predictions.legacy ─┐
                        ├─▶ pair ─▶ pairs ──┬─▶ detect ─▶ drift.statistics ─▶ decide ─▶ alerts, retrain.triggers
    predictions.shadow ─┘     │             │   │ ▲             │  ▲   ▲                    ├─▶ notify ─▶ Alertmanager
                              │  outcomes ──┘   └─┴ outcomes.placed  │ └ retrain.status, actions
                              │       verdicts, of no role yet ─┤  └── a minute's counts ── pair
                              └─▶ dead.letters ─────────────────┴──────▶ serve ◀── actions ─┘──▶ Redis ─▶ page, API, events

What cannot be taken goes to ``dead.letters``; ``serve`` reads ``retrain.status`` too. Only ``FLOW`` says who uses what, and
``tests/integration/test_topology.py`` checks it.
"""

from collections.abc import Callable
from types import MappingProxyType

from agents import decide, detect, notify, pair, serve
from app.config import Config
from app.delivery import receivers_of
from app.domain.decisions.alert_message import Links
from app.domain.pairing.pair_places import place_of_pair
from app.folds.fold import Fold
from app.topic_table import RoleTopics, Topics

__all__ = ["FLOW", "topology"]

FLOW = {
    "pair": RoleTopics(pair.INPUTS, ("pairs", "dead.letters", "drift.statistics"), "checkpoints.pair"),
    "detect": RoleTopics(detect.INPUTS, ("drift.statistics", "dead.letters", "outcomes.placed"), "checkpoints.detect"),
    "decide": RoleTopics(decide.INPUTS, ("alerts", "retrain.triggers", "dead.letters"), "checkpoints.decide", asks=("pairs",)),
    "notify": RoleTopics(notify.INPUTS, (), "checkpoints.notify"),
    "serve": RoleTopics(serve.INPUTS, ()),
}
RUNBOOKS = "docs/runbooks/{alertname}.md"  # where the pages on each alert are


def topology(
    config: Config, dashboard_url: str, baselines: detect.Baselines = MappingProxyType({}), told: notify.Receipts = notify.NONE
) -> dict[str, Callable[[int], Fold]]:
    """For a configuration, and the baselines that it names by id, what makes the fold of each role for a partition."""
    partitions, full, kept_ms = config.topics.partitions, Topics(config.topics.prefix).full, config.topics.output_retention_ms
    policy = config.pairing.policy()
    predictions, watched, digest = [*map(full, pair.INPUTS)], (full("pairs"), full("outcomes")), config.digest()
    of, limits, policies = config.model, config.limits.of_records(), (lambda m: of(m).alerts, lambda m: of(m).retrain)

    def rules(model: str) -> pair.ModelRules:
        return pair.ModelRules(of(model).shadows, of(model).tolerance, of(model).shards)

    def place_of(model: str, request_id: str) -> int:
        return place_of_pair(model, request_id, of(model).shards, partitions)

    return {
        "pair": lambda at: pair.PairFold(at, partitions, predictions, policy, rules, limits, digest, config.refusals.policy()),
        "detect": lambda at: detect.DetectFold(
            at, topics=watched, drift_config_for=lambda m: of(m).drift, place_of=place_of, limits=limits, baselines=baselines
        ),
        "decide": lambda at: decide.DecideFold(at, partitions, full, *policies, Links(dashboard_url, RUNBOOKS), limits, kept_ms),
        "notify": lambda at: notify.NotifyFold(at, receivers_of(config.notify), told),
        "serve": lambda at: serve.ServeFold(at, limits=limits, full=full),
    }
