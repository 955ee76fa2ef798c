"""Every check of the public kit on every built-in plugin; data sets whose files are absent skip."""

import pytest

from bench.checks.suite import parametrize_with_checks
from bench.plugins.registry import Registry

REGISTRY = Registry()


def each(kind):
    """Every check of every plugin; one worker has all of a plugin, and trains it once."""
    names, cases = parametrize_with_checks(REGISTRY.all(kind)).mark.args
    return pytest.mark.parametrize(names, [grouped(*case.values, id=case.id) for case in cases])


def grouped(plugin, check, id):
    return pytest.param(plugin, check, id=id, marks=pytest.mark.xdist_group(f"checks of {plugin.name}"))


@each("methods")
def test_every_method_conforms(plugin, check):
    check(plugin)


@each("datasets")
def test_every_data_set_conforms(plugin, check):
    check(plugin)
