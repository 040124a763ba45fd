"""Writes `kafka.lock` and `charts.lock`: resolves the jars with jgo and notes the SHA-256 of each.

`make lock` runs it; nothing else does.

The repository's answer is trusted here and only here, so a changed lock is a change to review: the same version must never
come with another hash. A crash leaves the old lock; a repeat writes the same bytes.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import Artifact, MavenContext

from app.dev.cache import KAFKA_VERSION
from app.dev.chart_files import LOCK as CHARTS_LOCK
from app.dev.jars import LOCK, TIMEOUT_SECONDS

KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's own jars log to SLF4J and bring no binding: without this one a broker that fails says nothing. It needs only what Kafka
# brings, and is not resolved together with Kafka because its parent would then choose the versions of Kafka's libraries.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5"
# uPlot as a WebJar: what the registry npm has, as a jar. 1.6.30 is the newest there.
CHARTS = "org.webjars.npm:uplot:1.6.30"
CHARTS_HEAD = """\
# uPlot, which draws the charts of the pages: Maven coordinates and SHA-256 of the jar.
# Written by `make lock`; read by app/dev/chart_files.py, which refuses a jar that has another hash.
"""
HEAD = f"""\
# Apache Kafka {KAFKA_VERSION} and all that it needs to run: Maven coordinates and SHA-256 of each jar.
# Written by `make lock`; read by app/dev/jars.py, which refuses a jar that has another hash.
"""


def main() -> int:
    """Resolve, download, hash, write."""
    with tempfile.TemporaryDirectory() as folder:
        lines = sorted(_locked(Path(folder)))
    LOCK.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    print(f"{len(lines)} jars in {LOCK}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=TIMEOUT_SECONDS)
        CHARTS_LOCK.write_text(f"{CHARTS_HEAD}{_line(context.create_dependency(CHARTS).artifact)}\n")
    print(f"uPlot in {CHARTS_LOCK}", file=sys.stderr)
    return 0


def _locked(folder: Path) -> set[str]:
    context = MavenContext(repo_cache=folder, timeout=TIMEOUT_SECONDS)
    kafka, logging = (context.create_dependency(coordinates) for coordinates in (KAFKA, LOGGING))
    kafka.scope = "compile"
    inputs, transitive = context.resolver.resolve([kafka])
    needed = [dependency for dependency in (*inputs, *transitive) if dependency.scope in {"compile", "runtime"}]
    return {_line(dependency.artifact) for dependency in (*needed, logging)}


def _line(artifact: Artifact) -> str:
    digest = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
    return f"{artifact.groupId}:{artifact.artifactId}:{artifact.version} sha256:{digest}"


if __name__ == "__main__":
    sys.exit(main())
