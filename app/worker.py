"""The service process: roles, web server, watchdog; start, run until told, drain, stop.

SIGTERM and SIGINT drain: each shard commits its last interval, the groups are left, and the process ends with 0. It ends
with 1 and the reason when a role's app crashes, or when the **watchdog** finds a partition that has made no commit for
``watchdog.stall_s`` though there is something to read, or of which no broker has said anything for so long: whoever supervises
the process starts it again, and nothing is lost.

With 2 it ends before anything was read where a baseline that the settings name cannot be used (``app.baselines``).
"""

import asyncio
import gc
import signal
import sys
import time

import structlog
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from app import __version__
from app.baselines import in_force
from app.config import Config, ConfigError, NotifySettings
from app.delivery import Office
from app.domain.detection.baseline import Baseline
from app.folds.brokers import BROKERS
from app.folds.shard import Shard
from app.health import Health
from app.kafka import unreachable
from app.logs import set_up_logs
from app.metrics import Metrics
from app.read_model import ReadModel, SeriesReader, connect
from app.role import Role
from app.topics import check_for_worker
from app.topology import FLOW, topology
from app.web.application import WebServer, create_web

__all__ = ["run_worker"]

log = structlog.get_logger(__name__)
_WATCH_SECONDS = 1.0
#: A fetch that finds nothing is answered after 50 ms.
_ANSWERED_SECONDS = 10.0
#: Measured: 217,000 events/s with these, 189,000 without. What lives long is not looked at again.
_GC_THRESHOLDS = (200_000, 50, 1_000)


def run_worker(config: Config, roles: tuple[str, ...]) -> int:
    """Run these roles until a signal; the exit code."""
    set_up_logs(config.log)
    return asyncio.run(_Worker(config, roles).run())


class _Worker:
    def __init__(self, config: Config, roles: tuple[str, ...]) -> None:
        self._config, self._names = config, roles
        self._baselines: dict[str, Baseline] = {}
        self._end: asyncio.Future[str | None]
        self._stalled_since: dict[tuple[str, int], float] = {}
        self._unanswered_since: dict[tuple[str, int], float] = {}
        self._paused: dict[tuple[str, int], list[str]] = {}

    async def run(self) -> int:
        """Start all, wait for the end, stop all."""
        loop = asyncio.get_running_loop()
        self._end = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._finish, None)
        if (code := await self._find_baselines()) or (code := int(not await self._topics_are_fit())):
            return code
        config = self._config
        self.health = Health(self._names)
        self.metrics = Metrics.on(CollectorRegistry(), __version__, self._names)
        redis = connect(config.redis.url, config.redis.password)
        read_model = ReadModel(redis, config.topics.prefix, config.topics.partitions)
        try:
            self._office = Office(config.notify if "notify" in self._names else NotifySettings(), self.metrics)
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 2
        histories = SeriesReader(redis, config.topics.prefix, config.topics.partitions)
        web = WebServer(create_web(config, self.health, read_model, self.metrics, histories), config.web.host, config.web.port)
        try:
            url = await web.start()
        except OSError as error:
            print(f"web: cannot listen on {config.web.host}:{config.web.port}: {error}; set web.port", file=sys.stderr)
            await self._office.stop()
            return 1
        make_fold = topology(config, url, self._baselines, self._office.take_receipts)
        told = {"notify": self._office.ledger}
        self.roles = [
            Role(name, FLOW[name], make_fold[name], config, self.metrics, self.health, redis, told.get(name))
            for name in self._names
        ]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        code = await self._run_roles()
        await web.stop()
        await read_model.close()
        await redis.aclose()
        return code

    async def _find_baselines(self) -> int:
        """Read the baselines that the settings name, if the detectors run here; the exit code where that cannot be, else 0."""
        if "detect" not in self._names:
            return 0
        try:
            self._config, self._baselines = await in_force(self._config)
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 2
        except (KafkaError, OSError) as error:
            print(unreachable(self._config.kafka, error), file=sys.stderr)
            return 1
        return 0

    async def _topics_are_fit(self) -> bool:
        try:
            faults = await check_for_worker(self._config, {topic for name in self._names for topic in FLOW[name].all})
        except (KafkaError, OSError) as error:
            print(unreachable(self._config.kafka, error), file=sys.stderr)
            return False
        for fault in faults:
            print(fault, file=sys.stderr)
        return not faults

    async def _run_roles(self) -> int:
        watch = asyncio.create_task(self._watch())
        self._office.start()
        if "notify" in self._names:
            self.health.roles["notify"].remark = self._office.remark
        started = []
        try:
            for role in self.roles:
                started.append(role)
                await role.start()
            reason = await self._end
        except Exception as error:  # whatever keeps a role from starting is the reason of the exit
            reason = f"{type(error).__name__}: {error}"
            log.exception("a role could not start", role=started[-1].name)
        watch.cancel()
        self.health.stop(reason or "told to stop")
        log.info("draining", reason=reason or "signal")
        await asyncio.gather(*(role.stop() for role in started), return_exceptions=True)
        await self._office.stop()
        if reason:
            log.error("worker ends", reason=reason)
        return 1 if reason else 0

    def _finish(self, reason: str | None) -> None:
        if not self._end.done():
            self._end.set_result(reason)

    async def _watch(self) -> None:
        """Once a second: lag, readiness, crashes, and whether anything stands still."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for role in self.roles:
                self.metrics.ready(role.name, self.health.roles[role.name].ready)
                if role.app.crashed:
                    self._finish(f"role {role.name} crashed: {role.app.crash_reason!r}")
                for shard in list(role.shards.open.values()):
                    # The serve role waits for Redis as long as it takes; nobody waits for it.
                    if role.name != "serve":
                        self._look_for_silence(role.name, shard)
                    lag = role.lag(shard)
                    if lag is None:
                        continue
                    self.metrics.lag(role.name, shard.partition, lag)
                    if shard.live:
                        self._tell_pause(role.name, shard.partition, shard.paused)
                    if role.name != "serve":
                        self._look_for_stall(role.name, shard.partition, 0 if shard.paused else lag, shard.committed_at)

    def _tell_pause(self, role: str, partition: int, topics: list[str]) -> None:
        """Say on the notice board which inputs are paused, where that has changed."""
        if topics == self._paused.get((role, partition), []):
            return
        self._paused[role, partition] = topics
        reason = f"{', '.join(topics)} paused, since nearly all that came was refused" if topics else ""
        self.health.shard(role, partition, "live", reason)
        log.warning("inputs paused" if topics else "inputs read again", role=role, partition=partition, topics=topics)

    def _look_for_silence(self, role: str, shard: Shard) -> None:
        """A consumer that asks no more looks like a log on which nothing happens."""
        key, now, stall_s = (role, shard.partition), time.monotonic(), self._config.watchdog.stall_s
        if shard.unanswered_s() < _ANSWERED_SECONDS or BROKERS.trouble():  # where none can be reached, a restart is no help
            self._unanswered_since.pop(key, None)
        elif now - self._unanswered_since.setdefault(key, now) > stall_s:
            self.metrics.stalled(role)
            self._finish(f"role {role} has heard nothing from a broker of partition {shard.partition} for {stall_s} s")

    def _look_for_stall(self, role: str, partition: int, lag: int, committed_at: float) -> None:
        key = (role, partition)
        now = time.monotonic()
        if not lag or now - committed_at < _WATCH_SECONDS:
            self._stalled_since.pop(key, None)
            return
        since = self._stalled_since.setdefault(key, now)
        if committed_at > since:
            self._stalled_since[key] = now
        elif now - since > self._config.watchdog.stall_s:
            self.metrics.stalled(role)
            self._finish(
                f"role {role} has committed nothing on partition {partition} for {self._config.watchdog.stall_s} s "
                f"though {lag} records wait"
            )
