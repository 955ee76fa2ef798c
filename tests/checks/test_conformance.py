"""Every check of the public kit on every built-in plugin; data sets whose files are absent skip."""

from bench.checks.suite import parametrize_with_checks
from bench.plugins.registry import Registry

REGISTRY = Registry()
METHODS, DATA_SETS = (list(REGISTRY.all(kind)) for kind in ("methods", "datasets"))


@parametrize_with_checks(METHODS)
def test_every_method_conforms(plugin, check):
    check(plugin)


@parametrize_with_checks(DATA_SETS)
def test_every_data_set_conforms(plugin, check):
    check(plugin)
