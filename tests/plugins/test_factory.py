import json

import pytest
import torch
from harness import DUMMY, PLUGINS, TASK, grid, plugin, run, spec
from pydantic import TypeAdapter

from bench.errors import UsageError
from bench.grid.cell_state import BrokenCell
from bench.plugins.factory import MethodFactory
from bench.plugins.hyperparameters import EXACT
from bench.plugins.registry import Registry
from bench.report.summaries import entry
from bench.spec import RunSpec
from bench.store.store import Store

TWICE = '''
"""Two methods whose logits are averaged."""

import torch
from torch import nn

from bench.plugins.factory import MethodFactory
from bench.plugins.method import Method, Prediction, Step


class Twice(Method):
    def __init__(self, task, make_backbone, *, inner: MethodFactory = MethodFactory("dummy"), share: float = 0.5):
        super().__init__(task, make_backbone)
        self.pair = nn.ModuleList(inner(task, make_backbone) for _ in range(2))
        self.share = share

    def loss(self, batch, progress):
        loss = sum(method.loss(batch, progress).loss for method in self.pair)
        return Step(loss, *self.predict(batch.images)[:2])

    def predict(self, images):
        first, second = (method.predict(images).logits for method in self.pair)
        logits = self.share * first + (1 - self.share) * second
        return Prediction(logits, -logits.amax(dim=1))
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plugin folder with a method that has an inner one, and one without hyper-parameters."""
    place = plugin(tmp_path_factory.mktemp("plugins"), "twice", TWICE)
    return plugin(place, "plain", DUMMY.replace(", *, scale: float = 1.0", "").replace("= scale", "= 2.0"))


@pytest.fixture
def registry(folder):
    return Registry([PLUGINS, folder])


def resolved(registry, **given):
    dotted = {key.replace("__", "."): value for key, value in given.items()}
    return MethodFactory.resolve("twice", dotted, registry)


# ---- hyper-parameters ----------------------------------------------------------------------------


def test_all_values_are_told_those_of_the_method_inside_under_dotted_names(registry):
    assert resolved(registry).values == {"inner": "dummy", "share": 0.5, "inner.scale": 1.0}
    assert resolved(registry, inner="plain").values == {"inner": "plain", "share": 0.5}
    deep = resolved(registry, inner="twice", inner__inner__scale=3, inner__share=0.1)
    assert deep.values == {
        "inner": "twice",
        "share": 0.5,
        "inner.inner": "dummy",
        "inner.share": 0.1,
        "inner.inner.scale": 3.0,
    }


def test_what_differs_from_the_defaults_is_told(registry):
    assert resolved(registry).changed == {}
    assert resolved(registry, inner="dummy", inner__scale=1, share=0.5).changed == {}
    assert resolved(registry, inner__scale=2).changed == {"inner.scale": 2.0}
    assert resolved(registry, inner="plain", share=0.25).changed == {"inner": "plain", "share": 0.25}
    assert resolved(registry, inner="twice", inner__inner="plain").changed == {
        "inner": "twice",
        "inner.inner": "plain",
    }


def test_defaults_of_the_recipe_are_no_change_and_reach_the_method_inside():
    """The recipe's dropout is the default of all methods that have it, and of no others."""

    def found(name, **given):
        return MethodFactory.resolve(name, given, Registry(), of_recipe={"dropout": 0.1})

    assert found("temperature-scaling").values["inner.dropout"] == 0.1
    assert found("temperature-scaling").changed == {}
    assert found("temperature-scaling", **{"inner.dropout": 0.3}).changed == {"inner.dropout": 0.3}
    assert found("rul", dropout=0.4).changed == {"dropout": 0.4}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"inner": "dumy"}, "no method 'dumy'. Did you mean 'dummy'? Available: "),
        ({"inner": 3}, "--set twice.inner=3: input should be a valid string"),
        ({"inner__scael": 3}, "no hyper-parameter of twice.inner 'scael'. Did you mean 'scale'? Available: scale"),
        ({"inner__scale": "big"}, "--set twice.inner.scale=big: input should be a valid number"),
        ({"iner__scale": 3}, "no hyper-parameter of twice 'iner.scale'. Available: inner, share"),
        ({"share__scale": 3}, "no hyper-parameter of twice 'share.scale'."),
        ({"inner": "twice", "inner__inner__scale": "big"}, "--set twice.inner.inner.scale=big: input should be"),
    ],
)
def test_an_unfit_value_is_told_in_one_line(registry, given, said):
    with pytest.raises(UsageError) as raised:
        resolved(registry, **given)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_the_defaults_of_a_plugin_may_set_values_of_the_method_inside(tmp_path):
    source = TWICE.replace('MethodFactory("dummy")', 'MethodFactory("dummy", {"scale": 5.0})')
    registry = Registry([PLUGINS, plugin(tmp_path, "twice", source)])
    assert resolved(registry).values["inner.scale"] == 5.0
    assert resolved(registry, inner__scale=2).values["inner.scale"] == 2.0
    assert resolved(registry, inner="dummy").values["inner.scale"] == 1.0


def test_a_name_is_what_users_write_for_a_method():
    factory = TypeAdapter(MethodFactory, config=EXACT).validate_python("rul")
    assert isinstance(factory, MethodFactory)
    assert (factory.name, factory.hyperparameters) == ("rul", {})


# ---- making --------------------------------------------------------------------------------------


def test_the_method_inside_is_made_with_its_values(registry):
    made = resolved(registry, inner__scale=7, share=0.25)(TASK, lambda: None)
    assert [method.scale for method in made.pair] == [7.0, 7.0]
    assert made.share == 0.25
    weights = [method.linear.weight for method in made.pair]
    assert not torch.equal(*weights)


def test_what_was_written_down_makes_the_same_method(registry):
    factory = resolved(registry, inner="twice", inner__inner__scale=3)
    again = MethodFactory.of("twice", json.loads(json.dumps(factory.values)), registry)
    assert (again.values, again.version) == (factory.values, factory.version)
    torch.manual_seed(3)
    first = factory(TASK, lambda: None).state_dict()
    torch.manual_seed(3)
    second = again(TASK, lambda: None).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert again(TASK, lambda: None).pair[0].pair[1].scale == 3.0


def test_without_a_registry_the_projects_own_methods_are_found(make_method):
    made = make_method("mc-dropout", inner=MethodFactory("rul", {"mix": 3}))
    assert made.inner.mix == 3


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("relabels = True", {"relabels": True}),
        ("needs_held_out = True", {"needs_held_out": True}),
        ('oracle = ("scale",)', {"oracle": ("inner.scale",)}),
    ],
)
def test_what_the_class_inside_says_counts(tmp_path, folder, line, found):
    plain = DUMMY.replace("    relabels = True\n", "")
    plugin(tmp_path, "quiet", plain)
    plugin(tmp_path, "saying", plain.replace("    def __init__", f"    {line}\n\n    def __init__", 1))
    registry = Registry([PLUGINS, folder, tmp_path])
    attributes = ("relabels", "needs_held_out", "oracle")
    quiet, saying = (resolved(registry, inner=name) for name in ("quiet", "saying"))
    silent = {"relabels": False, "needs_held_out": False, "oracle": ()}
    assert {name: getattr(quiet, name) for name in attributes} == silent
    assert {name: getattr(saying, name) for name in attributes} == silent | found
    alone = MethodFactory.resolve("saying", {}, registry)
    assert alone.oracle == (("scale",) if "oracle" in found else ())


def test_a_setting_that_the_class_inside_declines_is_declined(tmp_path, folder):
    no = "    @classmethod\n    def declines(cls, task):\n        return f'not {task.num_classes}'\n\n"
    plugin(tmp_path, "picky", DUMMY.replace("    def __init__", f"{no}    def __init__", 1))
    registry = Registry([PLUGINS, folder, tmp_path])
    assert resolved(registry).declines(TASK) is None
    assert resolved(registry, inner="picky").declines(TASK) == "not 3"


# ---- in the grid ---------------------------------------------------------------------------------


def test_rows_and_identities_tell_what_is_inside(folder):
    settings = {"twice": {"inner": ["dummy", "plain"], "share": [0.5, 0.25]}}
    cells = grid(folder, methods=["twice"], set=settings)
    assert [cell.label for cell in cells] == [
        "twice",
        "twice(share=0.25)",
        "twice(inner=plain)",
        "twice(inner=plain, share=0.25)",
    ]
    (scaled,) = grid(folder, methods=["twice"], set={"twice": {"inner.scale": 2}})
    assert scaled.label == "twice(inner.scale=2.0)"
    assert len({cell.identity for cell in [*cells, scaled]}) == 5
    assert grid(folder, methods=["twice"], set={"twice": {"inner": "dummy", "inner.scale": 1}}) == [cells[0]]


def test_relabelling_is_that_of_the_method_inside(tmp_path, folder):
    plugin(tmp_path, "quiet", DUMMY.replace("    relabels = True\n", ""))
    cells = grid(folder, tmp_path, methods=["twice"], set={"twice": {"inner": ["dummy", "quiet"]}})
    assert [(cell.relabel is not None, cell.label) for cell in cells] == [
        (True, "twice"),
        (False, "twice(inner=quiet)"),
    ]


def test_a_specification_is_read_back_as_it_was_written(folder):
    (cell,) = grid(folder, methods=["twice"], set={"twice": {"inner.scale": 2}})
    read = RunSpec.model_validate_json(cell.model_dump_json())
    assert read == cell
    assert read.identity == cell.identity


def test_identity_changes_with_the_code_of_the_method_inside(tmp_path, folder):
    mine = [plugin(tmp_path / str(k), "mine", DUMMY + k * "CHANGED = 1\n") for k in range(2)]
    first, second = (grid(folder, place, methods=["twice"], set={"twice": {"inner": "mine"}})[0] for place in mine)
    assert first.identity != second.identity
    assert first.method.hyperparameters == second.method.hyperparameters
    assert first.method.version.split("+")[0] == second.method.version.split("+")[0]
    assert "+" not in spec().method.version


def test_a_method_inside_that_does_not_import_breaks_its_own_cells(tmp_path, folder):
    plugin(tmp_path, "bad", "import nothing_like_it")
    cells = grid(folder, tmp_path, methods=["twice"], set={"twice": {"inner": ["bad"]}})
    assert [isinstance(cell, BrokenCell) for cell in cells] == [True]
    assert "nothing_like_it" in cells[0].reason
    assert grid(folder, tmp_path, methods=["twice"])[0].label == "twice"


def test_the_method_inside_trains_with_its_values(tmp_path, folder):
    settings = {"methods": ["twice"], "set": {"twice": {"inner.scale": [1, 0]}}}
    reports = run(tmp_path, folder, **settings)
    assert [each.status for each in reports] == ["done", "done"], reports
    scaled, constant = (Store(tmp_path).read(cell) for cell in grid(folder, **settings))
    assert scaled.metrics.accuracy > constant.metrics.accuracy
    assert entry(constant, "nll") == pytest.approx(1.0986, abs=1e-4)  # ln 3: logits that are all 0
