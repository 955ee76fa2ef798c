import contextlib

import numpy as np
import pandas as pd
import pytest
from harness import run, samples
from matplotlib.colors import to_rgb
from scipy.spatial.distance import pdist
from sklearn.manifold import TSNE

from bench.errors import DataError
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.grid.pictures import Pictures
from bench.report.figures import features as module
from bench.report.figures.features import CLASS_COLOURS, class_colours, draw, pictures, projections, subset
from bench.report.grouping import group
from bench.report.results import load_records
from bench.store.store import Store


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(folder, methods=["dummy", "baseline"], seeds=[0, 1], epochs=1)
    (found,) = group(load_records(Store(folder))[0])
    return found


@pytest.fixture(scope="module")
def frame(members):
    return pd.read_parquet(members.cell("baseline", members.noises[0])[0].path / "test.parquet")


def figure_of(members, **wanted):
    (picture,) = pictures(members, samples(), Pictures(**wanted))
    return picture.figure


@pytest.fixture(scope="module")
def figure(members):
    return figure_of(members)


def by_pca(features):
    """The first two principal components by singular value decomposition; their signs are free."""
    centred = features - features.mean(axis=0)
    u, s, _ = np.linalg.svd(centred.astype(float), full_matrices=False)
    return u[:, :2] * s[:2], (s[:2] ** 2).sum() / (s**2).sum()


def features_of(frame):
    return frame.filter(like="feature_").to_numpy()


def extremes(uncertainty):
    """The places of the most certain and the most uncertain tenth."""
    order = np.argsort(uncertainty, kind="stable")
    tenth = len(order) // 10
    return order[:tenth], order[-tenth:]


def rows(points):
    return sorted(map(tuple, np.asarray(points, dtype=float).round(5)))


def test_the_left_points_are_the_first_two_principal_components(figure, frame):
    axes = figure.axes[0]
    points = np.asarray(axes.collections[0].get_offsets())
    expected, explained = by_pca(features_of(frame))
    signs = np.sign((points * expected).sum(axis=0))
    np.testing.assert_allclose(points, signs * expected, atol=1e-4)
    assert axes.get_title() == f"PCA ({100 * explained:.0f} % of the variance)"


def test_the_right_points_are_the_tsne_with_a_perplexity_that_fits_a_small_set(figure, frame):
    axes = figure.axes[1]
    features = features_of(frame)[np.arange(21)]  # t-SNE of few points depends on the layout in memory
    expected = TSNE(2, perplexity=20 / 3, init="pca", random_state=0).fit_transform(features)
    np.testing.assert_allclose(pdist(axes.collections[0].get_offsets()), pdist(expected), rtol=1e-3)
    assert axes.get_title() == "t-SNE (perplexity 7)"


def test_the_perplexity_is_30_where_there_are_samples_enough():
    features = np.random.default_rng(0).normal(size=(100, 4))
    assert list(projections(features))[1] == "t-SNE (perplexity 30)"


def test_tsne_keeps_groups_apart_that_are_apart():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(40, 6)) + 30 * np.repeat(np.eye(6)[:2], 20, axis=0)).astype(np.float32)
    plane = list(projections(features).values())[1]
    distances = np.linalg.norm(plane[:, None] - plane, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert ((distances.argmin(axis=1) < 20) == (np.arange(40) < 20)).all()


@pytest.mark.parametrize("panel", [0, 1])
@pytest.mark.parametrize("score", ["own", "energy"])
def test_the_most_certain_and_uncertain_tenth_are_marked(members, frame, panel, score):
    axes = figure_of(members, score=score).axes[panel]
    everything, *marked = (np.asarray(c.get_offsets()) for c in axes.collections)
    logits = frame.filter(like="logit_").to_numpy().astype(float)
    u = frame["uncertainty"] if score == "own" else -np.log(np.exp(logits).sum(axis=1))
    for points, chosen in zip(marked, extremes(np.asarray(u)), strict=True):
        assert len(chosen) == 2
        assert rows(points) == rows(everything[chosen])


def test_certain_and_uncertain_ones_have_marks_of_their_own(figure):
    shapes = [c.get_paths()[0].vertices.shape for c in figure.axes[0].collections[1:]]
    assert shapes[0] != shapes[1]
    legend = [(h.get_marker(), h.get_label()) for h in figure.legends[0].legend_handles]
    assert legend[-2:] == [("o", "most certain tenth"), ("X", "most uncertain tenth")]


def test_points_have_the_colour_of_their_class(figure, frame):
    for axes in figure.axes:
        colours = axes.collections[0].get_facecolors()[:, :3]
        np.testing.assert_allclose(colours, [to_rgb(CLASS_COLOURS[label]) for label in frame["label"]])
    handles = figure.legends[0].legend_handles[:-2]
    assert [(h.get_label(), h.get_color()) for h in handles] == list(zip("abc", CLASS_COLOURS, strict=False))


def test_marks_have_the_colour_of_their_class(figure, frame):
    chosen = extremes(np.asarray(frame["uncertainty"]))
    for collection, places in zip(figure.axes[0].collections[1:], chosen, strict=True):
        expected = [to_rgb(CLASS_COLOURS[label]) for label in frame["label"][places]]
        assert rows(collection.get_facecolors()[:, :3]) == rows(expected)


def test_a_method_without_features_has_no_picture_and_others_one_for_the_first_seed(members):
    assert members.labels == ["baseline", "dummy"]
    (picture,) = pictures(members, samples(), Pictures())
    assert picture.name == "features-baseline-tiny-symmetric-0.3"
    assert picture.caption == "Features of baseline, noise 30%, tiny, seed 0"
    said = " ".join(picture.figure.get_suptitle().split())
    assert said == "baseline, noise 30%, tiny, seed 0: features of 21 test images, certainty by own score"


# ---- a part of a large set -----------------------------------------------------------------------


def test_of_a_large_set_a_fixed_part_is_drawn():
    shown = subset(5000)
    assert len(shown) == len(set(shown)) == 2000
    assert (np.diff(shown) > 0).all()
    np.testing.assert_array_equal(shown, subset(5000))
    assert shown.max() > 4500


def test_a_set_that_is_not_large_is_drawn_whole():
    assert subset(2000).tolist() == list(range(2000))


def test_points_and_marks_of_a_part_are_those_of_its_samples(monkeypatch):
    monkeypatch.setattr(module, "SHOWN", 30)
    found = made(80, classes=4)
    figure = draw(found, list("abcd"), "a run", "own")
    shown = subset(80)
    everything, *marked = (np.asarray(c.get_offsets()) for c in figure.axes[0].collections)
    expected = by_pca(found.predictions.features[shown])[0]
    np.testing.assert_allclose(pdist(everything), pdist(expected), rtol=1e-3)
    colours = figure.axes[0].collections[0].get_facecolors()[:, :3]
    np.testing.assert_allclose(colours, [to_rgb(CLASS_COLOURS[label]) for label in found.labels[shown]])
    for points, chosen in zip(marked, extremes(found.predictions.uncertainty), strict=True):
        inside = np.flatnonzero(np.isin(shown, chosen))
        assert 0 < len(inside) < len(chosen) == 8
        assert rows(points) == rows(everything[inside])
    assert "features of 30 test images" in figure.get_suptitle()


# ---- unusual sets --------------------------------------------------------------------------------


def made(n, classes, width=5):
    rng = np.random.default_rng(n)
    labels = np.arange(n) % classes
    features = (rng.normal(size=(n, width)) + 3 * rng.normal(size=(classes, width))[labels]).astype(np.float32)
    outputs = Predictions(np.eye(classes, dtype=np.float32)[labels], rng.random(n), features)
    return LabelledPredictions(outputs, {"label": labels})


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_handful_of_samples_can_be_drawn(n):
    figure = draw(made(n, classes=2), ["a", "b"], "a run", "own")
    for axes in figure.axes:
        assert [len(c.get_offsets()) for c in axes.collections] == [n, 1, 1]
        assert np.isfinite(axes.collections[0].get_offsets()).all()


def test_features_that_have_collapsed_to_a_point_are_drawn_or_told():
    found = made(20, classes=2)
    same = found._replace(predictions=found.predictions._replace(features=np.ones((20, 5), dtype=np.float32)))
    with contextlib.suppress(DataError):
        figure = draw(same, ["a", "b"], "a run", "own")
        assert all(np.isfinite(axes.collections[0].get_offsets()).all() for axes in figure.axes)


@pytest.mark.parametrize(("classes", "named"), [(3, 3), (15, 15), (30, 0)])
def test_each_class_has_a_colour_of_its_own_and_up_to_20_a_name(classes, named):
    assert len(set(class_colours(classes))) == classes
    rng = np.random.default_rng(0)
    labels = np.arange(60) % classes
    predictions = Predictions(rng.normal(size=(60, classes)), rng.random(60), rng.normal(size=(60, 5)))
    names = [f"class{k}" for k in range(classes)]
    figure = draw(LabelledPredictions(predictions, {"label": labels}), names, "run", "own")
    legend = [(h.get_label(), h.get_color()) for h in figure.legends[0].legend_handles[:-2]]
    assert legend == [(name, class_colours(classes)[k]) for k, name in enumerate(names[:named])]
