"""The examples in the domain's own texts are true."""

import doctest
import importlib
import pkgutil

import pytest

from app import domain

MODULES = [module.name for module in pkgutil.walk_packages(domain.__path__, "app.domain.")]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) > 10
