import pytest
import torch
from torch import nn

from bench.errors import UsageError
from bench.nets.dropout import Dropout
from bench.nets.trunk import EmbeddingHead, FlattenPixels
from bench.plugins.hyperparameters import defaults, resolve
from bench.plugins.method import Backbone, Batch

SIX = ["baseline", "scn", "dul", "rul", "mix-output", "loss-attention"]
VARIANTS = [
    *((name, {}) for name in SIX),
    *(("rul", {"mix": mix}) for mix in (3, 5, "C(3,2)")),
    *((name, {"pairing": "different-label"}) for name in ("rul", "mix-output", "loss-attention")),
    ("mix-output", {"space": "probabilities"}),
    ("dul", {"kl_reduction": "mean", "score": "arithmetic"}),
    ("scn", {"margin": 0.3}),
]


@pytest.fixture(params=VARIANTS, ids=lambda v: "-".join([v[0], *map(str, v[1].values())]))
def method(make_method, request):
    name, hyperparameters = request.param
    return make_method(name, **hyperparameters)


def of_shape(channels, grid):
    backbone = Backbone()
    backbone.channels, backbone.grid = channels, grid
    return backbone


def gradients(method):
    return {name: parameter.grad for name, parameter in method.named_parameters()}


def test_the_head_is_that_of_the_published_code():
    head = EmbeddingHead(of_shape(6, (2, 5)), 64, 0.4)
    dropout, flatten, linear, last = head
    assert [type(layer) for layer in head] == [Dropout, FlattenPixels, nn.Linear, nn.BatchNorm1d]
    assert dropout.p == 0.4
    maps = torch.arange(120).view(2, 6, 2, 5)
    pixels = [maps[:, :, row, column] for row in range(2) for column in range(5)]
    assert torch.equal(flatten(maps.float()), torch.cat(pixels, dim=1).float())
    assert (linear.in_features, linear.out_features, linear.bias is not None) == (60, 64, True)
    assert (last.num_features, last.eps, last.affine) == (64, 2e-5, True)


@pytest.mark.parametrize("name", SIX)
def test_every_head_standardises_projects_and_standardises_again(make_method, batch, name):
    """As in the published code, where each head has a first layer of its own."""
    method = make_method(name, dropout=0.0).double()
    assert (method.standardise.eps, method.standardise.affine) == (2e-5, False)
    maps = method.backbone(batch.images.double()).detach().double()
    for head in [module for module in method.modules() if isinstance(module, EmbeddingHead)]:
        linear, last = head[2], head[3]
        nn.init.normal_(last.weight)
        nn.init.normal_(last.bias)
        mean = maps.mean(dim=(0, 2, 3), keepdim=True)
        variance = ((maps - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
        standard = (maps - mean) / (variance + 2e-5).sqrt()
        pixel_by_pixel = torch.cat([column for row in standard.unbind(2) for column in row.unbind(2)], dim=1)
        projected = pixel_by_pixel @ linear.weight.T + linear.bias
        centred = projected - projected.sum(dim=0) / len(maps)
        scaled = centred / ((centred**2).sum(dim=0) / len(maps) + 2e-5).sqrt()
        torch.testing.assert_close(head(method.standardise(maps)), scaled * last.weight + last.bias)


def test_defaults_of_the_trunk(load_method):
    assert all(defaults(load_method(name))["dimension"] == 64 for name in SIX)
    assert all(defaults(load_method(name))["dropout"] == 0.4 for name in SIX)


@pytest.mark.parametrize("name", SIX)
def test_dimension_and_dropout_shape_every_head(make_method, batch, name):
    method = make_method(name, dimension=32, dropout=0.1)
    heads = [module for module in method.modules() if isinstance(module, EmbeddingHead)]
    assert len(heads) == (1 if name in ("baseline", "scn") else 2)
    assert all(head[0].p == 0.1 and head[2].out_features == 32 for head in heads)
    assert (method.fc.in_features, method.fc.out_features) == (32, 10)
    assert method.eval().predict(batch.images).features.shape == (20, 32)


@pytest.mark.parametrize("name", ["dul", "rul", "mix-output", "loss-attention"])
def test_mean_and_log_variance_heads_share_no_weights(make_method, name):
    method = make_method(name)
    assert {id(p) for p in method.mean.parameters()}.isdisjoint(map(id, method.log_variance.parameters()))
    assert not torch.equal(method.mean[2].weight, method.log_variance[2].weight)


@pytest.mark.parametrize("name", SIX)
def test_every_method_starts_from_the_trunk_of_the_baseline(make_method, name):
    baseline, method = make_method("baseline", seed=3).state_dict(), make_method(name, seed=3).state_dict()
    assert all(torch.equal(method[key], value) for key, value in baseline.items())


@pytest.mark.parametrize("name", SIX)
def test_relabelling_is_the_default_of_those_the_specification_names(load_method, name):
    assert load_method(name).relabels is (name not in ("baseline", "dul"))


def test_loss_and_all_gradients_are_finite(method, batch, train_step):
    step = train_step(method, batch)
    step.loss.backward()
    assert step.loss.shape == ()
    assert step.loss.isfinite()
    assert step.logits.shape == (20, 10)
    assert step.uncertainty.shape == (20,)
    for name, gradient in gradients(method).items():
        assert gradient is not None, name
        assert gradient.isfinite().all(), name


def test_every_weight_matrix_gets_a_gradient(method, batch, train_step):
    train_step(method, batch).loss.backward()
    matrices = {name: gradient for name, gradient in gradients(method).items() if gradient.ndim > 1}
    assert all(gradient.any() for gradient in matrices.values())


@pytest.mark.parametrize("size", [2, 3])
def test_loss_of_a_smallest_batch_is_finite(method, make_batch, train_step, size):
    assert train_step(method, make_batch(size)).loss.isfinite()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_same_seed_gives_the_same_bits(make_method, batch, train_step, variant):
    name, hyperparameters = variant
    outcomes = []
    for _ in range(2):
        method = make_method(name, seed=5, **hyperparameters)
        step = train_step(method, batch)
        step.loss.backward()
        outcomes.append([step.loss, step.logits, step.uncertainty, *gradients(method).values()])
    assert all(torch.equal(a, b) for a, b in zip(*outcomes, strict=True))


def test_another_seed_gives_another_loss(method, batch, train_step):
    assert train_step(method, batch, seed=1).loss != train_step(method, batch, seed=2).loss


def test_loss_leaves_its_batch_untouched(method, batch, train_step):
    before = Batch(*(part.clone() for part in batch[:3]))
    train_step(method, batch)
    assert all(torch.equal(a, b) for a, b in zip(before[:3], batch[:3], strict=True))


def test_prediction_of_an_image_does_not_depend_on_its_batch(method, batch):
    method.eval()
    whole, alone = method.predict(batch.images), method.predict(batch.images[4:5])
    for together, single in zip(whole, alone, strict=True):
        torch.testing.assert_close(single, together[4:5], rtol=1e-4, atol=1e-5)


def test_prediction_in_eval_mode_is_deterministic_and_draws_no_random_number(method, batch):
    method.eval()
    first = method.predict(batch.images)
    state = torch.get_rng_state()
    second = method.predict(batch.images)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_state_dict_carries_everything_a_prediction_needs(make_method, batch, train_step, variant, tmp_path):
    name, hyperparameters = variant
    trained, fresh = (make_method(name, seed=seed, **hyperparameters) for seed in (1, 2))
    train_step(trained, batch).loss.backward()
    torch.optim.SGD(trained.parameters(), lr=0.1).step()
    torch.save(trained.state_dict(), tmp_path / "weights.pt")
    fresh.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    predictions = [m.eval().predict(batch.images) for m in (trained, fresh)]
    assert all(torch.equal(a, b) for a, b in zip(*predictions, strict=True))


@pytest.mark.parametrize(
    ("name", "keyword", "value"),
    [
        *((name, "dimension", "wide") for name in SIX),
        *((name, "dimension", 0) for name in SIX),
        *((name, "dropout", 1.0) for name in SIX),
        *((name, "droput", 0.1) for name in SIX),
        *((name, "pairing", "best") for name in ("rul", "mix-output", "loss-attention")),
        *(("rul", "mix", value) for value in (4, "3", "C(3,3)")),
        ("mix-output", "space", "features"),
        ("scn", "ratio", 1.0),
        ("scn", "margin", "big"),
        ("dul", "kl_weight", -1),
        ("dul", "kl_reduction", "max"),
        ("dul", "score", "geometric"),
    ],
)
def test_an_unfit_hyper_parameter_is_told_in_one_line(load_method, name, keyword, value):
    with pytest.raises(UsageError) as raised:
        resolve(name, load_method(name), {keyword: value})
    said = str(raised.value)
    assert keyword in said
    assert name in said
    assert "\n" not in said


def test_to_flatten_a_map_that_is_channels_last_moves_no_value():
    maps = torch.randn(3, 6, 2, 5).contiguous(memory_format=torch.channels_last)
    assert FlattenPixels()(maps).data_ptr() == maps.data_ptr()
