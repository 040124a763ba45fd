"""Which source wins, what a model inherits, and the digest."""

from pathlib import Path

import pytest

from app.config import Config, ConfigError, load
from schemas.limits import Limits

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "gnomon.toml") -> None:
    Path(name).write_text(text, "utf-8")


def faults_of(environ: dict[str, str] | None = None, *, flags: tuple[str, ...] = (), file: str | None = None) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(environ or {}, flags=flags, file=file)
    return {fault.name: str(fault) for fault in caught.value.faults}


def test_defaults_are_the_contract_s() -> None:
    config = load({}).config
    assert config.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert config.redis.url == "redis://127.0.0.1:6379/0"
    assert (config.topics.prefix, config.topics.partitions, config.topics.replication_factor) == ("", 4, 1)
    assert (config.pairing.window_ms, config.pairing.grace_ms, config.pairing.deduplication_ms) == (10_000, 2_000, 60_000)
    assert config.commit.interval_ms == 100
    assert (config.web.host, config.web.port, config.log.format, config.limits.record_bytes) == (
        "127.0.0.1",
        8080,
        "text",
        1_048_576,
    )
    assert config.group("pair") == "gnomon-pair"


def test_the_decoder_s_limits_are_the_configured_ones() -> None:
    assert load({}).config.limits.of_records() == Limits()
    flags = ["limits.record_bytes=5000", "limits.metadata_bytes=5", "limits.features=6", "limits.nesting=7"]
    assert load({}, flags=flags).config.limits.of_records() == Limits(record_bytes=5000, metadata_bytes=5, features=6, nesting=7)


def test_each_source_overrides_the_one_before() -> None:
    write("[pairing]\nwindow_ms = 1\ngrace_ms = 1\ndeduplication_ms = 9\n[topics]\nprefix = 'a.'")
    loaded = load(
        {"GNOMON_PAIRING__GRACE_MS": "2", "GNOMON_PAIRING__DEDUPLICATION_MS": "8", "PATH": "/bin"},
        flags=["pairing.deduplication_ms=7"],
    )
    pairing = loaded.config.pairing
    assert (pairing.window_ms, pairing.grace_ms, pairing.deduplication_ms) == (1, 2, 7)
    assert loaded.origins["pairing.window_ms"] == "gnomon.toml"
    assert loaded.origins["pairing.grace_ms"] == "environment GNOMON_PAIRING__GRACE_MS"
    assert loaded.origins["pairing.deduplication_ms"] == "--set pairing.deduplication_ms"
    assert loaded.origins["commit.interval_ms"] == "default"
    assert loaded.config.group("pair") == "a.gnomon-pair"


def test_the_command_line_names_the_file_before_the_environment_does() -> None:
    write("[web]\nport = 1", "one.toml")
    write("[web]\nport = 2", "two.toml")
    assert load({"GNOMON_CONFIG": "one.toml"}).config.web.port == 1
    assert load({"GNOMON_CONFIG": "one.toml"}, file="two.toml").config.web.port == 2


def test_a_named_file_must_exist_and_the_default_file_need_not() -> None:
    assert "No such file" in faults_of({"GNOMON_CONFIG": "gone.toml"})["configuration file"]
    assert "environment GNOMON_CONFIG" in faults_of({"GNOMON_CONFIG": "gone.toml"})["configuration file"]
    assert "command line" in faults_of(file="gone.toml")["configuration file"]


def test_a_file_that_is_no_toml_is_reported_with_the_line_and_with_the_other_faults() -> None:
    write("[web]\nport = = 1")
    faults = faults_of({"GNOMON_WEB__PORT": "x"})
    assert "line 2" in faults["configuration file"]
    assert "web.port" in faults


def test_an_empty_variable_unsets_what_may_be_absent() -> None:
    write("[kafka]\nsasl_username = 'me'")
    assert load({"GNOMON_KAFKA__SASL_USERNAME": "", "GNOMON_TOPICS__PREFIX": ""}).config.kafka.sasl_username is None


def test_kubernetes_service_variables_are_no_settings() -> None:
    load({"GNOMON_SERVICE_HOST": "10.0.0.1", "GNOMON_PORT": "tcp://10.0.0.1:80", "GNOMON_PORT_80_TCP_ADDR": "10.0.0.1"})


def test_models_inherit_from_default_setting_by_setting() -> None:
    write("""
        [models.default]
        tolerance = 0.1
        shadows = []
        [models.credit]
        shadows = ["2.0.0", "2.1.0"]
        [models."a.b"]
        shards = 2
    """)
    config = load({}).config
    credit, dotted_name, other = config.model("credit"), config.model("a.b"), config.model("unheard-of")
    assert (credit.shadows, credit.tolerance, credit.shards) == (("2.0.0", "2.1.0"), 0.1, 1)
    assert (dotted_name.shadows, dotted_name.tolerance, dotted_name.shards) == ((), 0.1, 2)
    assert (other.shadows, other.tolerance, other.shards) == ((), 0.1, 1)


def test_without_tables_a_model_has_the_defaults() -> None:
    assert (load({}).config.model("any").shadows, Config().model("any").shadows) == ("auto", "auto")


def test_models_on_the_command_line() -> None:
    config = load(
        {}, flags=['models."a.b".shadows=1.0,2.0', "models.c.shadows=[]", "models.d.shadows=auto", 'models.e.shadows=["1"]']
    ).config
    assert [config.model(name).shadows for name in ("a.b", "c", "d", "e")] == [("1.0", "2.0"), (), "auto", ("1",)]


def test_a_default_that_is_wrong_is_reported_once() -> None:
    write(
        "[models.default]\nshards = 0\n[models.a]\ntolerance = -1\n[models.b]\nshadows = 'automatic'\n[models.'c d']\nshard = 1"
    )
    faults = faults_of({"GNOMON_MODELS__CREDIT__SHARDS": "2"})
    assert faults.keys() == {
        "models.default.shards",
        "models.a.tolerance",
        "models.b.shadows",
        'models."c d"',
        'models."c d".shard',
        "GNOMON_MODELS__CREDIT__SHARDS",
    }
    assert "1 to 128 letters, digits, dots, underscores and hyphens" in faults['models."c d"']
    assert 'did you mean models."c d".shards?' in faults['models."c d".shard']
    assert "auto or a list, each a text of 1 to 128 characters" in faults["models.b.shadows"]


@pytest.mark.parametrize(
    "flag",
    [
        "pairing.grace_ms=1",
        "limits.features=5",
        "topics.partitions=5",
        "models.a.shards=2",
        "models.default.tolerance=0.5",
        "models.a.drift.warm_up=9000",
        "models.a.retrain.minimum_label_share=0.5",
        "models.a.retrain.repeat_after_s=1",
    ],
)
def test_the_digest_changes_with_what_decisions_depend_on(flag: str) -> None:
    assert load({}, flags=[flag]).config.digest() != load({}).config.digest()


@pytest.mark.parametrize(
    "flag", ["topics.prefix=a", "web.port=1", "log.level=debug", "commit.interval_ms=50", "redis.password=x", "notify.resend_s=5"]
)
def test_the_digest_does_not_change_with_the_rest(flag: str) -> None:
    assert load({}, flags=[flag]).config.digest() == load({}).config.digest()


def test_the_digest_is_stable() -> None:
    assert load({}).config.digest() == Config().digest()
    assert load({}).config.digest().startswith("sha256:")


@pytest.mark.parametrize(
    ("flags", "name", "says"),
    [
        (("notify.token=a", "notify.username=me", "notify.password=b"), "notify.token", "a token or a username, not both"),
        (("notify.username=me",), "notify.token", "username and password are needed together"),
        (("notify.cafile=nowhere.pem",), "notify.cafile", "there is no such file"),
        (("notify.alertmanager_urls=http://me:pw@host:9093",), "notify.alertmanager_urls", "no login in it"),
    ],
)
def test_receivers_that_cannot_be_told_are_faults(flags: tuple[str, ...], name: str, says: str) -> None:
    assert says in faults_of(flags=flags)[name]


def test_apprise_urls_without_apprise_are_a_fault_that_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.config.rules.find_spec", lambda _: None)
    said = faults_of(flags=("notify.apprise_urls=json://me:hunter2@host",))["notify.apprise_urls"]
    assert "the package apprise is not installed: pip install apprise" in said
    assert "hunter2" not in said


def test_messengers_are_one_a_line_each_once() -> None:
    write("json://a\njson://b json://a\n", "urls")
    found = load({"GNOMON_NOTIFY__APPRISE_URLS_FILE": "urls"}).config.notify.messengers()
    assert [url.reveal() for url in found] == ["json://a", "json://b"]
