"""What happens to brokers of three: the one that leads, coordinates or controls is killed, stopped, restarted; two are away.

One broker away must be borne by the service as it is: others lead on, no worker has to be restarted, nothing stands still for
good. With two away nothing can be committed, and nothing may be: what was read meanwhile is read again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.faults.campaign import Campaign
from tests.faults.cluster import ClusterServers, Node, coordinated_by

#: Two go when so much has come out.
BEFORE_PAIRS = 5_000
#: Longer than a broker's session (3 s) and a worker's (6 s).
STOPPED_SECONDS = 8.0
#: A killed broker stays away so long that others have to lead.
AWAY_SECONDS = 6.0
TWO_AWAY_SECONDS = 30.0
#: Replicas that have to catch up, on a busy machine.
SYNC_SECONDS = 120.0
#: A transaction that was under way when the brokers went can still be told by the one that stays.
LAST_WORDS_SECONDS = 5.0


def _servers(run: Campaign) -> ClusterServers:
    assert isinstance(run.service.servers, ClusterServers)
    return run.service.servers


def _leader_of(topic: str, partition: int) -> Callable[[Campaign], Node]:
    return lambda run: _servers(run).leader(run.service.prefix + topic, partition)


def _transactions(role: str, partition: int) -> Callable[[Campaign], Node]:
    def find(run: Campaign) -> Node:
        transactional_id = f"{run.service.prefix}gnomon-{role}-{partition}"
        return _servers(run).leader("__transaction_state", coordinated_by(transactional_id))

    return find


def _group(role: str) -> Callable[[Campaign], Node]:
    return lambda run: _servers(run).leader("__consumer_offsets", coordinated_by(f"{run.service.prefix}gnomon-{role}"))


def _kill(run: Campaign, node: Node) -> None:
    node.kill()
    time.sleep(AWAY_SECONDS)
    node.start()


def _stop(_: Campaign, node: Node) -> None:
    node.pause()
    time.sleep(STOPPED_SECONDS)
    node.wake()


def _restart(_: Campaign, node: Node) -> None:
    node.stop()
    node.start()


#: What is done, to whom, in words.
TABLE: tuple[tuple[str, Callable[[Campaign, Node], None], str, Callable[[Campaign], Node]], ...] = (
    ("kill -9", _kill, "the leader of predictions.legacy-0", _leader_of("predictions.legacy", 0)),
    ("kill -9", _kill, "the transaction coordinator of pair-1", _transactions("pair", 1)),
    ("kill -9", _kill, "the active controller", lambda run: _servers(run).controller),
    ("SIGSTOP", _stop, "the leader of predictions.shadow-2", _leader_of("predictions.shadow", 2)),
    ("restart", _restart, "the coordinator of the group pair", _group("pair")),
    ("SIGSTOP", _stop, "the active controller", lambda run: _servers(run).controller),
    ("kill -9", _kill, "the leader of checkpoints.pair-3", _leader_of("checkpoints.pair", 3)),
    ("SIGSTOP", _stop, "the transaction coordinator of detect-0", _transactions("detect", 0)),
    ("restart", _restart, "the active controller", lambda run: _servers(run).controller),
    ("kill -9", _kill, "the leader of pairs-1", _leader_of("pairs", 1)),
)


def three_brokers(run: Campaign) -> None:
    """Each row of the table, as soon as all replicas are in sync and the workers go on."""
    _in_sync(run)
    done: list[str] = []
    silences = []
    for word, inflict, what, find in TABLE:
        node = find(run)
        run.say(f"{word}: {what}, node {node.number}")
        mark, began = run.onlooker.pairs, time.monotonic()
        run.onlooker.longest_silence_s = 0.0
        inflict(run, node)
        done.append(f"{word} of {what}")
        run.until(lambda mark=mark: run.onlooker.pairs > mark, "the workers to go on")  # type: ignore[misc]  # default
        _in_sync(run)
        silences.append(run.onlooker.longest_silence_s)
        run.say(f"in sync after {time.monotonic() - began:.1f} s; longest silence {silences[-1]:.1f} s")
    assert not run.traffic.ended, "the traffic was over before the faults were"
    run.faults += done
    run.notes.append(f"longest silence of the output, fault by fault: {', '.join(f'{each:.1f}' for each in silences)} s")


def _in_sync(run: Campaign) -> None:
    run.until(lambda: not _servers(run).out_of_sync(), "all replicas to be in sync", SYNC_SECONDS)


def two_of_three_down(run: Campaign) -> None:
    """Two killed at the same moment, drawn by the seed; nothing comes out until one is back."""
    _in_sync(run)
    servers = _servers(run)
    run.until(lambda: run.onlooker.pairs >= BEFORE_PAIRS, f"{BEFORE_PAIRS} pairs")
    down = random.Random(run.seed).sample(servers.nodes, 2)
    for node in down:
        node.kill()
    began = time.monotonic()
    time.sleep(LAST_WORDS_SECONDS)
    mark = run.onlooker.pairs
    time.sleep(TWO_AWAY_SECONDS - LAST_WORDS_SECONDS)
    assert run.onlooker.pairs == mark, f"{run.onlooker.pairs - mark} pairs were committed with one broker of three"
    servers.start(*down)
    away = time.monotonic() - began
    run.say(f"two brokers back after {away:.1f} s; workers that ended so far: {len(run.exits)}")
    run.until(lambda: run.onlooker.pairs > mark, "the workers to go on")
    resumed = time.monotonic() - began - away
    _in_sync(run)
    assert not run.traffic.ended, "the traffic was over before the brokers were back"
    run.faults.append(f"kill -9 of nodes {down[0].number} and {down[1].number}, both back after {away:.1f} s")
    run.notes.append(f"went on {resumed:.1f} s after they answered; longest silence {run.onlooker.longest_silence_s:.1f} s")
