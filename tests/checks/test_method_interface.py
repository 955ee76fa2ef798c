"""Each check of methods catches a method that breaks what it checks, and says what to do."""

from contextlib import suppress

import pytest
import torch
from harness import plugin

from bench.checks import method_behaviour, method_interface
from bench.checks.method_bed import MethodBed
from bench.checks.outcomes import CheckFailed, CheckNoted, CheckSkipped
from bench.checks.suite import CHECKS as ALL_CHECKS
from bench.errors import PluginError
from bench.plugins.registry import Registry

CHECKS = ALL_CHECKS["methods"]
SOUND = '''
"""A linear classifier; u = 1 − max softmax."""

import inspect
import itertools

import torch
from torch import nn
from torch.nn import functional as F

from bench.plugins.method import Method, Prediction, Step

COUNT = itertools.count()


class Mine(Method):
    def __init__(self, task, make_backbone, *, scale: float = 1.0):
        super().__init__(task, make_backbone)
        self.linear = nn.Linear(64, task.num_classes)
        self.scale = scale

    def score(self, logits):
        return 1 - logits.softmax(dim=1).amax(dim=1)

    def loss(self, batch, progress):
        logits = self.scale * self.linear(batch.images.flatten(1))
        return Step(F.cross_entropy(logits, batch.labels), logits, self.score(logits))

    def predict(self, images):
        logits = self.scale * self.linear(images.flatten(1))
        return Prediction(logits, self.score(logits))
'''

LOSS = "F.cross_entropy(logits, batch.labels)"
PREDICTED = "return Prediction(logits, self.score(logits))"
PREDICT = "    def predict(self, images):\n"
INIT = "        self.scale = scale\n"
PEEK = """
        frame = inspect.currentframe()
        while "self" not in frame.f_locals or not hasattr(frame.f_locals["self"], "data"):
            frame = frame.f_back
        true = frame.f_locals["self"].data.labels.true[batch.index]
"""
LOSS_HEAD = "    def loss(self, batch, progress):\n"

# check, the text that is replaced, by what, and what is said
BROKEN = [
    ("direction_is_documented", "; u = 1 − max softmax", "", "say in the class's docstring what"),
    ("hyper_parameters_are_keywords", "*, scale: float", "scale: float", r"write `\*, scale` in the constructor"),
    ("hyper_parameters_are_validated", "scale: float = 1.0", "scale=1.0", "annotate scale"),
    ("is_built", "scale: float = 1.0", "scale: float", "give scale a default, or pass --set mine.scale=VALUE"),
    (
        "is_built",
        "super().__init__(task, make_backbone)",
        "pass",
        r"call super\(\).__init__\(task, make_backbone\) first",
    ),
    (
        "unknown_hyper_parameters_are_refused",
        "scale: float = 1.0",
        "scale: float = 1.0, **rest",
        "takes any keyword",
    ),
    (
        "oracles_are_hyper_parameters",
        "class Mine(Method):\n",
        "class Mine(Method):\n    oracle = ('rate',)\n",
        "oracle names rate",
    ),
    (
        "declines_with_a_reason",
        PREDICT,
        "    @classmethod\n    def declines(cls, task):\n        return ''\n\n" + PREDICT,
        "return None, or why",
    ),
    (
        "step_shapes",
        f"Step({LOSS},",
        "Step(F.cross_entropy(logits, batch.labels, reduction='none'),",
        r"loss of shape \(20,\)",
    ),
    (
        "step_shapes",
        f"return Step({LOSS}, logits, self.score(logits))",
        f"return {LOSS}",
        "return a bench.api.Step",
    ),
    (
        "prediction_shapes",
        PREDICTED,
        "return Prediction(logits, self.score(logits).unsqueeze(1))",
        r"uncertainty of shape \(20, 1\)",
    ),
    (
        "prediction_shapes",
        PREDICTED,
        "return logits, self.score(logits)",
        "return a bench.api.Prediction",
    ),
    ("loss_is_finite", f"Step({LOSS}", f"Step({LOSS} / 0", "look for log 0"),
    ("loss_is_finite", f"Step({LOSS}", f"Step({LOSS}.detach()", "do not detach"),
    (
        "step_shapes",
        f"Step({LOSS},",
        f"Step({LOSS}.item(),",
        r"loss returned loss as a float: make it a tensor \(\)",
    ),
    (
        "prediction_shapes",
        PREDICTED,
        "return Prediction(logits, self.score(logits).tolist())",
        "uncertainty as a list: make it a tensor",
    ),
    (
        "loss_leaves_the_mode",
        LOSS_HEAD,
        LOSS_HEAD + "        self.linear.eval()\n",
        "loss switches linear to eval",
    ),
    (
        "loss_leaves_the_batch",
        LOSS_HEAD,
        LOSS_HEAD + "        batch.labels[:2] = 0\n",
        "loss changes labels of the batch in place",
    ),
    (
        "every_trained_parameter_gets_a_gradient",
        f"Step({LOSS}",
        f"Step((0 * self.linear.weight).abs().sqrt().sum() + {LOSS}",
        "the gradient of linear.weight is not finite",
    ),
    (
        "every_trained_parameter_gets_a_gradient",
        INIT,
        INIT + "        self.unused = nn.Linear(2, 2)\n",
        "unused.weight, unused.bias got no gradient",
    ),
    ("odd_last_batch", f"Step({LOSS}", f"Step({LOSS} / (len(logits) - 2)", "last batch of 2 is"),
    (
        "same_seed_same_bits",
        f"Step({LOSS}",
        f"Step((1 + next(COUNT)) * {LOSS}",
        "draw random numbers from the global",
    ),
    (
        "true_labels_do_not_matter",
        LOSS_HEAD,
        LOSS_HEAD + PEEK + "        batch = batch._replace(labels=true)\n",
        "use nothing but batch.labels",
    ),
    (
        "goes_on_from_a_checkpoint",
        LOSS_HEAD,
        LOSS_HEAD + "        self.scale *= 0.9\n",
        "linear.weight differs after training resumed from a checkpoint",
    ),
    ("learns_digits", PREDICTED, "return Prediction(-logits, self.score(logits))", "must be 50%"),
    (
        "uncertainty_tells_samples_apart",
        PREDICTED,
        "return Prediction(logits, torch.ones(len(images)))",
        "the same for all images",
    ),
    (
        "uncertainty_tells_samples_apart",
        PREDICTED,
        "return Prediction(logits, self.score(logits) / 0)",
        "not finite",
    ),
    (
        "predict_leaves_no_trace",
        PREDICT,
        PREDICT + "        self.linear.bias.data.add_(1)\n",
        "predict changes linear.bias",
    ),
    ("predict_leaves_no_trace", PREDICT, PREDICT + "        self.train()\n", "leave the mode as it is"),
    (
        "predict_leaves_no_trace",
        PREDICTED,
        "return Prediction(logits, self.score(logits) + next(COUNT))",
        "the same seed differ",
    ),
    (
        "batch_of_one",
        PREDICTED,
        "return Prediction(logits - logits.mean(dim=0), self.score(logits))",
        "in a batch differ",
    ),
    (
        "batch_of_one",
        PREDICTED,
        "return Prediction(logits, self.score(logits).squeeze()[list(range(len(images)))])",
        "must take a batch of one",
    ),
    (
        "batch_order",
        PREDICTED,
        "return Prediction(logits, torch.arange(1.0 * len(images)))",
        "treat each image by itself",
    ),
    ("pickles", INIT, INIT + "        self.function = lambda: 0\n", "keep no lambda"),
    ("state_dict_round_trip", LOSS_HEAD, LOSS_HEAD + "        self.scale = 2.0\n", "register_buffer"),
    (
        "finish_restarts",
        PREDICT,
        "    def finish(self, train, held_out):\n        self.scale += 1\n\n" + PREDICT,
        "when run again",
    ),
    (
        "names_of_the_interface",
        "class Mine(Method):\n",
        "class Mine(Method):\n    two_views = 'yes'\n",
        "two_views is 'yes': it must be True or False",
    ),
    (
        "an_epoch_trains",
        PREDICT,
        "    def after_step(self):\n        pass\n\n" + PREDICT,
        r"an epoch of training raises TypeError: Mine.after_step",
    ),
    ("bfloat16", PREDICTED, "return Prediction(logits / 0, self.score(logits))", "exponentials in float32"),
    (
        "steps_do_not_wait_for_the_device",
        f"Step({LOSS}",
        f"Step({LOSS} + 0 * float(logits.sum())",
        "read no value back",
    ),
    (
        "steps_do_not_wait_for_the_device",
        f"Step({LOSS}",
        f"Step({LOSS} + torch.ones(len(logits)) @ logits[:, 0]",
        "create tensors with device=images.device",
    ),
    (
        "steps_do_not_wait_for_the_device",
        LOSS_HEAD,
        LOSS_HEAD + "        batch = batch if batch.images.mean() > 0 else batch\n",
        "read no value back",
    ),
]


def bed(folder, source):
    plugin(folder, "mine", source)
    return MethodBed(Registry([folder]).find("methods", "mine"), {})


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return bed(tmp_path_factory.mktemp("sound"), SOUND.lstrip())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_sound_method_passes(sound, check):
    if check is method_behaviour.check_gpu and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    check(sound)


@pytest.mark.parametrize(("name", "old", "new", "said"), BROKEN)
def test_a_broken_method_is_caught_with_advice(tmp_path, name, old, new, said):
    assert old in SOUND
    broken = bed(tmp_path, SOUND.lstrip().replace(old, new))
    with pytest.raises(CheckFailed, match=said) as raised:
        next(check for check in CHECKS if check.__name__ == f"check_{name}")(broken)
    assert "\n" not in str(raised.value)


def test_relabelling_without_logits_is_caught(tmp_path):
    source = SOUND.lstrip().replace(f"Step({LOSS}, logits, self.score(logits))", f"Step({LOSS})")
    method_interface.check_step_shapes(bed(tmp_path / "off", source))
    relabels = source.replace("class Mine(Method):\n", "class Mine(Method):\n    relabels = True\n")
    with pytest.raises(CheckFailed, match="put it into the Step, or leave `relabels` False"):
        method_interface.check_step_shapes(bed(tmp_path / "on", relabels))


def test_every_check_that_can_fail_here_is_shown_to():
    shown = {f"check_{name}" for name, *_ in BROKEN}
    assert {check.__name__ for check in CHECKS} - shown == {"check_gpu", "check_uncertainty_ranks_errors"}


def test_a_name_like_one_of_the_interface_is_noted(tmp_path):
    source = SOUND.lstrip().replace(
        PREDICT, "    def make_optimiser(self, groups):\n        return None\n\n" + PREDICT
    )
    with pytest.raises(CheckNoted, match="nobody calls make_optimiser; did you mean make_optimizer"):
        method_interface.check_names_of_the_interface(bed(tmp_path, source))


SIZES = """    def before_epoch(self, clean, progress):
        assert sum(len(batch.labels) for batch in clean) == self.size

    def finish(self, train, held_out):
        assert sum(len(batch.labels) for batch in train) == self.size

"""


def test_each_check_trains_on_as_many_images_as_the_task_says(tmp_path):
    source = SOUND.lstrip().replace(INIT, INIT + "        self.size = task.train_size\n")
    telling = bed(tmp_path, source.replace(PREDICT, SIZES + PREDICT))
    for check in CHECKS:
        if check is not method_behaviour.check_gpu:
            check(telling)


STAGED = """
    def loss(self, batch, progress):
        late = progress.epoch > progress.epochs / 2
        features = self.trunk(batch.images.flatten(1))
        logits = self.linear(features.detach() if late else features)
        loss = F.cross_entropy(logits, batch.labels)
        if late:
            loss = loss + F.mse_loss(self.head(features).squeeze(1), self.score(logits))
        return Step(loss, logits, self.score(logits))

    def predict(self, images):
        logits = self.linear(self.trunk(images.flatten(1)))
        return Prediction(logits, self.score(logits))
"""
FROZEN = "self.trunk.requires_grad_(not late)\n        features = self.trunk"


@pytest.mark.parametrize("changed", ["features = self.trunk", FROZEN], ids=["detached", "frozen"])
def test_a_trunk_that_rests_in_a_second_half_and_a_head_that_joins_there_pass(tmp_path, changed):
    layers = "        self.trunk, self.head = nn.Linear(64, 64), nn.Linear(64, 1)\n"
    source = SOUND.lstrip().partition(LOSS_HEAD)[0].replace(INIT, INIT + layers)
    staged = bed(tmp_path, source + STAGED.replace("features = self.trunk", changed, 1))
    for check in CHECKS:
        with suppress(CheckNoted, CheckSkipped):
            check(staged)


def test_a_score_of_the_wrong_sign_is_noted(tmp_path):
    wrong = SOUND.lstrip().replace(PREDICTED, "return Prediction(logits, -self.score(logits))")
    with pytest.raises(CheckNoted, match=r"AUROC of errors on the digits is 0\.\d\d, worse than chance"):
        method_behaviour.check_uncertainty_ranks_errors(bed(tmp_path, wrong))


def test_a_method_whose_predictions_are_random_is_not_held_to_the_order_of_a_batch(tmp_path):
    source = SOUND.lstrip().replace(
        PREDICTED, "return Prediction(logits + torch.randn_like(logits), self.score(logits))"
    )
    random = bed(tmp_path, source)
    method_behaviour.check_predict_leaves_no_trace(random)
    for check in (method_behaviour.check_batch_of_one, method_behaviour.check_batch_order):
        with pytest.raises(CheckSkipped, match="draws random numbers"):
            check(random)


def test_training_that_cannot_be_repeated_is_not_taken_for_a_peek(tmp_path):
    source = SOUND.lstrip().replace(f"Step({LOSS}", f"Step((1 + next(COUNT)) * {LOSS}")
    with pytest.raises(CheckSkipped, match="two trainings with the same seed already differ"):
        method_interface.check_true_labels_do_not_matter(bed(tmp_path, source))


@pytest.mark.parametrize("drawn", ["random.random()", "float(np.random.rand())", "torch.rand(())"])
def test_a_method_may_draw_from_any_global_generator(tmp_path, drawn):
    source = SOUND.lstrip().replace(f"Step({LOSS}", f"Step({drawn} * {LOSS}")
    source = source.replace("import itertools\n", "import itertools\nimport random\n\nimport numpy as np\n")
    method_interface.check_same_seed_same_bits(bed(tmp_path, source))


def test_a_method_that_does_not_train_is_not_blamed_for_its_pickles(tmp_path):
    source = SOUND.lstrip().replace(f"Step({LOSS}", f"Step({LOSS}.item()")
    with pytest.raises(PluginError, match="loss returned loss as a float, must be a tensor"):
        method_behaviour.check_pickles(bed(tmp_path, source))


def test_gpu_is_skipped_with_a_reason_where_there_is_none(sound, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CheckSkipped, match="no CUDA device"):
        method_behaviour.check_gpu(sound)
