"""A secret comes from anywhere and is shown nowhere."""

from pathlib import Path

import pytest

from app.config import ConfigError, Secret, load
from app.config.listing import effective, toml

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


LOGIN = ("kafka.security_protocol=SASL_SSL", "kafka.sasl_mechanism=PLAIN", "kafka.sasl_username=me")


@pytest.mark.parametrize("by", ["env", "file", "env file", "toml file"])
def test_a_secret_comes_from_anywhere_and_is_shown_nowhere(by: str) -> None:
    write("hunter2\n", "password")
    environ = {"env": {"GNOMON_KAFKA__SASL_PASSWORD": "hunter2"}, "env file": {"GNOMON_KAFKA__SASL_PASSWORD_FILE": "password"}}
    write({"file": "kafka.sasl_password = 'hunter2'", "toml file": "kafka.sasl_password_file = 'password'"}.get(by, ""))
    loaded = load(environ.get(by, {}), flags=LOGIN)
    assert loaded.config.kafka.sasl_password == Secret("hunter2")
    assert (loaded.config.kafka.sasl_password or Secret("")).reveal() == "hunter2"
    for text in (
        repr(loaded),
        str(loaded.config),
        f"{loaded.config.kafka.sasl_password}",
        toml(loaded),
        repr(list(effective(loaded))),
    ):
        assert "hunter2" not in text
        assert "***" in text
    assert ("password" in loaded.origins["kafka.sasl_password"]) == (by.endswith(" file"))


def test_a_later_source_s_secret_file_overrides_an_earlier_source_s_secret() -> None:
    write("new", "password")
    write("kafka.sasl_password = 'old'")
    password = load({"GNOMON_KAFKA__SASL_PASSWORD_FILE": "password"}, flags=LOGIN).config.kafka.sasl_password
    assert password == Secret("new")


def test_tokens_come_from_a_file_and_are_kept_as_digests() -> None:
    write("# who\nada write 0123456789abcdef\n\nbob read sha256:" + "0f" * 32 + "\n", "tokens")
    loaded = load({"GNOMON_WEB__AUTH__TOKENS_FILE": "tokens"})
    ada, bob = loaded.config.web.auth.named_tokens()
    assert (ada.name, ada.may_write, ada.digest.hex()[:8]) == ("ada", True, "9f9f5111")
    assert (bob.name, bob.may_write, bob.digest.hex()) == ("bob", False, "0f" * 32)
    for text in (repr(loaded), toml(loaded), repr(list(effective(loaded)))):
        assert "0123456789abcdef" not in text


def test_a_token_that_is_wrong_is_not_shown() -> None:
    [fault] = faults_of({"GNOMON_WEB__AUTH__TOKENS": "ada hunter2hunter2hunter2"}).values()
    assert "hunter2" not in fault
    assert "ada" not in fault


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"GNOMON_KAFKA__SASL_PASSWORD_FILE": "gone"}, "No such file"),
        ({"GNOMON_KAFKA__SASL_PASSWORD_FILE": "empty"}, "it has 0 bytes"),
        ({"GNOMON_KAFKA__SASL_PASSWORD_FILE": "binary"}, "not UTF-8"),
        ({"GNOMON_KAFKA__SASL_PASSWORD_FILE": "huge"}, "65537 bytes; allowed is the name of a file of at most 65536"),
        ({"GNOMON_KAFKA__SASL_PASSWORD_FILE": "empty", "GNOMON_KAFKA__SASL_PASSWORD": "x"}, "both given"),
    ],
)
def test_a_secret_file_that_is_no_secret(environ: dict[str, str], says: str) -> None:
    write("", "empty")
    Path("binary").write_bytes(b"\xff")
    write("x" * 65_537, "huge")
    [fault] = faults_of(environ).values()
    assert says in fault


@pytest.mark.parametrize(
    ("url", "clean", "password"),
    [
        ("redis://:p%40ss@host:1/0", "redis://host:1/0", "p@ss"),
        ("rediss://user:pw@host/2", "rediss://user@host/2", "pw"),
        ("redis://user@host/2", "redis://user@host/2", None),
    ],
)
def test_the_password_in_a_redis_url_is_moved_where_it_is_masked(url: str, clean: str, password: str | None) -> None:
    redis = load({"GNOMON_REDIS__URL": url}).config.redis
    assert redis.url == clean
    assert (redis.password and redis.password.reveal()) == password


@pytest.mark.parametrize("url", ["redis://:hunter2@host", "redis://host?password=hunter2"])
def test_a_redis_password_is_given_once(url: str) -> None:
    [fault] = faults_of({"GNOMON_REDIS__URL": url, "GNOMON_REDIS__PASSWORD": "hunter3"}).values()
    assert "redis.url" in fault
    assert "hunter" not in fault


def test_a_wrong_url_is_shown_without_its_password() -> None:
    [fault] = faults_of({"GNOMON_REDIS__URL": "http://me:hunter2@host/0"}).values()
    assert "http://me@host/0" in fault
    assert "hunter2" not in fault
