"""Conformance checks of methods and data sets, one small function per check.

`bench check PATH|NAME` runs them. With pytest, each plugin and check is a test of its own:

    from bench.checks.suite import parametrize_with_checks

    @parametrize_with_checks(["my-idea", "mine/datasets/my_data.py"])
    def test_it_conforms(plugin, check):
        check(plugin)
"""

from bench.checks.suite import Result, checks_for, find_plugin, parametrize_with_checks, run_checks

__all__ = ["Result", "checks_for", "find_plugin", "parametrize_with_checks", "run_checks"]
