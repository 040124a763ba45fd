"""Every fault by name, with what came, where from and what is allowed, all at once; rules say the consequence."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from app.config import ConfigError, load
from app.config.binding import Report, bind
from app.config.sources import variable_of

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


BROKEN = {
    # what came from where: (environment, flag or line of the file): name -> what the message has to say
    "kafka.bootstrap_servers": ("env", "nowhere", ['"nowhere"', "GNOMON_KAFKA__BOOTSTRAP_SERVERS", "host:port, several"]),
    "topics.prefix": ("env", "a b", ['"a b"', "GNOMON_TOPICS__PREFIX", "letters, digits, dots, underscores and hyphens"]),
    "topics.partitions": ("file", "0", ["= 0", "gnomon.toml", "an integer from 1 to 1024"]),
    "topics.replication_factor": ("file", "true", ["= true", "gnomon.toml", "an integer from 1 to 15"]),
    "pairing.window_ms": ("flag", "ten", ['"ten"', "--set pairing.window_ms", "an integer from 1 to 86400000"]),
    "commit.interval_ms": ("flag", "5", ['"5"', "--set commit.interval_ms", "an integer from 10 to 10000"]),
    "log.format": ("file", '"xml"', ['"xml"', "gnomon.toml", "one of text, json"]),
    "web.port": ("env", "70000", ['"70000"', "GNOMON_WEB__PORT", "an integer from 0 to 65535"]),
    "redis.url": ("file", '"http://h"', ['"http://h"', "gnomon.toml", "redis://host:port/number"]),
    "kafka.security_protocol": ("env", "TLS", ['"TLS"', "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"]),
    "limits.nesting": ("file", "1.5", ["= 1.5", "gnomon.toml", "an integer from 4 to 256"]),
    "kafka.sasl_password": ("file", "5", ["= ***", "gnomon.toml", "a text"]),
    "models.credit.tolerance": ("file", "nan", ["gnomon.toml", "a number of at least 0"]),
    "models.credit.shards": ("flag", "65", ['"65"', "--set models.credit.shards", "an integer from 1 to 64"]),
}


def broken_sources(broken: dict[str, tuple[str, str, list[str]]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Write the file; return the environment and the flags."""
    lines = [f"{name} = {value}" for name, (source, value, _) in broken.items() if source == "file"]
    write("\n".join(lines))
    environ = {variable_of(name): value for name, (source, value, _) in broken.items() if source == "env"}
    return environ, tuple(f"{name}={value}" for name, (source, value, _) in broken.items() if source == "flag")


def test_every_broken_setting_is_named_with_what_where_and_allowed_all_at_once() -> None:
    environ, flags = broken_sources(BROKEN)
    faults = faults_of(environ, flags=flags)
    assert faults.keys() == BROKEN.keys()
    for name, (_, _, says) in BROKEN.items():
        for words in says:
            assert words in faults[name], name


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_setting_alone_is_the_only_fault(name: str) -> None:
    environ, flags = broken_sources({name: BROKEN[name]})
    assert faults_of(environ, flags=flags).keys() == {name}


@pytest.mark.parametrize(
    ("source", "name", "hint"),
    [
        ({"GNOMON_PAIRING__WINDW_MS": "1"}, "pairing.windw_ms", "did you mean pairing.window_ms?"),
        (
            {"GNOMON_KAFKA_BOOTSTRAP_SERVERS": "h:1"},
            "GNOMON_KAFKA_BOOTSTRAP_SERVERS",
            "did you mean GNOMON_KAFKA__BOOTSTRAP_SERVERS?",
        ),
        ({"GNOMON_KAFAK__CLIENT_ID": "x"}, "kafak", "there is no such table; did you mean kafka?"),
        ({"GNOMON_WEB__PORT_FILE": "x"}, "web.port_file", "did you mean web.port?"),
        (("window_ms=1",), "window_ms", "did you mean pairing.window_ms?"),
        (("pairing.window_ms",), "--set", "NAME=VALUE"),
        (("pairing..window_ms=1",), "--set", "NAME=VALUE"),
        (("pairing=1",), "pairing", "a table, [pairing]"),
        ("[zzz]\nx = 1", "zzz", "there is no such table"),
        ("[[models]]\nx = 1", "models", "[models.NAME]"),
        ("models = 1", "models", "[models.NAME]"),
        ("[topics]\nprefix = { a = 1 }", "topics.prefix", "letters, digits"),
    ],
)
def test_unknown_and_misplaced_settings(source: object, name: str, hint: str) -> None:
    if isinstance(source, str):
        write(source)
    faults = faults_of(source if isinstance(source, dict) else {}, flags=source if isinstance(source, tuple) else ())
    assert faults.keys() == {name}
    assert hint in faults[name]


def test_the_value_of_an_unknown_setting_is_not_shown_since_it_may_be_a_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"GNOMON_KAFKA__SASL_PASWORD": "hunter2", "GNOMON_KAFKA_SASL_PASSWORD": "hunter2"})
    assert len(caught.value.faults) == 2
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("flags", "name", "says"),
    [
        (["pairing.deduplication_ms=11999"], "pairing.deduplication_ms", "could be paired twice after a restart"),
        (["topics.input_retention_ms=71999"], "topics.input_retention_ms", "a restart finds its log cut off"),
        (["topics.output_retention_ms=59999"], "topics.output_retention_ms", "cannot be rebuilt from its snapshot"),
        (["detect.snapshot_interval_ms=1000", "commit.interval_ms=1001"], "detect.snapshot_interval_ms", "part of a commit"),
        (["limits.record_bytes=4095"], "limits.metadata_bytes", "at most limits.record_bytes"),
        (["kafka.heartbeat_interval_ms=2001"], "kafka.heartbeat_interval_ms", "one lost heartbeat costs"),
        (["kafka.transaction_timeout_ms=1000", "commit.interval_ms=501"], "kafka.transaction_timeout_ms", "still being written"),
        (["watchdog.stall_s=20"], "watchdog.stall_s", "a mere rebalance makes the worker exit"),
        (["kafka.security_protocol=SASL_SSL"], "kafka.sasl_mechanism", "needs a mechanism"),
        (["kafka.sasl_mechanism=PLAIN"], "kafka.sasl_mechanism", "the login is never sent"),
        (["kafka.ssl_certfile=gnomon.toml"], "kafka.security_protocol", "the connection is not encrypted"),
        (["kafka.security_protocol=SSL", "kafka.ssl_keyfile=gnomon.toml"], "kafka.ssl_keyfile", "needs its certificate"),
        (["kafka.security_protocol=SSL", "kafka.ssl_cafile=gone.pem"], "kafka.ssl_cafile", "no such file"),
        (["web.auth.issuer=https://id"], "web.auth.issuer", "a token for somebody else would be taken"),
        (["web.auth.audience=gnomon"], "web.auth.issuer", "needed together"),
        (["web.auth.cafile=gone.pem"], "web.auth.cafile", "no such file"),
        (["web.auth.session_key=short"], "web.auth.session_key", "it has 5 characters; allowed are at least 32"),
        (["web.auth.tokens=ada write short"], "web.auth.tokens", "line 1 is not NAME read|write TOKEN"),
        (["web.auth.tokens=#\nada admin 0123456789abcdef"], "web.auth.tokens", "line 2 is not"),
        (["web.auth.tokens=ada write sha256:0123456789abcdef"], "web.auth.tokens", "line 1 is not"),
        (["web.auth.tokens=a b read 0123456789abcdef"], "web.auth.tokens", "line 1 is not"),
        (["web.auth.tokens=a read 0123456789abcdef\na write 0123456789abcdee"], "web.auth.tokens", "line 2 has the name of"),
        (["web.auth.tokens=# nobody"], "web.auth.tokens", "it has 0 tokens; allowed are 1 to 100"),
        (["web.allowed_hosts=https://gnomon.example"], "web.allowed_hosts", "without a port"),
    ],
)
def test_a_rule_between_settings_says_the_consequence(flags: list[str], name: str, says: str) -> None:
    write("")
    faults = faults_of(flags=tuple(flags))
    assert faults.keys() == {name}
    assert says in faults[name]


@pytest.mark.parametrize(
    "flags",
    [
        ["pairing.deduplication_ms=12000"],
        ["topics.input_retention_ms=72000"],
        ["topics.input_retention_ms=-1", "topics.output_retention_ms=-1"],
        ["watchdog.stall_s=21"],
        ["limits.record_bytes=4096"],
    ],
)
def test_a_rule_that_is_just_kept_is_no_fault(flags: list[str]) -> None:
    load({}, flags=flags)


SASL = ("kafka.security_protocol=SASL_PLAINTEXT",)
OAUTH = (*SASL, "kafka.sasl_mechanism=OAUTHBEARER")
URL = "kafka.sasl_oauth_token_url=https://id/token"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((*SASL, "kafka.sasl_mechanism=PLAIN", "kafka.sasl_username=me"), "both sasl_username and sasl_password"),
        ((*SASL, "kafka.sasl_mechanism=SCRAM-SHA-512", "kafka.sasl_password=x"), "both sasl_username and sasl_password"),
        (OAUTH, "needs either sasl_oauth_token_path, or"),
        ((*OAUTH, URL), "needed together"),
        ((*OAUTH, URL, "kafka.sasl_oauth_token_path=gnomon.toml"), "needs either"),
    ],
)
def test_a_login_needs_its_parts(flags: tuple[str, ...], says: str) -> None:
    write("")
    [fault] = faults_of(flags=flags).values()
    assert says in fault


def test_a_rule_is_silent_where_one_of_its_settings_is_wrong_by_itself() -> None:
    assert faults_of(flags=("pairing.window_ms=x", "pairing.deduplication_ms=1")).keys() == {"pairing.window_ms"}


@dataclasses.dataclass(frozen=True)
class Nested:
    budget: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5


@dataclasses.dataclass(frozen=True)
class Parameters:
    needed: int
    low: int = 1
    high: int = 2
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    kind: Literal["a", "b"] = "a"
    nested: Nested = dataclasses.field(default_factory=Nested)

    def __post_init__(self) -> None:
        if self.low > self.high:
            msg = f"from {self.low} to {self.high} there is nothing"
            raise ValueError(msg)


def bound(**flags: str) -> tuple[object, list[str]]:
    from app.config.sources import from_flags

    report = Report([])
    result = bind(
        Parameters, from_flags([f"{name.replace('__', '.')}={value}" for name, value in flags.items()], []), ("d",), [], report
    )
    return result, [str(fault) for fault in report.faults]


def test_any_dataclass_can_be_a_table() -> None:
    assert bound(needed="7", nested__budget="0.25") == (Parameters(7, nested=Nested(0.25)), [])
    assert bound(needed="7", labels__team="risk") == (Parameters(7, labels={"team": "risk"}), [])


def test_its_own_checks_are_faults_of_the_table() -> None:
    assert bound(needed="1", low="3") == (None, ["d (--set low, --set needed): from 3 to 2 there is nothing"])


def test_the_domain_s_own_checks_are_faults_of_the_settings_they_name() -> None:
    flags = (
        "models.a.drift.warm_up=10",
        "models.a.drift.versions=0",
        "models.a.retrain.kinds=latency",
        "models.a.alerts.for_s=-1",
    )
    faults = faults_of(flags=flags)
    assert faults.keys() == {
        "models.a.drift.warm_up",
        "models.a.drift.versions",
        "models.a.retrain.kinds",
        "models.a.alerts.for_s",
    }
    assert "(--set models.a.drift.warm_up): drift.warm_up is 10: allowed is 1,000 to" in faults["models.a.drift.warm_up"]


def test_a_shadow_is_named_once() -> None:
    faults = faults_of(flags=("models.a.shadows=2.0,1.0,2.0", "models.b.shards=0"))
    assert faults.keys() == {"models.a.shadows", "models.b.shards"}
    assert "'2.0' more than once" in faults["models.a.shadows"]


def test_what_is_required_is_missed_along_with_other_faults() -> None:
    result, faults = bound(kind="c", nested__budget="1")
    assert result is None
    assert faults == [
        "d.needed: has to be given: an integer",
        'd.kind = "c" (--set kind): allowed is one of a, b',
        'd.nested.budget = "1" (--set nested.budget): allowed is a number above 0 and below 1',
    ]
