"""The command line: exit codes, what goes to stdout and what to stderr. Run as a user runs it, in a process of its own."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

ROOT = Path(__file__).parents[3]
#: Port 1 (tcpmux) is not listened on.
NOBODY = "kafka.bootstrap_servers=127.0.0.1:1"


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class Gnomon(Protocol):
    def __call__(self, *arguments: str, **environ: str) -> Ended: ...


@pytest.fixture
def gnomon(tmp_path: Path) -> Gnomon:
    def run(*arguments: str, **environ: str) -> Ended:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GNOMON_")}
        command = [sys.executable, "-m", "app", *arguments]
        done = subprocess.run(
            command,
            check=False,
            cwd=tmp_path,
            env=inherited | {"PYTHONPATH": str(ROOT)} | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def test_help_lists_the_commands_and_needs_none_of_the_heavy_libraries(gnomon: Gnomon) -> None:
    ended = gnomon("--help", PYTHONPROFILEIMPORTTIME="1")
    assert ended.code == 0
    for command in ("baseline", "dev", "topics", "worker", "demo", "config", "schema"):
        assert f"  {command} " in ended.out
    imported = {line.rpartition("|")[2].strip() for line in ended.err.splitlines() if line.startswith("import time:")}
    assert "click" in imported
    assert imported.isdisjoint({"faust", "aiokafka", "numpy", "river", "structlog", "msgspec", "redis"})


def test_the_version_is_that_of_the_package(gnomon: Gnomon) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert gnomon("--version") == Ended(0, f"gnomon {project['version']}\n", "")


@pytest.mark.parametrize("command", [["config"], ["topics", "check"], ["topics", "create"], ["worker"], ["schema"]])
def test_each_command_names_every_fault_and_exits_with_2(gnomon: Gnomon, command: list[str]) -> None:
    ended = gnomon(*command, "--set", "log.format=xml", GNOMON_WEB__PORT="no", GNOMON_PAIRING__WINDW_MS="1")
    assert (ended.code, ended.out) == (2, "")
    assert "3 faults in the configuration" in ended.err
    for name in ("log.format", "web.port", "pairing.windw_ms"):
        assert f"\n  {name} " in ended.err
    assert "Traceback" not in ended.err


def test_faults_as_json(gnomon: Gnomon) -> None:
    ended = gnomon("config", "--json", GNOMON_WEB__PORT="no")
    assert ended.code == 2
    [fault] = json.loads(ended.out)["faults"]
    assert fault == {
        "name": "web.port",
        "origin": "environment GNOMON_WEB__PORT",
        "came": '"no"',
        "allowed": "allowed is an integer from 0 to 65535",
    }


def test_config_shows_each_value_with_its_source_and_masks_secrets(gnomon: Gnomon, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[topics]\npartitions = 12\n[models.credit]\nshadows = ['2']\n")
    ended = gnomon("config", "--json", "--config", "other.toml", GNOMON_REDIS__URL="redis://:hunter2@cache:6379/1")
    assert ended.code == 0
    shown = json.loads(ended.out)
    assert shown["topics.partitions"] == {"value": 12, "source": "other.toml"}
    assert shown["redis.url"] == {"value": "redis://cache:6379/1", "source": "environment GNOMON_REDIS__URL"}
    assert shown["redis.password"] == {"value": "***", "source": "environment GNOMON_REDIS__URL"}
    assert shown["models.credit.shadows"] == {"value": ["2"], "source": "other.toml"}
    assert shown["web.port"] == {"value": 8080, "source": "default"}
    text = gnomon("config", GNOMON_REDIS__PASSWORD="hunter2")
    assert "hunter2" not in text.out + text.err
    assert 'bootstrap_servers = "127.0.0.1:9092"  # default' in text.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["worker", "--role", "pair,detekt"], "no such role: 'detekt'; there are pair, detect, decide, notify, serve"),
        (["worker", "--role", ""], "no such role: ''"),
        (["worker", "--rol", "pair"], "No such option"),
        (["schema", "--kind", "avro"], "'jsonschema', 'asyncapi'"),
        (["dev", "up", "--kafka-port", "70000"], "70000"),
        (["nothing"], "No such command"),
        (["config", "--config", "gone.toml"], "No such file"),
    ],
)
def test_wrong_usage_exits_with_2(gnomon: Gnomon, arguments: list[str], says: str) -> None:
    ended = gnomon(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", ["check", "create"])
def test_a_broker_that_is_not_there_is_a_failure_with_a_hint(gnomon: Gnomon, command: str) -> None:
    ended = gnomon("topics", command, "--set", NOBODY)
    assert (ended.code, ended.out) == (1, "")
    assert "cannot reach Kafka: tried 127.0.0.1:1 with PLAINTEXT" in ended.err
    assert "kafka.security_protocol" in ended.err
    assert "Traceback" not in ended.err


def test_a_certificate_that_is_none_is_a_fault_of_the_configuration(gnomon: Gnomon, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    ended = gnomon("topics", "check", "--set", NOBODY, "--set", "kafka.security_protocol=SSL", "--set", "kafka.ssl_cafile=ca.pem")
    assert ended.code == 2
    assert "kafka.ssl_cafile" in ended.err
    assert "Traceback" not in ended.err


def test_schema_prints_json_schemas_or_writes_them(gnomon: Gnomon, tmp_path: Path) -> None:
    printed = gnomon("schema")
    assert printed.code == 0
    schemas = json.loads(printed.out)
    assert "pair" in " ".join(schemas)
    written = gnomon("schema", "--out", "made/here")
    assert sorted(path.name for path in (tmp_path / "made/here").iterdir()) == sorted(f"{name}.json" for name in schemas)
    assert len(written.out.splitlines()) == len(schemas)


def test_asyncapi_has_the_configured_names(gnomon: Gnomon) -> None:
    ended = gnomon("schema", "--kind", "asyncapi", GNOMON_TOPICS__PREFIX="ml.", GNOMON_TOPICS__OUTPUT_RETENTION_MS="777777")
    assert ended.code == 0
    channels = {channel["address"]: channel for channel in json.loads(ended.out)["channels"].values()}
    assert channels["ml.pairs"]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] == 777_777


def test_the_committed_asyncapi_document_is_the_one_for_the_default_settings(gnomon: Gnomon, tmp_path: Path) -> None:
    """After a change: ``gnomon schema --kind asyncapi --out docs`` in a folder without a gnomon.toml."""
    written = gnomon("schema", "--kind", "asyncapi", "--out", ".")
    assert (written.code, written.out) == (0, "asyncapi.json\n")
    assert (tmp_path / "asyncapi.json").read_bytes() == (ROOT / "docs" / "asyncapi.json").read_bytes()
    assert gnomon("schema", "--kind", "asyncapi").out == (tmp_path / "asyncapi.json").read_text("utf-8")
