"""Ends of transactions that come too late, and such of which the worker never hears: through a proxy that reads frames."""

from __future__ import annotations

import random
import time

from tests.faults.campaign import Campaign
from tests.faults.frames import FENCED, FramedProxy
from tests.faults.network import ProxiedServers

#: Of each kind, in an order that the seed draws.
TIMES = 10
#: Far shorter than the service's own: after so long a worker gives an answer up.
SETTINGS = {"GNOMON_KAFKA__REQUEST_TIMEOUT_MS": "5000"}


class FramedServers(ProxiedServers):
    """With the proxy that reads frames."""

    kind = FramedProxy


def delayed_end(run: Campaign) -> None:
    """Now and then the next `EndTxn`, whosever it is, is held until its producer has begun anew; or its answer is swallowed."""
    assert isinstance(run.service.servers, FramedServers)
    proxy, rng = run.service.servers.proxy, random.Random(run.seed)
    assert isinstance(proxy, FramedProxy)
    orders = [proxy.hold, proxy.swallow] * TIMES
    rng.shuffle(orders)
    for order in orders:
        time.sleep(rng.uniform(0.2, 1.0))
        known = len(proxy.held), len(proxy.swallowed)
        order.set()
        run.until(lambda known=known: (len(proxy.held), len(proxy.swallowed)) != known, "an end of a transaction")  # type: ignore[misc]  # default
        run.until(lambda: all(each.delivered.is_set() for each in proxy.held), "the held end to be delivered")
        mark = run.onlooker.pairs
        run.until(lambda mark=mark: run.onlooker.pairs > mark, "the workers to go on")  # type: ignore[misc]  # default
    assert not run.traffic.ended, "the traffic was over before the faults were"
    answers = [each.answer for each in proxy.held]
    assert set(answers) <= set(FENCED), f"the broker answered {answers} to ends that came late; wanted one of {FENCED}"
    names = ", ".join(f"{answers.count(code)} times {name}" for code, name in FENCED.items() if code in answers)
    roles = sorted(each.transactional_id.rpartition(".")[2] for each in proxy.held)
    run.faults.append(
        f"{len(proxy.held)} ends of transactions delivered after their producer had begun anew ({', '.join(roles)})"
    )
    run.faults.append(f"{len(proxy.swallowed)} answers to ends swallowed ({proxy.swallowed.count('error 0')} of them of success)")
    run.notes.append(f"answered to the late ends: {names}; longest silence {run.onlooker.longest_silence_s:.1f} s")
