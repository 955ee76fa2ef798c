"""Every check of the public kit on every built-in plugin; data sets whose files are absent skip."""

import pytest

from bench.checks import suite
from bench.checks.suite import parametrize_with_checks
from bench.plugins.registry import Registry

REGISTRY = Registry()
# Settings of methods that with their own would take minutes on the few digits.
SHORTER = {"confidnet": {"steps": 300}}


@pytest.fixture(autouse=True)
def _shorter(monkeypatch):
    bed = suite._bed
    monkeypatch.setattr(suite, "_bed", lambda plugin, _, root: bed(plugin, SHORTER.get(plugin.name, {}), root))


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
