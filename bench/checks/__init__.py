"""The public conformance kit: what every method and every data set must do, one small function a check.

`bench check PATH|NAME` runs it; the same under pytest, with an id for each plugin and check:

    from bench.checks.suite import parametrize_with_checks

    @parametrize_with_checks(["my-idea", "mine/datasets/my_data.py"])
    def test_it_conforms(plugin, check):
        check(plugin)
"""

from bench.checks.suite import Result, checks_for, find_plugin, parametrize_with_checks, run_checks

__all__ = ["Result", "checks_for", "find_plugin", "parametrize_with_checks", "run_checks"]
