"""What is public is said in ``__all__``, in order, and nothing else is."""

import importlib
import inspect
import pkgutil
import types

import pytest
from msgspec import Struct

import schemas
from schemas.catalogue import MESSAGES

MODULES = sorted(module.name for module in pkgutil.iter_modules(schemas.__path__))
#: Types that describe headers in the published documents; no message is one of them.
INNER = {"DeadLetterHeaders"}


def in_order(names: list[str]) -> list[str]:
    """Constants, then classes, then functions, each by name."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_names_what_is_public_in_order(name: str) -> None:
    module = importlib.import_module(f"schemas.{name}")
    assert module.__all__ == in_order(module.__all__)
    assert all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_a_function_or_class_without_underscore_is_public(name: str) -> None:
    module = importlib.import_module(f"schemas.{name}")
    own = [found for found in vars(module).values() if getattr(found, "__module__", None) == module.__name__]
    kinds = (types.FunctionType, type)
    public = {found.__name__ for found in own if isinstance(found, kinds) and not found.__name__.startswith("_")}
    assert public <= set(module.__all__)


def test_the_package_names_its_messages_in_order() -> None:
    assert schemas.__all__ == sorted(schemas.__all__)
    assert all(inspect.isclass(getattr(schemas, name)) for name in schemas.__all__)


def test_no_public_name_of_the_package_hides_a_module_of_it() -> None:
    assert not set(schemas.__all__) & set(MODULES)


def test_the_package_has_every_message_of_the_catalogue() -> None:
    assert {message.type.__name__ for message in MESSAGES} - INNER <= set(schemas.__all__)


@pytest.mark.parametrize("name", schemas.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    public = getattr(schemas, name)
    assert inspect.getdoc(public)
    assert public.__doc__ != Struct.__doc__
