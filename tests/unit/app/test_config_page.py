"""What people read: the listing, the page of all settings, what a type allows in words."""

import re
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


def test_every_number_has_a_range() -> None:
    numbers = [
        (path, field) for path, field in [*names_of(Config), *names_of(ModelSettings)] if type(field.default) in {int, float}
    ]
    assert len(numbers) > 30
    assert [dotted(path) for path, field in numbers if not re.search(r" (from|of at least) -?\d", field.allowed)] == []


def test_a_range_of_the_domain_is_the_one_that_is_checked(tmp_path: Path) -> None:
    for path, field in names_of(ModelSettings):
        ranges = getattr(field.table, "RANGES", {})
        for allowed_range in [ranges[field.name]] if field.name in ranges else []:
            for number in (allowed_range.least, allowed_range.most):
                assert getattr(field.table(**{field.name: number} | _fitting(field.name, number)), field.name) == number
            for number in (allowed_range.least - 1, allowed_range.most * 2):
                with pytest.raises(ValueError, match=f"{dotted(path)} is .*: allowed is "):
                    field.table(**{field.name: number})


def _fitting(name: str, number: float) -> dict[str, float]:
    """What has to go along with a number at the end of its range."""
    return {"window_events": {"window_events_most": 100_000}, "window_events_most": {"window_events": 1}}.get(name, {})


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
