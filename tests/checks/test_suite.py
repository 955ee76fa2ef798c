"""The kit finds plugins, tells each check's result, and is a pytest parametrisation."""

import pytest
from harness import PLUGINS, bench, plugin

from bench.checks.method_bed import MethodBed
from bench.checks.suite import checks_for, find_plugin, parametrize_with_checks, run_checks
from bench.errors import PluginError, UsageError
from bench.plugins.registry import Registry

DUMMY = PLUGINS / "methods" / "dummy.py"


def test_a_plugin_is_found_by_file_and_by_name():
    by_file, by_name = find_plugin(DUMMY, Registry()), find_plugin("dummy", Registry([PLUGINS]))
    assert (by_file.kind, by_file.name, by_file.path) == (by_name.kind, by_name.name, by_name.path)
    assert find_plugin("digits", Registry()).kind == "datasets"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("rull", "no method, data set, backbone or score 'rull'. Did you mean 'rul'"),
        ("no/such/methods/file.py", "there is no file"),
        (__file__, "lies in a folder named methods, datasets, backbones or scores"),
    ],
)
def test_what_is_no_plugin_is_a_usage_error(target, said):
    with pytest.raises(UsageError, match=said):
        find_plugin(target, Registry())


def test_a_plugin_is_found_by_its_stem():
    assert find_plugin("mix_output", Registry()) == find_plugin("mix-output", Registry())


@pytest.mark.parametrize("target", ["resnet18", "wrn-16-4", "wrn_16_4", "torchvision:wide_resnet50_2"])
def test_a_backbone_is_found_by_name(target):
    found = find_plugin(target, Registry())
    assert (found.kind, found.name) == ("backbones", target if ":" in target else target.replace("_", "-"))


def test_a_plugins_backbone_is_found_by_file_and_by_name(tmp_path):
    folder = plugin(tmp_path, "my_net", "def my_net(channels): ...\n", "backbones")
    by_name = find_plugin("my_net", Registry([folder]))
    assert by_name == find_plugin(folder / "backbones" / "my_net.py", Registry())
    plugin(tmp_path, "resnet18", "def my_net(channels): ...\n", "backbones")
    with pytest.raises(UsageError, match="resnet18 is the name of a built-in backbone"):
        find_plugin("resnet18", Registry([folder]))


def test_a_method_is_checked_on_another_backbone(tmp_path):
    source = "from torch import nn\n\ndef one(channels):\n    return nn.Conv2d(channels, 2, 3)\n"
    folder = plugin(tmp_path, "one", source, "backbones")
    registry = Registry([PLUGINS, folder])
    bed = MethodBed(find_plugin("dummy", registry), {}, {"backbone": "one"}, registry)
    bed.check_settings()
    assert bed.recipe.backbone == "one"
    with pytest.raises(UsageError, match="no backbone 'on'"):
        next(run_checks(find_plugin("dummy", registry), recipe={"backbone": "on"}))


@pytest.mark.parametrize(
    ("target", "settings", "said"),
    [
        ("rul", {"mix": "many"}, "--set rul.mix=many: "),
        ("rul", {"mixx": 3}, "Did you mean 'mix'"),
        ("folder", {"pathh": "x"}, "Did you mean 'path'"),
        ("resnet18", {"width": 3}, "--set resnet18.…: a backbone has no hyper-parameters"),
    ],
)
def test_an_unfit_setting_is_refused_before_any_check(target, settings, said):
    with pytest.raises(UsageError, match=said):
        next(run_checks(find_plugin(target, Registry()), settings))


def test_an_exception_of_a_plugin_is_a_failed_check(tmp_path):
    plugin(tmp_path, "mine", "from bench.plugins.method import Method\n\n\nclass Mine(Method):\n    pass\n")
    results = {r.check: r for r in run_checks(find_plugin("mine", Registry([tmp_path])))}
    assert results["step shapes"].status == "fail"
    assert "Mine defines no loss" in results["step shapes"].reason
    assert results["declines with a reason"].status == "pass"


def test_after_a_basic_check_has_failed_the_others_are_skipped(tmp_path):
    head = "from bench.plugins.method import Method\n\n\nclass Mine(Method):\n"
    plugin(tmp_path, "mine", f"{head}    def loss(self, batch, progress):\n        1 / 0\n")
    results = {r.check: r for r in run_checks(find_plugin("mine", Registry([tmp_path])))}
    assert results["step shapes"][1:] == ("fail", "ZeroDivisionError: division by zero (mine.py:6)")
    assert results["learns digits"][1:] == ("skip", "fix first: step shapes")
    assert [r.status for r in results.values()].count("fail") == 2  # the direction is not documented either


def test_a_plugin_that_does_not_load_is_one_error(tmp_path):
    plugin(tmp_path, "mine", "import no_such_module")
    with pytest.raises(PluginError, match="does not import"):
        next(run_checks(find_plugin("mine", Registry([tmp_path]))))


def test_the_parametrisation_has_an_id_for_each_plugin_and_check():
    mark = parametrize_with_checks(["dummy", "tiny"], [PLUGINS]).mark
    names, cases = mark.args
    assert names == ("plugin", "check")
    ids = [case.id for case in cases]
    assert "dummy-check_learns_digits" in ids
    assert "tiny-check_augment" in ids
    assert (
        len(set(ids))
        == len(ids)
        == sum(len(checks_for(find_plugin(n, Registry([PLUGINS])))) for n in ("dummy", "tiny"))
    )


def test_the_command_prints_a_line_for_each_check_and_fails_with_one():
    done = bench("check", "dummy", "--plugins", str(PLUGINS))
    assert "pass  learns digits\n" in done.stdout
    assert "fail  direction is documented: say in the class's docstring" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("dummy: ")
    assert done.returncode == 1


def test_a_note_is_shown_and_passes():
    done = bench("check", "scn")
    assert "note  uncertainty ranks errors: AUROC of errors on the digits is" in done.stdout
    assert "(1 with a note), 0 failed" in done.stdout
    assert done.returncode == 0


def test_the_command_passes_a_data_set():
    done = bench("check", "tiny", "--plugins", str(PLUGINS))
    assert done.returncode == 0, done.stdout
    assert "skip  missing files are one line: it needs no file under the data root" in done.stdout


def test_an_unfit_setting_is_one_line():
    done = bench("check", "mix_output", "--set", "mix_output.no=3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no hyper-parameter of mix-output 'no'.")


def test_a_setting_for_another_plugin_is_refused():
    done = bench("check", "dummy", "--plugins", str(PLUGINS), "--set", "rul.mix=3")
    assert done.returncode == 2
    assert done.stderr == "error: --set rul.…: must be of the plugin that is checked, dummy\n"
