"""What every start of Kafka shares, prepared once in the cache: verified jars, formatted storage, an archive of loaded classes.

Formatting costs a second of every start and loading classes another one or two; both are done once, then copied or mapped.
The archive belongs to one Java and one set of jars and its name says so; the Java checks it again and goes without one that does
not fit, so a wrong archive costs time and nothing else. One process at a time prepares (a file lock), the others wait; each
product is made under another name and moved when it is whole, so a crash leaves nothing that would be used.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.dev.answers import kafka_answers
from app.dev.cache import exclusive, shared_folder
from app.dev.child import Child, wait_until_answers
from app.dev.errors import DevError, ServerEndedError
from app.dev.jars import ensure_jars
from app.dev.java import Java, find_java
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import free_ports
from app.dev.server import START_SECONDS

__all__ = ["KafkaRuntime", "kafka_runtime"]

ARCHIVE_SECONDS = 60.0  # writing the archive is part of the end; it takes 3 s
ENDED_IN_ORDER = 128 + signal.SIGTERM
COMMON = ("-XX:+UseSerialGC", "-Dlog4j2.level=WARN", "-Xlog:disable")
# the first compiler only: starts quicker, and leaves the cores to what is being tested
QUICK = (*COMMON, "-XX:TieredStopAtLevel=1", "-Xms256m", "-Xmx512m")
SUSTAINED = (*COMMON, "-Xms1g", "-Xmx1g")


@dataclass(frozen=True, slots=True)
class KafkaRuntime:
    """How to run Kafka's programs on this machine."""

    java: Java
    class_path: str
    archive: Path
    template: Path

    def command(self, main: str, *arguments: str, sustained: bool = False) -> list[str]:
        """The command line of one of Kafka's programs; `sustained` is for long loads: more memory, the optimising compiler."""
        usable = self.archive.exists() and self.archive.stat().st_size > 0
        archive = [f"-XX:SharedArchiveFile={self.archive}"] if usable else []
        return [str(self.java.program), *(SUSTAINED if sustained else QUICK), *archive, "-cp", self.class_path, main, *arguments]

    def format(self, settings: Path, cluster_id: str) -> None:
        """Make the storage that the settings name."""
        command = self.command("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(settings))
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the command is ours
        if done.returncode:
            raise ServerEndedError(f"Kafka's storage could not be formatted with {settings}: {done.stdout}{done.stderr}")

    def lay_storage(self, data: Path) -> None:
        """Copy the formatted storage to `data`, as a cluster of its own, if nothing is there yet."""
        if (data / "meta.properties").exists():
            return
        shutil.copytree(self.template, data, dirs_exist_ok=True)
        meta = data / "meta.properties"
        own = {"cluster.id": new_id(), "directory.id": new_id()}
        lines = [line.partition("=") for line in meta.read_text().splitlines()]
        # last, since a storage without it counts as not laid yet
        meta.write_text("".join(f"{key}={own.get(key, value)}\n" for key, equals, value in lines if equals))


def kafka_runtime(log: Callable[[str], None]) -> KafkaRuntime:
    """Everything that a start needs; the first call on a machine fetches and prepares it and says so."""
    java = find_java()
    shared = shared_folder().resolve()  # an archive is bound to the path of each jar
    jars = ensure_jars(log, folder=shared / "jars")
    class_path = ":".join(map(str, jars))
    identity = hashlib.sha256("\n".join([str(java.program), java.description, class_path, *QUICK]).encode()).hexdigest()[:16]
    runtime = KafkaRuntime(java, class_path, shared / f"classes-{identity}.archive", shared / "storage")
    if not (runtime.archive.exists() and runtime.template.exists()):
        with exclusive(shared / "preparing"):
            _prepare(runtime, log)
    return runtime


def new_id() -> str:
    """A random id in Kafka's form, never starting with a dash, which the command line would take for an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")


def _prepare(runtime: KafkaRuntime, log: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(dir=shared_folder(), prefix="preparing-") as name:
        folder = Path(name)
        if not runtime.template.exists():
            log("preparing Kafka's storage, once")
            settings = write_settings(folder / "server.properties", kafka_settings(9092, 9093, folder / "storage"))
            runtime.format(settings, new_id())
            (folder / "storage").rename(runtime.template)
        if not runtime.archive.exists():
            _archive_classes(runtime, folder, log)


def _archive_classes(runtime: KafkaRuntime, folder: Path, log: Callable[[str], None]) -> None:
    archive = folder / "classes.archive"
    try:
        if runtime.java.has_base_archive:
            log("noting which classes Kafka loads, once, for quick starts")
            _start_and_stop(runtime, folder, f"-XX:ArchiveClassesAtExit={archive}")
    except DevError as error:
        log(f"no class archive, starts will be a second or two slower: {error}")
        archive.unlink(missing_ok=True)
    if not archive.exists():
        archive.touch()  # keeps the next start from trying again
    archive.rename(runtime.archive)


def _start_and_stop(runtime: KafkaRuntime, folder: Path, option: str) -> None:
    port, controller_port = free_ports(2)
    settings = write_settings(folder / "server.properties", kafka_settings(port, controller_port, folder / "data"))
    runtime.lay_storage(folder / "data")
    java, *rest = runtime.command("kafka.Kafka", str(settings))
    child = Child([java, option, *rest], folder / "log.txt", folder)
    try:
        wait_until_answers(child, "Kafka", lambda: kafka_answers(port), START_SECONDS)
    finally:
        child.stop(seconds=ARCHIVE_SECONDS)
    if child.exit_code != ENDED_IN_ORDER:
        raise ServerEndedError(f"Kafka ended with {child.exit_code} while it wrote the archive: {child.tail()}")
