"""Page, REST and events with a large read model in a real Redis, the server on one core, its clients on the other.

    python -m tests.benchmarks.web [--models 1000] [--signals 20] [--clients 200] [--rounds 40] [--seconds 20]

*Answers*: pages and REST, each after a window of ``CHANGED`` models was written, so that nothing is given twice; the time is
the client's, Redis and all. *Pages* (`pages`): until a person can use them. *Events*: ``--clients`` follow while ``CHANGED``
models change a second, after all have their snapshot; CPU is the server's alone. A client that is dropped, or gets too few
frames, fails the run.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import aiohttp

from app.dev.redis_server import RedisServer, find_redis
from app.read_model import connect
from tests.benchmarks.processes import cpu_of, peak_bytes_of, running
from tests.benchmarks.web.filled import Filled
from tests.benchmarks.web.pages import opened

__all__: list[str] = []

CHANGED = 5
#: Longer than what a reader takes for new (``app.read_model.mirror.FRESH_SECONDS``).
APART_SECONDS = 0.5
ANSWERS = (
    ("/", "identity"),
    ("/?search=model-00&sort=name", "identity"),
    ("/models/model-0001", "identity"),
    ("/models/model-0001/signals/feature/feature-00", "identity"),
    ("/alerts", "identity"),
    ("/api/v1/models", "identity"),
    ("/api/v1/models", "gzip"),
    ("/api/v1/models?limit=1000", "identity"),
    ("/api/v1/models?limit=1000", "gzip"),
    ("/api/v1/models/model-0001", "identity"),
    ("/api/v1/models/model-0001/signals", "identity"),
    ("/api/v1/alerts", "identity"),
    ("/api/v1/pipeline", "identity"),
)


class Followed(NamedTuple):
    """What the clients of the event stream got in a while, and what that took."""

    frames: int
    data_bytes: int
    cpu_s: float


class Bench:
    """One server over one read model."""

    def __init__(self, filled: Filled, url: str, pid: int) -> None:
        self._filled, self._url, self._pid = filled, url, pid
        self._turn = itertools.cycle(range(0, len(filled.names) - CHANGED, CHANGED))

    async def change(self) -> None:
        """A window of the next few models."""
        at = next(self._turn)
        await self._filled.change(self._filled.names[at : at + CHANGED])

    async def first(self) -> None:
        """Print how long the first answer takes, for which the whole read model is read."""
        began, cpu = time.perf_counter(), cpu_of(self._pid)
        async with aiohttp.ClientSession() as session, session.get(f"{self._url}/api/v1/models?limit=1") as response:
            assert response.status == 200
        print(f"the first answer: {time.perf_counter() - began:.1f} s, {cpu_of(self._pid) - cpu:.1f} CPU-s\n")

    async def answer(self, path: str, coding: str, rounds: int) -> None:
        """Print how long it takes, and how large it is."""
        took, size = [], 0
        cpu = cpu_of(self._pid)
        async with aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": coding}) as session:
            for _ in range(rounds):
                await self.change()
                await asyncio.sleep(APART_SECONDS)
                began = time.perf_counter()
                async with session.get(self._url + path) as response:
                    size = len(await response.read())
                    assert response.status == 200, path
                took.append((time.perf_counter() - began) * 1000)
        took.sort()
        middle, high = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))]
        cpu_ms = (cpu_of(self._pid) - cpu) / rounds * 1000
        print(f"| `GET {path}` | {coding} | {middle:.0f} | {high:.0f} | {cpu_ms:.0f} | {size / 1000:,.0f} |", flush=True)

    async def follow(self, detail: str, clients: int, seconds: int) -> Followed:
        """Have so many clients follow, and measure once all have their snapshot."""
        counts = [[0, 0] for _ in range(clients)]
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
            began = time.perf_counter()
            cpu = cpu_of(self._pid)
            tasks = [asyncio.create_task(_follow(session, f"{self._url}/api/v1/events?detail={detail}", each)) for each in counts]
            while not all(frames for frames, _ in counts):
                assert not any(task.done() for task in tasks), "a client was dropped"
                await self._filled.beat()
                await asyncio.sleep(0.2)
            joined_bytes = sum(size for _, size in counts)
            print(f"{clients} clients joined, detail={detail}: {time.perf_counter() - began:.1f} s, "
                  f"{cpu_of(self._pid) - cpu:.1f} CPU-s, {joined_bytes / 1e6:,.1f} MB in all", file=sys.stderr)  # fmt: skip
            before, cpu = sum(frames for frames, _ in counts), cpu_of(self._pid)
            end = time.perf_counter() + seconds
            while (rest := end - time.perf_counter()) > 0:
                await self.change()
                await asyncio.sleep(min(1.0, rest))
            cpu_s, frames = cpu_of(self._pid) - cpu, sum(frames for frames, _ in counts) - before
            assert not any(task.done() for task in tasks), "a client was dropped"
            assert clients == 0 or frames >= clients * (seconds - 3), f"{frames} frames for {clients} clients in {seconds} s"
            for task in tasks:
                task.cancel()
        return Followed(frames, sum(size for _, size in counts) - joined_bytes, cpu_s)


async def _follow(session: aiohttp.ClientSession, url: str, counts: list[int]) -> None:
    """Count whole frames and all bytes of one client."""
    async with session.get(url) as response:
        assert response.status == 200, response.status
        end = b""
        async for some in response.content.iter_any():
            counts[1] += len(some)
            counts[0] += (end + some).count(b"\r\nretry: ")
            end = some[-8:]


async def _measure(args: argparse.Namespace, redis_url: str, url: str, pid: int) -> None:
    client = connect(redis_url)
    filled = Filled(client, args.models, args.signals)
    began = time.perf_counter()
    await filled.fill()
    print(f"{args.models} models with {args.signals} signals written in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    bench = Bench(filled, url, pid)
    await bench.first()
    print("| | encoding | p50 ms | p95 ms | CPU ms | kB |\n|---|---|---|---|---|---|")
    for path, coding in ANSWERS:
        await bench.answer(path, coding, args.rounds)
    await opened(url, args.rounds // 2, bench.change)
    print("\n| clients | detail | CPU of the server, % of a core | by client | frames a second and client | kB a frame |")
    print("|---|---|---|---|---|---|")
    for detail in ("revision", "full"):
        one = await bench.follow(detail, 1, args.seconds)
        for clients, got in ((1, one), (args.clients, await bench.follow(detail, args.clients, args.seconds))):
            share, each = got.cpu_s / args.seconds, (got.cpu_s - one.cpu_s) / args.seconds / max(clients - 1, 1)
            rate, size = got.frames / clients / args.seconds, got.data_bytes / max(got.frames, 1) / 1000
            print(f"| {clients} | {detail} | {share * 100:.1f} | {each * 100:.3f} | {rate:.2f} | {size:.1f} |", flush=True)
    print(f"\npeak memory of the server {peak_bytes_of(pid) / 1e6:.0f} MB", flush=True)
    await client.aclose()


def main() -> int:
    """Fill, serve, measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.web", description=__doc__)
    for name, value in (("models", 1_000), ("signals", 20), ("clients", 200), ("rounds", 40), ("seconds", 20)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(find_redis(), Path(folder) / "redis")
        redis.start()
        command = [sys.executable, "-m", "tests.benchmarks.web.served", redis.url]
        try:
            with running(subprocess.Popen(command, stdout=subprocess.PIPE)) as server:
                assert server.stdout is not None
                url = server.stdout.readline().decode().strip().rstrip("/")
                asyncio.run(_measure(args, redis.url, url, server.pid))
        finally:
            redis.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
