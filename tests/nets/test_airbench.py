import copy

import numpy as np
import pytest
import torch
from harness import spec
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from bench.data.augment import Transforms
from bench.nets.airbench import EPSILON, Stage, Whitening
from bench.nets.backbones import make_backbone
from bench.plugins.method import Task
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training.loop import Trainer, TrainingSet
from bench.training.relabelling import TrainingLabels


@pytest.fixture
def images():
    """Smooth images, whose neighbouring pixels are alike as in photographs."""
    return F.avg_pool2d(torch.randn(64, 3, 20, 18, generator=torch.Generator().manual_seed(3)), 3, stride=1)


def patches_of(images):
    """Every 2×2 patch as a row, cut out one by one."""
    array = images.numpy()
    rows, columns = array.shape[2] - 1, array.shape[3] - 1
    return np.stack([array[:, :, y : y + 2, x : x + 2] for y in range(rows) for x in range(columns)], 1).reshape(
        -1, 12
    )


def test_the_outputs_second_moments_are_the_identity_up_to_epsilon(images):
    whitened = Whitening(3)(images)[:, :12].detach().permute(0, 2, 3, 1).reshape(-1, 12).numpy()
    variances = np.linalg.eigvalsh(
        np.cov(patches_of(images).T, bias=True) + np.outer(*[patches_of(images).mean(0)] * 2)
    )
    np.testing.assert_allclose(
        whitened.T @ whitened / len(whitened), np.diag(variances / (variances + EPSILON)), atol=2e-3
    )
    assert variances.min() < 0.1 * variances.max()  # the patches were not white


def test_the_second_half_is_the_first_negated(images):
    out = Whitening(3)(images)
    assert torch.equal(out[:, :12], -out[:, 12:])


def test_the_first_training_batch_alone_sets_the_filters(images):
    layer = Whitening(3)
    assert not layer.eval()(images).any()
    layer.train()(images)
    filters = layer.filters.clone()
    layer(2 * images)
    assert torch.equal(layer.filters, filters)


def test_bfloat16_does_not_reach_the_eigenvectors(images):
    exact, mixed = Whitening(3), Whitening(3)
    exact(images)
    with torch.autocast("cpu", torch.bfloat16):
        assert mixed(images).dtype == torch.bfloat16
    assert torch.equal(mixed.filters, exact.filters)


def test_a_stage_starts_by_handing_on_what_enters():
    stage = Stage(4, 8, 2)
    features = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(stage.enter[0](features)[:, :4], features)
    kept = stage.stay[0](features_8 := torch.randn(2, 8, 3, 3))
    torch.testing.assert_close(kept, features_8)


def test_two_further_convolutions_have_a_bypass():
    stage = Stage(4, 8, 2).eval()
    with torch.no_grad():
        stage.stay[-1].weight.zero_()
    features = torch.randn(2, 4, 6, 6)
    assert torch.equal(stage(features), F.gelu(stage.enter(features)))


def test_normalisations_learn_a_bias_and_no_scale():
    net = make_backbone("airbench94", (3, 32, 32), torch.float32)
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 6
    assert all(norm.bias.requires_grad and not norm.weight.requires_grad for norm in norms)


@pytest.mark.parametrize(
    ("name", "published", "epochs"), [("airbench94", 0.36e15, 9.9), ("airbench96", 7.46e15, 40)]
)
def test_training_takes_the_published_operations(name, published, epochs):
    net = make_backbone(name, (3, 32, 32), torch.float32)
    images = torch.randn(2, 3, 32, 32)
    with FlopCounterMode(display=False) as counter:
        net(images).sum().backward()
    assert counter.get_total_flops() / 2 * 50_000 * epochs == pytest.approx(published, rel=0.04)


def test_a_training_that_goes_on_has_the_filters_and_the_bits_of_one_never_stopped():
    images = torch.randint(0, 256, (48, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(48) % 10
    recipe = Recipe(epochs=2, batch_size=16, cutout=4, schedule="linear", first_bias_epochs=1)
    method = Registry().find("methods", "baseline").load()
    task = Task(10, (3, 16, 16), 48, 2, None)

    def fresh(seed):
        torch.manual_seed(seed)
        data = TrainingSet(
            images, TrainingLabels.start(labels, labels), Transforms([0.5] * 3, [0.2] * 3, padding=2).augment
        )
        net = method(task, lambda: make_backbone("airbench94", (3, 16, 16), torch.float32), dropout=0.0)
        return Trainer(net, data, recipe, None, 0, 10)

    whole = fresh(1)
    whole.epoch(1)
    state = copy.deepcopy(whole.state_dict())
    resumed = fresh(2)
    resumed.load_state_dict(state)
    assert whole.epoch(2) == resumed.epoch(2)
    ended, expected = resumed.method.state_dict(), whole.method.state_dict()
    assert all(torch.equal(ended[key], expected[key]) for key in expected)


def test_the_fast_preset_takes_the_net_and_scales_relabelling():
    recipe = spec(datasets=["cifar10"], preset="fast").recipe
    assert (recipe.backbone, recipe.batch_size, recipe.cutout, recipe.schedule) == (
        "airbench96",
        1024,
        12,
        "linear",
    )
    assert (recipe.epochs, recipe.relabel_from) == (50, 20)
