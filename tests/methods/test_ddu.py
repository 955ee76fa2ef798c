import pickle
import sys

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import entropy, multivariate_normal
from torch import nn
from torch.nn import functional as F

from bench.errors import PluginError, UsageError
from bench.nets.backbones import make_backbone
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Batch, Progress, Task


@pytest.fixture(scope="module")
def module(load_method):
    """Return the functions of the method's file."""
    return vars(sys.modules[load_method("ddu").__module__])


@pytest.fixture
def small(make_method):
    def make(dimension=3, **given):
        return make_method("ddu", inner=MethodFactory("baseline", {"dimension": dimension}), **given)

    return make


def clusters(classes=10, each=30, dimension=3):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), each + np.arange(classes))
    shapes = rng.normal(size=(classes, dimension, dimension))
    noise = np.einsum("nd,nde->ne", rng.normal(size=(len(labels), dimension)), shapes[labels])
    return torch.tensor(3 * rng.normal(size=(classes, dimension))[labels] + noise), torch.tensor(labels)


def density_by_hand(train, labels, features):
    """−log Σ_c π_c N(f; μ_c, Σ_c), by scipy, with numpy's mean and covariance."""
    terms = []
    for label in np.unique(labels):
        own = train[labels == label]
        gaussian = multivariate_normal(own.mean(axis=0), np.cov(own.T))
        terms.append(np.log(len(own) / len(train)) + gaussian.logpdf(features))
    return -logsumexp(terms, axis=0)


def test_the_density_is_that_of_class_gaussians_with_priors(small):
    method = small()
    train, labels = clusters()
    method.fit(train, labels)
    points = 5 * torch.randn(40, 3, dtype=torch.float64)
    expected = density_by_hand(train.numpy(), labels.numpy(), points.numpy())
    np.testing.assert_allclose(method.negative_log_density(points), expected, rtol=1e-8)


def test_the_density_falls_with_the_distance_from_all_classes(small):
    method = small()
    method.fit(*clusters())
    ray = torch.linspace(20, 200, 10, dtype=torch.float64)[:, None] * torch.ones(3)
    u = method.negative_log_density(ray)
    assert (u.diff() > 0).all()


def test_a_class_that_is_absent_is_left_out(small):
    train, labels = clusters()
    kept = labels != 4
    with_hole = small()
    with_hole.fit(train[kept], labels[kept])
    expected = density_by_hand(train[kept].numpy(), labels[kept].numpy(), train.numpy())
    np.testing.assert_allclose(with_hole.negative_log_density(train), expected, rtol=1e-8)


@pytest.mark.parametrize("each", [1, 2, 5])
def test_covariances_that_are_singular_give_finite_densities(small, each):
    method = small(dimension=16)
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat(each)
    train = torch.randn(len(labels), 16, generator=generator, dtype=torch.float64)
    method.fit(train, labels)
    near, far = method.negative_log_density(train), method.negative_log_density(train + 1)
    assert near.isfinite().all()
    assert far.isfinite().all()
    assert (far > near).all()


def test_features_that_are_all_the_same_give_finite_densities(small):
    method = small()
    method.fit(torch.ones(20, 3, dtype=torch.float64), torch.arange(10).repeat(2))
    assert method.negative_log_density(torch.tensor([[1.0, 1, 1], [1, 1, 2]])).isfinite().all()


def test_jitter_is_the_smallest_that_does(module):
    regular = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    assert torch.equal(module["cholesky"](regular), torch.linalg.cholesky(regular))
    singular = torch.ones(3, 3, dtype=torch.float64)
    factor = module["cholesky"](singular)
    assert torch.dist(factor @ factor.T, singular) < 1e-10
    with pytest.raises(PluginError, match="no Cholesky factor, with jitter up to 1"):
        module["cholesky"](singular * torch.nan)


# ---- bounded norms -------------------------------------------------------------------------------


def convolutions(net):
    return [layer for layer in net.modules() if isinstance(layer, torch.nn.Conv2d)]


def bounds(net):
    return [layer for layer in net.modules() if type(layer).__name__ == "BoundedConvolution"]


def norm(layer, weight):
    """The exact spectral norm of a convolution: that of its matrix, a column per pixel."""
    shape = layer.direction.shape[1:]
    images = torch.eye(shape.numel()).view(-1, *shape)
    convolution = layer.convolution
    columns = F.conv2d(images, weight, None, convolution.stride, convolution.padding).flatten(1)
    return torch.linalg.matrix_norm(columns, 2).item()


def norms(net):
    return [norm(layer, layer.weight().detach()) for layer in bounds(net)]


@pytest.fixture
def backbone(module):
    def make(coefficient, factor=1.0):
        torch.manual_seed(0)
        plain = make_backbone("cnn-16-32-64", (1, 8, 8), torch.float32)
        with torch.no_grad():
            for layer in convolutions(plain):
                layer.weight *= factor
        kept = [layer.weight.detach().clone() for layer in convolutions(plain)]
        return module["bounded"](lambda: plain, coefficient, (1, 8, 8)).eval(), kept

    return make


def test_a_weight_under_the_bound_is_left_alone(backbone):
    net, kept = backbone(3.0)
    assert max(norms(net)) < 3
    assert all(torch.equal(layer.weight(), weight) for layer, weight in zip(bounds(net), kept, strict=True))


def test_the_norm_is_that_of_the_convolution_not_of_its_kernel(backbone):
    net, kept = backbone(1e6)
    for layer, weight in zip(bounds(net), kept, strict=True):
        found = layer._map(layer.direction, weight).norm().item()
        assert found == pytest.approx(norm(layer, weight), rel=0.05)
        assert found > 1.02 * torch.linalg.matrix_norm(weight.flatten(1), 2).item() or weight.shape[1] > 1


@pytest.mark.parametrize(("coefficient", "active"), [(0.1, 3), (1e3, 0)])
def test_it_says_at_how_many_convolutions_the_bound_was_active(small, batch, coefficient, active):
    method = small(coefficient=coefficient).train()
    method.loss(batch, Progress(1, 2))
    said = f"the bound on spectral norms was active at {active} of 3 convolutions at the end"
    assert method.remarks() == [said]


def test_layers_after_the_backbone_start_as_without_the_bound(make_method):
    plain, bound = make_method("baseline"), make_method("ddu")
    assert torch.equal(plain.fc.weight, bound.inner.fc.weight)
    first = bounds(bound)[0].convolution
    assert torch.equal(convolutions(plain)[0].weight, first.weight)


def test_a_weight_above_the_bound_is_scaled_down_to_it(backbone):
    net, kept = backbone(3.0, factor=20.0)
    assert norms(net) == pytest.approx([3.0] * 3, rel=0.05)
    for layer, weight in zip(bounds(net), kept, strict=True):
        ratio = layer.weight().detach() / weight
        assert ratio.std() < 1e-5
        assert ratio.mean() < 1


def test_the_bound_holds_while_the_net_trains(small, batch):
    method = small(coefficient=0.5).train()
    optimizer = torch.optim.SGD(method.param_groups(0.1), lr=0.1)
    for _ in range(8):
        optimizer.zero_grad()
        method.loss(batch, Progress(1, 2)).loss.backward()
        optimizer.step()
    assert norms(method.eval()) == pytest.approx([0.5] * 3, rel=0.05)


def test_gradients_reach_the_weight_that_is_scaled(small, batch):
    method = small(coefficient=0.5).train()
    method.loss(batch, Progress(1, 2)).loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters())
    for layer in convolutions(method):
        assert layer.weight.grad.abs().amax() > 0


def test_prediction_does_not_move_the_power_iteration(small, batch):
    method = small().eval()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.inference_mode():
        method.predict(batch.images)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())


def test_the_bound_is_computed_in_float32_whatever_the_backbone_computes_in(load_method, batch):
    def make():
        return make_backbone("cnn-16-32-64", (1, 8, 8), torch.bfloat16)

    task = Task(num_classes=10, image_shape=(1, 8, 8), train_size=100, epochs=2, noise_rate=None)
    method = load_method("ddu")(task, make, coefficient=0.5)
    method.train().loss(batch, Progress(1, 2)).loss.backward()
    assert {layer.weight().dtype for layer in bounds(method)} == {torch.float32}


class Standardised(nn.Conv2d):
    """A convolution that standardises its weight first, as some of timm's do."""

    def forward(self, images):
        return self._conv_forward(images, self.weight / self.weight.std(), None)


def holding(layer):
    """A small backbone with one more layer."""
    net = make_backbone("cnn-16-32-64", (1, 8, 8), torch.float32)
    net.net.append(layer)
    return net


def test_a_convolution_that_changes_its_weight_first_is_declined(module):
    said = "cannot bound the norm of the backbone's Standardised layers: choose another backbone"
    with pytest.raises(UsageError, match=said):
        module["bounded"](lambda: holding(Standardised(64, 64, 1)), 3.0, (1, 8, 8))


def test_it_says_how_many_linear_layers_of_the_backbone_have_no_bound(load_method):
    task = Task(num_classes=10, image_shape=(1, 8, 8), train_size=100, epochs=2, noise_rate=None)
    (said,) = load_method("ddu")(task, lambda: holding(nn.Linear(2, 2))).remarks()
    assert said.endswith("of 3 convolutions at the end; 1 linear layers have none")


# ---- the method ----------------------------------------------------------------------------------


def test_three_and_the_density_are_the_default(load_method, small):
    assert small().score == "density"
    assert {layer.coefficient for layer in bounds(small())} == {3.0}


def test_finishing_fits_the_features_of_the_training_images(small, make_batch):
    method, train = small(), make_batch(200)
    parts = [Batch(*(values[part] for values in train[:3])) for part in (slice(0, 90), slice(90, 200))]
    method.train().finish(parts, None)
    assert method.training
    method.eval()
    with torch.no_grad():
        features = method.inner.predict(train.images).features
        found = method.predict(train.images)
    expected = density_by_hand(features.double().numpy(), train.labels.numpy(), features.double().numpy())
    np.testing.assert_allclose(found.uncertainty, expected, rtol=1e-3, atol=1e-3)


def test_finishing_again_forgets_what_was_fit_before(small, make_batch):
    method = small()
    method.finish([make_batch(100)], None)
    once = {name: value.clone() for name, value in method.state_dict().items()}
    method.finish([make_batch(50)], None)
    method.finish([make_batch(100)], None)
    assert all(torch.equal(value, once[name]) for name, value in method.state_dict().items())


@pytest.mark.parametrize("score", ["density", "entropy"])
def test_predictions_are_finite_before_the_gaussians_are_fit(small, batch, score):
    found = small(score=score).eval().predict(batch.images)
    assert found.uncertainty.isfinite().all()


def test_the_other_score_is_the_entropy_of_the_softmax(small, batch):
    method = small(score="entropy").eval()
    with torch.no_grad():
        found, plain = method.predict(batch.images), method.inner.predict(batch.images)
    p = softmax(plain.logits.numpy().astype(float), axis=1)
    np.testing.assert_allclose(found.uncertainty, entropy(p, axis=1), rtol=1e-5)
    assert torch.equal(found.logits, plain.logits)


def test_a_method_without_features_is_refused(make_method):
    with pytest.raises(UsageError, match="its inner method must predict features"):
        make_method("ddu", inner=MethodFactory("deep-ensemble", {"members": 2}))


def test_it_pickles(small, make_batch):
    method, images = small(coefficient=0.5), make_batch(20).images
    method.finish([make_batch(100)], None)
    copy = pickle.loads(pickle.dumps(method.eval()))
    assert torch.equal(copy.predict(images).uncertainty, method.predict(images).uncertainty)


def test_itself_inside_is_refused(make_method):
    with pytest.raises(UsageError, match="its inner method already bounds the norms"):
        make_method("ddu", inner=MethodFactory("ddu", {"inner": MethodFactory("baseline")}))
