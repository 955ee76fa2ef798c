import hashlib
import json

import pytest
from harness import PLUGINS, grid, plugin, spec

from bench.errors import UsageError
from bench.grid.cell_state import BrokenCell
from bench.grid.config_files import load_experiment
from bench.grid.noise_axis import parse_noise
from bench.grid.recipe_resolution import resolve_recipe
from bench.grid.request import Request
from bench.plugins.registry import Registry
from bench.recipe import Relabel, StepDecay
from bench.spec import Noise, RunSpec
from bench.validation import validated

DECAY = {"factor": 0.9, "first_epoch": 3, "every": 2}


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


def test_labels_by_people_are_a_point_without_a_rate():
    assert parse_noise("human:worse", seed=2) == Noise(kind="human", label_set="worse", seed=2)


@pytest.mark.parametrize("text", ["1.5", "-0.1", "abc", "pair:", "pair", "", "nan", "inf", "instance-dependent:x"])
def test_a_rate_outside_zero_to_one_is_refused(text):
    with pytest.raises(UsageError, match="a rate is a number from 0 to 1"):
        parse_noise(text, seed=0)


def test_an_unknown_noise_kind_gets_a_guess():
    with pytest.raises(UsageError, match=r"no noise kind 'pear'\. Did you mean 'pair'"):
        parse_noise("pear:0.1", seed=0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"methods": []}, "--methods: the list, or a place in it, is empty"),
        ({"seeds": [0, 0]}, "--seeds: 0 is given twice"),
        ({"noise": ["0.1", "0.10"]}, "--noise: 10% is given twice"),
        ({"noise": [0, "pair:0"]}, "--noise: 0% is given twice"),
        ({"methods": ["nope"]}, "no method 'nope'"),
        ({"datasets": ["digit"]}, "no data set 'digit'. Did you mean 'digits'?"),
        ({"preset": "quik"}, "no preset 'quik'. Did you mean 'quick'?"),
        ({"epochs": 0}, "--epochs: input should be greater than 0, got 0"),
        ({"epochs": "0"}, "--epochs: input should be greater than 0, got 0"),
        ({"epochs": True}, "--epochs: input should be a valid integer, got True"),
        ({"epochs": "1.5"}, "--epochs: input should be a valid integer, got 1.5"),
        ({"epochs": 1.0}, "--epochs: input should be a valid integer, got 1.0"),
        ({"epochs": "many"}, "--epochs: input should be a valid integer, got 'many'"),
        ({"seeds": [True]}, "--seeds: input should be a valid integer, got True"),
        ({"seeds": "0,,1"}, "--seeds: input should be a valid integer, got ''"),
        ({"methods": "dummy,"}, "--methods: the list, or a place in it, is empty, got 'dummy,'"),
        ({"held_out": True}, "--held-out: input should be a valid number, got True"),
        ({"held_out": "a tenth"}, "--held-out: input should be a valid number, got 'a tenth'"),
        ({"held_out": "nan"}, "--held-out: input should be"),
        ({"relabel": ["on", "maybe"]}, "--relabel: input should be 'on' or 'off', got 'maybe'"),
        ({"relabel": True}, "--relabel: input should be 'on' or 'off', got True"),
        ({"relabel": []}, "--relabel: the list, or a place in it, is empty"),
        ({"relabel": ["off", "off"]}, "--relabel: off is given twice"),
        ({"evaluate": "held-out"}, "--evaluate held-out needs a held-out part"),
        ({"held_out": 1.0}, "--held-out: input should be less than 1"),
        ({"method": ["rul"]}, "no option 'method'. Did you mean 'methods'?"),
        ({"set": {"recipe": {"epoch": 3}}}, "no key of recipe 'epoch'. Did you mean 'epochs'?"),
        ({"set": {"recipe": {"backbone": "resnet"}}}, "no backbone 'resnet'. Did you mean 'resnet50'?"),
        (
            {"set": {"recipe": {"schedule": "one-cycel"}}},
            "schedule: input should be 'one-cycle', 'linear', 'cosine' or 'constant', got 'one-cycel'",
        ),
        (
            {"set": {"recipe": {"schedule": DECAY | {"first_epoch": 0}}}},
            "schedule.first_epoch: input should be gre",
        ),
        ({"set": {"recipe": {"schedule": DECAY | {"factor": 1}}}}, "schedule.factor: input should be less than 1"),
        ({"set": {"recipe": {"schedule": DECAY | {"each": 2}}}}, "schedule.each: extra inputs are not permitted"),
        ({"set": {"recipe": {"schedule": {"factor": 0.9, "first_epoch": 2}}}}, "schedule.every: field required"),
        ({"set": {"recipe": {"pretrained": "nope"}}}, "pretrained: there is no checkpoint nope"),
        ({"set": {"recipe": {"pretrained": "."}}}, "pretrained: there is no checkpoint ."),
        (
            {"set": {"recipe": {"classifier_learning_rate": 0}}},
            "classifier_learning_rate: input should be greater than 0, got 0",
        ),
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


def test_text_is_read_as_the_values_that_it_spells():
    typed = {"methods": "rul, mix_output", "noise": "0,pair:0.3", "seeds": "0,1", "relabel": "on,off"}
    values = {"methods": ["rul", "mix-output"], "noise": [0, "pair:0.3"], "seeds": [0, 1]}
    values["relabel"] = ["on", "off"]
    numbers = {"epochs": 5, "held_out": 0.1, "noise_seed": 3, "relabel_from": 2}
    texts = {name: str(value) for name, value in numbers.items()}
    assert validated(Request, typed | texts, "option") == validated(Request, values | numbers, "option")
    assert validated(Request, {"epochs": "5"}, "option").epochs == 5


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
    assert grid(methods=["baseline"], relabel=["on"])[0].label == "baseline(relabel=on)"
    off = grid(methods=["rul"], relabel=["off"])[0]
    assert (off.relabel, off.label) == (None, "rul(relabel=off)")


def test_relabelling_is_an_axis_with_a_row_for_each_way():
    on, off = grid(relabel=["on", "off"])
    assert (on.label, off.label) == ("dummy", "dummy(relabel=off)")
    assert (on.relabel, off.relabel) == (Relabel(), None)
    assert on.identity != off.identity
    assert on.identity == spec().identity
    assert [cell.label for cell in grid(relabel=["off", "on"])] == ["dummy(relabel=off)", "dummy"]
    assert [c.label for c in grid(methods=["baseline"], relabel=["on", "off"])] == [
        "baseline(relabel=on)",
        "baseline",
    ]


def test_relabel_settings_vary_only_the_rows_that_relabel():
    cells = grid(relabel=["on", "off"], set={"relabel": {"margin": [0.2, 0.4]}, "dummy": {"scale": [1.0, 2.0]}})
    assert [cell.label for cell in cells] == [
        "dummy",
        "dummy(relabel.margin=0.4)",
        "dummy(relabel=off)",
        "dummy(scale=2.0)",
        "dummy(scale=2.0, relabel.margin=0.4)",
        "dummy(scale=2.0, relabel=off)",
    ]
    assert len({cell.identity for cell in cells}) == 6


def test_relabel_settings_reach_the_run_and_its_label():
    cell = spec(set={"relabel": {"fraction": 0.3}})
    assert cell.relabel.fraction == 0.3
    assert cell.label == "dummy(relabel.fraction=0.3)"


def test_identity_changes_with_everything_that_determines_the_outcome():
    variants = [{}, {"seeds": [1]}, {"noise": [0.2]}, {"noise_seed": 7}, {"epochs": 5}, {"relabel": ["off"]}]
    variants += [{"held_out": 0.1}, {"precision": "bfloat16"}, {"set": {"dummy": {"scale": 2.0}}}]
    recipes = [{"classifier_learning_rate": 0.1}, {"nesterov": False}, {"schedule": DECAY}]
    recipes += [
        {"schedule": DECAY | {key: value}} for key, value in (("factor", 0.8), ("first_epoch", 2), ("every", 4))
    ]
    variants += [{"set": {"recipe": recipe}} for recipe in recipes]
    assert len({spec(**variant).identity for variant in variants}) == len(variants)


def test_identity_is_the_same_for_the_same_request():
    assert spec().identity == spec().identity


UNHASHED = {"label": True, "oracle": True, "recipe_name": True, "dataset": {"location"}, "method": {"location"}}


def test_a_key_that_is_none_does_not_enter_the_identity():
    cell = spec()
    optional = [key for key, value in cell.recipe if value is None]
    assert {"classifier_learning_rate", "cutout", "pretrained", "train_limit", "lookahead"} < set(optional)
    content = cell.model_dump(mode="json", exclude=UNHASHED)
    for key in optional:
        del content["recipe"][key]
    assert [content["noise"].pop(key) for key in ("label_set", "confusions", "file")] == [None] * 3
    assert content.pop("backbone_version") is None
    assert [content[plugin].pop("content") for plugin in ("method", "dataset")] == [None] * 2
    assert cell.identity == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def test_the_identity_of_a_run_without_relabelling_leaves_the_key_out():
    cell = spec(relabel=["off"])
    content = cell.model_dump(mode="json", exclude=UNHASHED | {"relabel": True}, exclude_none=True)
    assert cell.identity == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def test_a_specification_is_read_back_as_it_was_written(tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    cell = spec(set={"recipe": {"schedule": DECAY, "pretrained": str(weights)}})
    weights.unlink()
    read = RunSpec.model_validate_json(cell.model_dump_json())
    assert read == cell
    assert read.identity == cell.identity


def test_identity_changes_with_the_code_of_a_plugin_in_flux_not_with_its_words(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text()
    identities = [
        grid(plugin(tmp_path, "dummy", source + added))[0].identity for added in ("", "# words\n", "CHANGED = 1\n")
    ]
    assert identities[0] == identities[1] != identities[2]


def test_identity_changes_with_a_declared_version_not_with_the_code(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text()
    declared = source.replace("    relabels = True", "    version = {}\n    relabels = True")
    first, edited, raised = (
        grid(plugin(tmp_path, "dummy", text))[0].identity
        for text in (declared.format(1), declared.format(1) + "CHANGED = 1\n", declared.format(2))
    )
    assert first == edited != raised


def test_identity_changes_with_the_protocol(monkeypatch):
    before = spec()
    monkeypatch.setattr("bench.grid.cells.PROTOCOL", before.protocol + 1)
    assert spec().identity != before.identity
    assert spec().protocol == before.protocol + 1


def test_label_and_oracle_are_no_part_of_identity():
    cell = spec()
    assert cell.model_copy(update={"label": "other", "oracle": True}).identity == cell.identity


def test_the_folder_can_be_read_by_eye():
    cell = spec(noise=["pair:0.25"], seeds=[4])
    assert cell.folder.as_posix() == f"tiny/dummy/pair-0.25/seed4-{cell.identity[:8]}"


def test_a_point_of_the_noise_axis_needs_a_rate_or_a_label_set():
    with pytest.raises(UsageError, match="it has neither a rate nor a label set"):
        validated(Noise, {"kind": "pair", "seed": 0}, "key of noise")


@pytest.mark.parametrize(
    ("noise", "label", "slug"),
    [
        (Noise(kind="symmetric", rate=0, seed=0), "0%", "symmetric-0"),
        (Noise(kind="symmetric", rate=0.125, seed=0), "12.5%", "symmetric-0.125"),
        (Noise(kind="asymmetric", rate=0.4, seed=0, confusions=((0, 1),)), "asymmetric 40%", "asymmetric-0.4"),
        (Noise(kind="human", label_set="worse", seed=0), "human:worse", "human-worse"),
        (Noise(kind="human", label_set="worse", rate=0.40208, seed=0), "human:worse 40.2%", "human-worse"),
        (Noise(kind="human", label_set="aggre", rate=0.0901, seed=0), "human:aggre 9.01%", "human-aggre"),
    ],
)
def test_a_point_of_the_noise_axis_has_a_label_and_a_slug(noise, label, slug):
    assert (noise.label, noise.slug) == (label, slug)


def test_a_broken_plugin_breaks_its_own_cells_only(tmp_path):
    cells = grid(plugin(tmp_path, "bad", "import nothing_like_it"), methods=["bad", "dummy"], noise=[0, 0.1])
    assert [isinstance(cell, BrokenCell) for cell in cells] == [True, False, True, False]
    assert "nothing_like_it" in cells[0].reason


def test_mnist_has_the_papers_epochs_and_relabel_start():
    assert (recipe("mnist").epochs, recipe("mnist").relabel_from) == (35, 10)
    assert (recipe("cifar10").epochs, recipe("cifar10").relabel_from) == (250, 100)


def test_fer2013_has_the_papers_recipe():
    ours = recipe("fer2013")
    assert (ours.epochs, ours.batch_size, ours.optimizer, ours.learning_rate) == (250, 128, "sgd", 0.01)
    assert (ours.momentum, ours.nesterov, ours.weight_decay) == (0.9, False, 5e-4)
    assert ours.schedule == StepDecay(factor=0.9, first_epoch=85, every=5)
    assert (ours.backbone, ours.pretrained, ours.classifier_learning_rate) == ("resnet18", None, None)


def test_rafdb_has_the_published_codes_recipe():
    ours = recipe("rafdb")
    assert (ours.epochs, ours.batch_size, ours.optimizer) == (60, 64, "adam")
    assert (ours.learning_rate, ours.classifier_learning_rate, ours.weight_decay) == (2e-4, 2e-3, 1e-4)
    assert ours.schedule == StepDecay(factor=0.9, first_epoch=2, every=1)
    assert (ours.backbone, ours.pretrained) == ("resnet18-imagenet", None)


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


def test_a_plugin_may_be_named_by_its_file():
    request = Request(methods=["mix_output"], datasets=["my_data"], set={"mix_output": {"mix": 3}})
    assert (request.methods, request.datasets) == (["mix-output"], ["my-data"])
    assert request.set == {"mix-output": {"mix": 3}}
    with pytest.raises(UsageError, match="given twice"):
        validated(Request, {"methods": ["mix_output", "mix-output"]}, "option")
    with pytest.raises(UsageError, match="with _ and with -"):
        validated(Request, {"set": {"mix_output": {}, "mix-output": {}}}, "option")


def test_a_stored_run_may_have_a_backbone_that_is_no_longer_there():
    content = spec().model_dump(mode="json")
    content["recipe"]["backbone"] = "of-last-year"
    assert RunSpec.model_validate(content).recipe.backbone == "of-last-year"


@pytest.mark.parametrize(
    ("given", "seeds"),
    [
        ("0-4", [0, 1, 2, 3, 4]),
        ("7-7", [7]),
        ("0-2,5,8-9", [0, 1, 2, 5, 8, 9]),
        (" 3 - 5 , 1", [3, 4, 5, 1]),
        (["0-2", 4], [0, 1, 2, 4]),
        ("10000000000-10000000001", [10**10, 10**10 + 1]),
        ([0, 1], [0, 1]),
    ],
)
def test_a_range_of_seeds_is_each_of_them(given, seeds):
    assert validated(Request, {"seeds": given}, "option").seeds == seeds


@pytest.mark.parametrize(
    "given", ["4-0", "0-10000", "0-4-8", "-3", "0--4", "0-1e3", "a-b", "0-9,5", "0–4", "1.0-2"]
)
def test_what_is_no_range_is_refused(given):
    with pytest.raises(UsageError, match="^--seeds: "):
        validated(Request, {"seeds": given}, "option")


@pytest.mark.parametrize("limit", [1, 0, -1, "1", 1.5])
def test_training_on_a_single_image_is_refused(limit):
    with pytest.raises(UsageError, match="train_limit: input should be"):
        grid(set={"recipe": {"train_limit": limit}})
    assert grid(set={"recipe": {"train_limit": 2}})
