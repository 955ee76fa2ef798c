import numpy as np
import pandas as pd
import pytest
from harness import record, run, spec

from bench.report.figures.training_curves import draw, pictures
from bench.report.grouping import group
from bench.report.results import load_records
from bench.store.store import Store

MEMORY = (
    "wrong labels that the net repeats (%)",
    "accuracy in training, clean labels (%)",
    "accuracy in training, wrong labels (%)",
)
AUDIT = [
    "training labels that are wrong (%)",
    "labels changed in the epoch",
    "… changed to the true label",
    "… changed away from the true label",
]


def logged(relabels, **content):
    """A run with a log of three epochs, all of whose numbers differ."""
    cell = spec(**{"relabel": ["on" if relabels else "off"]} | content)
    rng = np.random.default_rng([cell.seed, len(cell.label)])
    columns = {"epoch": [1, 2, 3], "loss": rng.random(3), "test_accuracy": 0.5 + 0.1 * rng.random(3)}
    if relabels:
        columns |= {"remaining_noise": rng.random(3)}
        columns |= {name: rng.integers(200, 900, size=3) for name in ("relabelled", "corrected", "broken")}
    return record(cell, epochs=pd.DataFrame(columns))


@pytest.fixture(scope="module")
def members():
    relabelling = [logged(True, methods=["rul"], seeds=[seed]) for seed in (0, 1)]
    (found,) = group([*relabelling, *(logged(False, methods=["baseline"], seeds=[seed]) for seed in (0, 1))])
    return found


@pytest.fixture(scope="module")
def panels(members):
    return {axes.get_title(): axes for axes in draw(members, members.noises[0]).axes}


def logs(members, label, column):
    return np.array([r.epochs[column] for r in members.cell(label, members.noises[0])])


def test_accuracy_has_a_line_for_each_method_the_mean_of_its_logs(members, panels):
    axes = panels["test accuracy (%)"]
    for line, label in zip(axes.lines, ["baseline", "rul"], strict=True):
        assert line.get_xdata().tolist() == [1, 2, 3]
        np.testing.assert_allclose(line.get_ydata(), 100 * logs(members, label, "test_accuracy").mean(axis=0))


def test_bands_are_one_sample_deviation_wide_to_either_side(members, panels):
    for area, label in zip(panels["test accuracy (%)"].collections, ["baseline", "rul"], strict=True):
        values = 100 * logs(members, label, "test_accuracy")
        mean, std = values.mean(axis=0), values.std(axis=0, ddof=1)
        (path,) = area.get_paths()
        for epoch, low, high in zip((1, 2, 3), mean - std, mean + std, strict=True):
            reached = path.vertices[path.vertices[:, 0] == epoch, 1]
            np.testing.assert_allclose([reached.min(), reached.max()], [low, high])


def test_the_audit_has_a_line_only_for_methods_that_relabel(members, panels):
    for title, column, unit in zip(
        AUDIT, ("remaining_noise", "relabelled", "corrected", "broken"), (100, 1, 1, 1), strict=True
    ):
        (line,) = panels[title].lines
        np.testing.assert_allclose(line.get_ydata(), unit * logs(members, "rul", column).mean(axis=0))
        assert line.get_color() == panels["test accuracy (%)"].lines[1].get_color()


def test_every_panel_has_epochs_below_it(panels):
    assert list(panels) == ["test accuracy (%)", *AUDIT]
    assert {axes.get_xlabel() for axes in panels.values()} == {"epoch"}


def test_the_legend_names_each_method_in_its_colour(members, panels):
    (legend,) = draw(members, members.noises[0]).legends
    assert [text.get_text() for text in legend.texts] == ["baseline", "rul"]
    colours = [line.get_color() for line in panels["test accuracy (%)"].lines]
    assert [handle.get_color() for handle in legend.legend_handles] == colours
    assert len(set(colours)) == 2


def test_there_is_no_audit_where_nobody_relabels(members):
    (quiet,) = group(members.cell("baseline", members.noises[0]))
    assert [axes.get_title() for axes in draw(quiet, quiet.noises[0]).axes] == ["test accuracy (%)"]


def test_a_method_without_runs_at_a_noise_is_not_in_its_picture():
    (members,) = group([logged(False), logged(False, noise=[0]), logged(False, noise=[0], methods=["baseline"])])
    none, some = pictures(members)
    assert (none.name, some.name) == ("training-tiny-symmetric-0", "training-tiny-symmetric-0.3")
    named = [[text.get_text() for text in picture.figure.legends[0].texts] for picture in (none, some)]
    assert named == [["baseline", "dummy(relabel=off)"], ["dummy(relabel=off)"]]
    lines = [picture.figure.axes[0].lines for picture in (none, some)]
    assert lines[0][1].get_color() == lines[1][0].get_color()


def test_the_log_of_a_real_run_is_what_is_drawn(tmp_path):
    run(tmp_path, held_out=0.25, epochs=3)
    (members,) = group(load_records(Store(tmp_path))[0])
    log = pd.read_csv(members.records[0].path / "epochs.csv")
    panels = {axes.get_title(): axes for axes in draw(members, members.noises[0]).axes}
    assert list(panels) == ["test accuracy (%)", "accuracy on the held-out part (%)", *MEMORY, *AUDIT]
    for title, column, unit in (
        ("accuracy on the held-out part (%)", "held_out_accuracy", 100),
        (MEMORY[0], "train_memorised_flipped", 100),
        (MEMORY[2], "train_accuracy_flipped", 100),
        (AUDIT[0], "remaining_noise", 100),
    ):
        (line,) = panels[title].lines
        np.testing.assert_allclose(line.get_ydata(), unit * log[column])


def test_without_wrong_labels_there_is_no_panel_of_them(tmp_path):
    run(tmp_path, noise=[0])
    (members,) = group(load_records(Store(tmp_path))[0])
    titles = [axes.get_title() for axes in draw(members, members.noises[0]).axes]
    assert titles == ["test accuracy (%)", MEMORY[1], *AUDIT]


def test_only_the_wanted_columns_are_drawn(members):
    drawn = draw(members, members.noises[0], ["relabelled", "test_accuracy"])
    assert [axes.get_title() for axes in drawn.axes] == ["labels changed in the epoch", "test accuracy (%)"]


def test_many_methods_are_drawn_in_groups_that_share_their_axes():
    runs = [logged(False, set={"dummy": {"scale": float(k)}}) for k in range(2, 14)]
    (many,) = group(runs)
    drawn = draw(many, many.noises[0])
    assert [len(axes.lines) for axes in drawn.axes] == [6, 6]
    assert len({axes.get_ylim() for axes in drawn.axes}) == 1
    named = [text.get_text() for legend in drawn.legends for text in legend.texts]
    assert named == many.labels
    for axes in drawn.axes:
        assert len({line.get_color() for line in axes.lines}) == 6


def test_the_loss_is_drawn_if_asked_for(members):
    assert "mean loss in training" not in [axes.get_title() for axes in draw(members, members.noises[0]).axes]
    asked = draw(members, members.noises[0], ["loss", "test_accuracy"])
    assert [axes.get_title() for axes in asked.axes] == ["mean loss in training", "test accuracy (%)"]
