import pytest
from harness import PLUGINS, grid, plugin, spec

from bench.errors import UsageError
from bench.grid import BrokenCell
from bench.registry import Registry
from bench.request import Request, load_experiment, parse_noise, resolve_recipe
from bench.spec import Noise, validated


def recipe(dataset: str = "mnist", **content: object):
    request = validated(Request, content, "option")
    return resolve_recipe(request, Registry([PLUGINS]).find("datasets", dataset))


def test_a_plain_number_means_symmetric_noise():
    assert parse_noise("0.3", seed=5) == Noise(kind="symmetric", rate=0.3, seed=5)


def test_a_kind_stands_before_the_rate():
    assert parse_noise("symmetric-bernoulli:0.25", seed=0).kind == "symmetric-bernoulli"


def test_any_kind_at_rate_zero_is_the_same_point():
    assert parse_noise("pair:0", seed=1) == parse_noise("0", seed=1)
    assert str(parse_noise("-0", seed=1).rate) == "0.0"


@pytest.mark.parametrize("text", ["1.5", "-0.1", "abc", "pair:", "", "nan", "inf"])
def test_a_rate_outside_zero_to_one_is_refused(text):
    with pytest.raises(UsageError, match="a rate is a number from 0 to 1"):
        parse_noise(text, seed=0)


def test_an_unknown_noise_kind_gets_a_guess():
    with pytest.raises(UsageError, match=r"no noise kind 'pear'\. Did you mean 'pair'"):
        parse_noise("pear:0.1", seed=0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"methods": []}, "methods: the list, or a place in it, is empty"),
        ({"seeds": [0, 0]}, "seeds: 0 is given twice"),
        ({"noise": ["0.1", "0.10"]}, "--noise: 10% is given twice"),
        ({"noise": [0, "pair:0"]}, "--noise: 0% is given twice"),
        ({"methods": ["nope"]}, "no method 'nope'"),
        ({"datasets": ["digit"]}, "no data set 'digit'. Did you mean 'digits'?"),
        ({"preset": "quik"}, "no preset 'quik'. Did you mean 'quick'?"),
        ({"epochs": 0}, "epochs: input should be greater than 0, got 0"),
        ({"relabel": "maybe"}, "relabel: input should be 'on' or 'off', got 'maybe'"),
        ({"evaluate": "held-out"}, "--evaluate held-out needs a held-out part"),
        ({"held_out": 1.0}, "held-out: input should be less than 1"),
        ({"method": ["rul"]}, "no option 'method'. Did you mean 'methods'?"),
        ({"set": {"recipe": {"epoch": 3}}}, "no key of recipe 'epoch'. Did you mean 'epochs'?"),
        ({"set": {"recipe": {"backbone": "resnet"}}}, "backbone: no backbone 'resnet'. Did you mean 'resnet18'?"),
        ({"set": {"relabel": {"fraction": 2}}}, "fraction: input should be less than or equal to 1, got 2"),
        ({"set": {"dummy": {"scale": []}}}, "--set ….scale=[]: the list is empty"),
        ({"set": {"rul": {"mix": 3}}}, "--set rul.…: rul is not in this run"),
        ({"set": {"dumy": {"scale": 3}}}, "no method, data set or section to --set 'dumy'. Did you mean 'dummy'?"),
        ({"set": {"dummy": {"scale": "banana"}}}, "--set dummy.scale=banana: input should be a valid number"),
    ],
)
def test_a_request_that_cannot_run_is_refused_in_one_line(content, said):
    with pytest.raises(UsageError) as raised:
        grid(**content)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_the_grid_is_the_product_with_the_first_seed_of_everything_first():
    cells = grid(noise=[0, 0.1], seeds=[0, 1], methods=["dummy", "baseline"])
    assert [(c.seed, c.noise.rate, c.method.name) for c in cells] == [
        (seed, rate, name) for seed in (0, 1) for rate in (0, 0.1) for name in ("dummy", "baseline")
    ]


def test_the_noise_seed_is_the_runs_unless_given():
    assert [c.noise.seed for c in grid(seeds=[3, 4])] == [3, 4]
    assert [c.noise.seed for c in grid(seeds=[3, 4], noise_seed=9)] == [9, 9]


def test_a_list_is_an_axis_with_a_row_label_for_each_value():
    labels = [c.label for c in grid(methods=["rul"], set={"rul": {"mix": [2, 3, "C(3,2)"]}})]
    assert labels == ["rul", "rul(mix=3)", "rul(mix=C(3,2))"]


def test_relabelling_is_each_methods_default_unless_overridden():
    assert [c.relabel is not None for c in grid(methods=["baseline", "dul", "scn", "rul"])] == [0, 0, 1, 1]
    assert grid(methods=["baseline"], relabel="on")[0].label == "baseline(relabel=on)"
    off = grid(methods=["rul"], relabel="off")[0]
    assert (off.relabel, off.label) == (None, "rul(relabel=off)")


def test_relabel_settings_reach_the_run_and_its_label():
    cell = spec(set={"relabel": {"fraction": 0.3}})
    assert cell.relabel.fraction == 0.3
    assert cell.label == "dummy(relabel.fraction=0.3)"


def test_identity_changes_with_everything_that_determines_the_outcome():
    variants = [{}, {"seeds": [1]}, {"noise": [0.2]}, {"noise_seed": 7}, {"epochs": 5}, {"relabel": "off"}]
    variants += [{"held_out": 0.1}, {"precision": "bfloat16"}, {"set": {"dummy": {"scale": 2.0}}}]
    assert len({spec(**variant).identity for variant in variants}) == len(variants)


def test_identity_is_the_same_for_the_same_request():
    assert spec().identity == spec().identity


def test_identity_changes_with_the_plugins_source(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text()
    before = grid(plugin(tmp_path, "dummy", source))[0].identity
    after = grid(plugin(tmp_path, "dummy", source + "\n"))[0].identity
    assert before != after


def test_the_folder_can_be_read_by_eye():
    cell = spec(noise=["pair:0.25"], seeds=[4])
    assert cell.folder.as_posix() == f"tiny/dummy/pair-0.25/seed4-{cell.identity[:8]}"


def test_a_broken_plugin_breaks_its_own_cells_only(tmp_path):
    cells = grid(plugin(tmp_path, "bad", "import nothing_like_it"), methods=["bad", "dummy"], noise=[0, 0.1])
    assert [isinstance(cell, BrokenCell) for cell in cells] == [True, False, True, False]
    assert "nothing_like_it" in cells[0].reason


def test_mnist_has_the_papers_epochs_and_relabel_start():
    assert (recipe("mnist").epochs, recipe("mnist").relabel_from) == (35, 10)
    assert (recipe("cifar10").epochs, recipe("cifar10").relabel_from) == (250, 100)


def test_the_relabel_start_moves_with_the_epochs_unless_given():
    assert recipe("mnist", epochs=7).relabel_from == 2
    assert recipe("cifar10", epochs=25).relabel_from == 10
    assert recipe("mnist", epochs=6, relabel_from=3).relabel_from == 3


def test_flags_go_before_settings_before_the_preset_before_the_data_sets_recipe():
    settings = {"recipe": {"epochs": 11, "learning_rate": 0.5}}
    assert recipe("mnist", preset="quick").epochs == 3
    assert recipe("mnist", preset="quick", set=settings).epochs == 11
    assert recipe("mnist", preset="quick", set=settings, epochs=2).epochs == 2
    assert recipe("mnist", preset="quick", set=settings).learning_rate == 0.5


def test_an_experiment_is_read_from_its_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('methods = ["rul"]\n[set.rul]\nmix = [2, 3]\n')
    assert load_experiment(str(path)) == {"methods": ["rul"], "set": {"rul": {"mix": [2, 3]}}}


def test_an_experiment_that_is_absent_or_no_toml_is_named(tmp_path):
    with pytest.raises(UsageError, match="there is no such file"):
        load_experiment(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="no experiment 'none'"):
        load_experiment("none")
    path = tmp_path / "bad.toml"
    path.write_text("methods = [")
    with pytest.raises(UsageError, match=r"bad\.toml is not TOML"):
        load_experiment(str(path))
