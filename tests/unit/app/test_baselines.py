"""Baselines as the configuration names them, the window they are made from, and the commands, without a broker."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.baselines import check_files, in_force
from app.cli import cli
from app.config import Config, ConfigError, ModelSettings
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Run
from app.replay.window import Window
from tests.detectors.stream import Entry, entries, pair
from tests.detectors.test_baselines import made_of

_PAIRS = [pair(i, features={"income": float(i % 97)}) for i in range(1_200)]
#: Nobody listens there; no test here comes so far as to ask.
_NOBODY = ["--set", "kafka.bootstrap_servers=127.0.0.1:1"]


@pytest.fixture(scope="module")
def data() -> bytes:
    return made_of(entries(_PAIRS), DriftConfig())


@pytest.fixture
def file(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "credit.json"
    path.write_bytes(data)
    return str(path)


def config_with(**baselines: str) -> Config:
    return Config(models={model: ModelSettings(drift=DriftConfig(baseline=name)) for model, name in baselines.items()})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_a_path_becomes_the_id_so_that_digests_do_not_depend_on_it(file: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_bytes(data)
    one = asyncio.run(in_force(config_with(credit=file)))
    other = asyncio.run(in_force(config_with(credit=str(tmp_path / "elsewhere.json"))))
    [(id_, baseline)] = one.baselines.items()

    assert one.config == other.config != config_with(credit=file)
    assert one.config.model("credit").drift.baseline == id_ == baseline.id
    assert one.config.model("credit").drift.digest != DriftConfig().digest
    assert asyncio.run(in_force(Config())) == (Config(), {})


def test_every_baseline_that_cannot_be_used_is_told_at_once(file: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(Path(file).read_bytes().replace(b'"owner":"risk"', b'"owner":"Risk"'))
    given = {"default": file, "credit": str(damaged), "fraud": file + "x", "search": "sha256:12", "loans": str(tmp_path)}
    with pytest.raises(ConfigError) as caught:
        check_files(config_with(**given))
    said = {fault.name.split(".")[1]: fault.allowed for fault in caught.value.faults}

    assert said.pop("credit").startswith("it was changed or damaged: its id is 'sha256:")
    assert said == {
        "default": "a baseline is one model's; allowed is [models.NAME.drift]",
        "fraud": "the file cannot be read: No such file or directory",
        "search": "an id has 64 hexadecimal digits behind `sha256:`",
        "loans": "the file cannot be read: Is a directory",
    }
    with pytest.raises(ConfigError, match=r'models\.fraud\.drift\.baseline = ".*": it is a baseline of the model "credit"'):
        check_files(config_with(credit=file, fraud=file))


def test_what_a_model_inherits_is_told_where_it_stands(file: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_files(config_with(default=file, credit=file))
    assert [fault.name for fault in caught.value.faults] == ["models.default.drift.baseline"]


@pytest.mark.parametrize("command", ["config", "worker", "replay"])
def test_a_file_that_is_missing_is_a_fault_of_the_configuration_before_anybody_is_asked(command: str) -> None:
    ended = run(command, *_NOBODY, "--set", "models.credit.drift.baseline=no.json")
    assert ended.exit_code == 2
    assert 'models.credit.drift.baseline = "no.json": the file cannot be read: No such file or directory' in ended.stderr


def test_the_command_config_tells_it_as_data() -> None:
    ended = run("config", "--json", "--set", "models.credit.drift.baseline=no.json")
    [fault] = json.loads(ended.stdout)["faults"]
    assert (ended.exit_code, fault["name"], fault["came"]) == (2, "models.credit.drift.baseline", '"no.json"')


def test_show_tells_people_what_a_file_holds(file: str) -> None:
    ended = run("baseline", "show", file)
    lines = ended.stdout.splitlines()

    assert ended.exit_code == 0
    assert lines[1] == "model credit, version 7, owner risk, created 2026-09-22T00:00:00Z"
    assert lines[3].startswith("from 8,192 pairs, 2026-09-21T14:13:20.000Z to 2026-09-21T14:14:42.000Z: pairs-3 [0, 8192)")
    mean = sum(i % 97 for i in range(1_200)) / 1_200
    assert f"  feature/income: 1,200 values, mean {mean:.6g}, sd " in ended.stdout
    assert "  missing/income: 1,200 values, true 0.00%" in ended.stdout
    data = json.loads(run("baseline", "show", file, "--json").stdout)
    assert data["id"] == lines[0]
    assert data["bytes"] == Path(file).stat().st_size
    assert [one for panel in data["panels"] for one in panel["signals"] if "state" in one] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "no.json"], 2, "no.json cannot be read: No such file or directory"),
        (["pin", "no.json"], 2, "no.json cannot be read: No such file or directory"),
        (["show", __file__], 1, "it is no baseline: Expected `object`, got `str`"),
        (["create", "--model", "m", "--owner", "", "--out", "x"], 2, "'--owner': it has 0 characters: allowed are 1 to 256"),
        (["create", "--model", "m", "--owner", "o", "--out", "/no/x"], 2, "'--out': there is no folder /no"),
        (["create", "--model", "m", "--owner", "o", "--out", "x", "--expires", "soon"], 2, "'soon' is no time"),
        (["create", "--model", "m", "--owner", "o", "--out", "x", "--expires", "0d"], 2, "a duration such as 90d"),
        (["create", "--model", "m", "--owner", "o", "--out", "x", "--from", "now"], 2, "'now' is no time"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(arguments: list[str], code: int, said: str) -> None:
    ended = run("baseline", arguments[0], *arguments[1:], *_NOBODY)
    assert ended.exit_code == code
    assert said in " ".join(ended.stderr.split())


def run_of(records: list[Entry]) -> Run:
    made = Run(records)
    made.start, made.end = records[0].offset, records[-1].offset + 1
    return made


def test_a_window_does_not_depend_on_which_partition_is_fetched_first() -> None:
    log = [one._replace(headers=[("ce_id", b"id-%d" % one.offset)]) for one in entries(_PAIRS, first=10)]
    others = [one._replace(key=b"fraud") for one in log[:5]]
    parts = {0: log[:700], 1: [*others, *log[700:]]}
    windows = [Window("credit", DriftConfig()) for _ in range(2)]
    for window, order in zip(windows, [(0, 1), (1, 0)], strict=True):
        for partition in order:
            window.feed("pairs", partition, run_of(parts[partition][:400]))
            window.feed("pairs", partition, run_of(parts[partition][400:]))
        window.end()
    first, second = windows
    ids = ["\n".join(f"id-{one.offset}" for one in part) for part in (log[:700], log[700:])]
    stretches = first.source().offsets

    assert first.source() == second.source()
    assert first.gathered().panels() == second.gathered().panels()
    assert [(one.partition, one.start, one.end, one.pairs) for one in stretches] == [(0, 10, 710, 700), (1, 710, 1_210, 500)]
    assert [one.digest for one in stretches] == [f"sha256:{sha256(each.encode()).hexdigest()}" for each in ids]
    assert first.gathered().pairs == 1_200
