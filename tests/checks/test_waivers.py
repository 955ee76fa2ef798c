"""A plugin's waived checks: shown with their reasons, refused if wrong, told if needless."""

import pytest
from harness import PLUGINS, bench, plugin

from bench.checks import suite
from bench.checks.suite import find_plugin, run_checks
from bench.errors import PluginError
from bench.plugins.registry import Registry

DUMMY = (PLUGINS / "methods" / "dummy.py").read_text().replace("logits.", "logits (it is uncertain).", 1)
UNFIT = DUMMY.replace("images.flatten(1)", "(images - images.mean(dim=0)).flatten(1)")
REASON = "it standardises each batch"


def waiving(folder, waivers, source=DUMMY):
    head = "    relabels = True\n"
    assert head in source
    return plugin(folder, "mine", source.replace(head, f"{head}    waived_checks = {waivers!r}\n"))


def results(folder, name="mine"):
    return {each.check: each[1:] for each in run_checks(find_plugin(name, Registry([folder])))}


def test_a_waived_check_that_fails_is_shown_with_its_reason_and_the_command_passes(tmp_path):
    waivers = {"batch of one": REASON, "check_batch_order": REASON}
    folder = waiving(tmp_path, waivers, UNFIT)
    done = bench("check", "mine", "--plugins", str(folder))
    lines = done.stdout.splitlines()
    assert f"waived  batch of one: {REASON}" in lines
    assert lines[-1].endswith("0 failed, 1 skipped, 1 waived")
    assert done.returncode == 0
    needless = f"waived ({REASON}), but the plugin passes it: take it out of waived_checks"
    assert f"note  batch order: {needless}" in lines


@pytest.mark.parametrize(
    ("waivers", "said"),
    [
        ({"batch of on": "no"}, "no check 'batch of on'. Did you mean 'batch of one'"),
        ({"batch of one": " "}, r"waived_checks\['batch of one'\] is ' ', must be a reason, one line"),
        ({"batch of one": None}, "is None, must be a reason"),
        ({"batch of one": "two\nlines"}, "must be a reason, one line"),
        ({"true labels do not matter": "mine do"}, "nobody may waive the check 'true labels do not matter'"),
        ({"is built": "later"}, "nobody may waive the check 'is built'"),
        (["batch of one"], "must be a dict of reasons by check"),
    ],
)
def test_a_waiver_that_says_nothing_is_refused_before_any_check(tmp_path, waivers, said):
    with pytest.raises(PluginError, match=said) as raised:
        results(waiving(tmp_path, waivers))
    assert "mine.py" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_data_set_and_a_backbone_may_waive_too(tmp_path):
    tiny = (PLUGINS / "datasets" / "tiny.py").read_text()
    waived = tiny.replace("(Source):\n", "(Source):\n    waived_checks = {'augment': 'as it is'}\n")
    assert waived != tiny
    plugin(tmp_path, "small", waived, "datasets")
    (tmp_path / "datasets" / "small.toml").write_text((PLUGINS / "datasets" / "tiny.toml").read_text())
    assert results(tmp_path, "small")["augment"][0] == "note"
    net = "from torch import nn\n\nwaived_checks = {'no such': 'x'}\n\n\ndef net(channels):\n"
    plugin(tmp_path, "net", f"{net}    return nn.Conv2d(channels, 2, 3)\n", "backbones")
    with pytest.raises(PluginError, match="no check 'no such'"):
        results(tmp_path, "net")


def test_under_pytest_a_waived_check_is_expected_to_fail_and_warns_if_it_does_not(tmp_path):
    folder = waiving(tmp_path, {"batch of one": REASON, "batch order": REASON}, UNFIT)
    found = find_plugin("mine", Registry([folder]))
    checks = {check.__name__: suite._under_pytest(check) for check in suite.checks_for(found)}
    with pytest.raises(pytest.xfail.Exception, match=REASON):
        checks["check_batch_of_one"](found)
    with pytest.warns(UserWarning, match="mine: batch order: waived .* but the plugin passes it"):
        checks["check_batch_order"](found)
