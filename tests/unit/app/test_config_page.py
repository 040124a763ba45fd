"""What people read: the listing, the page of all settings, what a type allows in words."""

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from app.config import Config, ModelSettings, load
from app.config.binding import names_of
from app.config.faults import dotted
from app.config.fields import allowed, convert, is_secret
from app.config.listing import markdown, toml

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "gnomon.toml") -> None:
    Path(name).write_text(text, "utf-8")


def test_the_listing_is_a_file_that_gives_the_same_configuration() -> None:
    flags = ['models."a.b".shadows=1.0', "models.default.tolerance=0.5", "topics.prefix=x.", 'kafka.client_id="quoted"']
    loaded = load({}, flags=flags)
    write(toml(loaded))
    assert load({}).config == loaded.config


def test_every_setting_has_a_sentence() -> None:
    assert [dotted(path) for path, field in names_of(Config) if path != ("models",) and not field.description] == []


def test_every_default_is_allowed() -> None:
    for path, field in [*names_of(Config), *names_of(ModelSettings)]:
        if path != ("models",) and not is_secret(field.kind):
            assert convert(field.kind, msgspec.to_builtins(field.default)) == field.default


def test_the_page_has_the_table_of_all_settings() -> None:
    """After a change of the settings: put the output of ``gnomon config --table`` between the two marks of the page."""
    page = PAGE.read_text("utf-8")
    _, _, rest = page.partition("<!-- settings: gnomon config --table -->\n")
    assert rest.partition("<!-- end of settings -->")[0] == markdown()


def test_the_page_s_example_is_a_configuration(tmp_path: Path) -> None:
    _, _, rest = PAGE.read_text("utf-8").partition("```toml\n")
    write(rest.partition("```")[0])
    write("secret", "kafka-password")
    write("", "ca.pem")
    assert load({}).config.model("credit").shadows == ("2.0.0", "2.1.0")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Annotated[int, msgspec.Meta(gt=0)], "an integer above 0"),
        (Annotated[float, msgspec.Meta(le=1)], "a number at most 1"),
        (Annotated[tuple[int, ...], msgspec.Meta(min_length=2)], "a list of at least 2 entries, each an integer"),
        (bool, "true or false"),
        (dict[str, float], "a table of name and a number"),
    ],
)
def test_what_is_allowed_in_words(kind: object, words: str) -> None:
    assert allowed(kind) == words
