import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from bench.report.figures.style import band, drawing, grid_shape, look, save, shortened, slug, title


def edges(axes):
    """The lower and the upper edge of the only band on axes, by x."""
    (area,) = axes.collections
    (path,) = area.get_paths()
    rows = {}
    for x, y in path.vertices:
        rows.setdefault(float(x), []).append(y)
    xs = sorted(rows)
    return [min(rows[x]) for x in xs], [max(rows[x]) for x in xs]


def test_a_band_is_the_mean_with_one_sample_deviation_to_either_side():
    axes = Figure().subplots()
    band(axes, [1, 2, 3], np.array([[50.0, 60, 70], [54, 60, 76]]), 100.0, **look(0))
    (line,) = axes.lines
    assert line.get_ydata().tolist() == [52, 60, 73]
    low, high = edges(axes)
    np.testing.assert_allclose(low, [52 - 8**0.5, 60, 73 - 18**0.5])
    np.testing.assert_allclose(high, [52 + 8**0.5, 60, 73 + 18**0.5])


def test_a_band_stays_between_zero_and_the_ceiling():
    axes = Figure().subplots()
    band(axes, [1, 2], np.array([[90.0, 0], [100, 10]]), 100.0, **look(0))
    low, high = edges(axes)
    deviation = 50**0.5
    np.testing.assert_allclose(low, [95 - deviation, 0])
    np.testing.assert_allclose(high, [100, 5 + deviation])


def test_a_band_of_what_may_be_negative_is_not_cut_at_zero():
    axes = Figure().subplots()
    band(axes, [1, 2], np.array([[-2.0, 1], [-4, 3]]), np.inf, **look(0))
    low, high = edges(axes)
    np.testing.assert_allclose(low, [-3 - 2**0.5, 2 - 2**0.5])
    np.testing.assert_allclose(high, [-3 + 2**0.5, 2 + 2**0.5])


def test_counts_have_no_ceiling():
    axes = Figure().subplots()
    band(axes, [1], np.array([[100.0], [300.0]]), np.inf, **look(0))
    np.testing.assert_allclose(edges(axes)[1], 200 + 20000**0.5)


def test_one_run_has_a_line_and_no_band():
    axes = Figure().subplots()
    band(axes, [1, 2], np.array([[5.0, 6]]), 100.0, **look(0))
    assert len(axes.lines) == 1
    assert not axes.collections


def test_the_first_42_methods_look_different():
    looks = [(look(place)["color"], look(place)["marker"]) for place in range(42)]
    assert len(set(looks)) == 42


@pytest.fixture
def gradient():
    """A figure of many more than 256 colours."""
    with drawing(4.0, 3.0) as figure:
        axes = figure.subplots()
        ramp = np.linspace(0, 1, 200)
        colours = np.stack([*np.meshgrid(ramp, ramp), np.full((200, 200), 0.5)], axis=2)
        axes.imshow(colours)
    return figure


def test_a_saved_figure_is_a_png_of_at_most_256_colours_in_its_size(gradient, tmp_path):
    save(gradient, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        assert (image.format, image.size) == ("PNG", (600, 450))
        assert 100 < len(image.convert("RGB").getcolors(maxcolors=10**6)) <= 256


def test_a_saved_figure_looks_like_what_was_drawn(gradient, tmp_path):
    gradient.savefig(tmp_path / "true.png", dpi=150)
    save(gradient, tmp_path / "saved.png")
    true, saved = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"), dtype=float) for name in ("true", "saved")
    )
    assert np.abs(true - saved).mean() < 8


def test_the_same_figure_gives_the_same_file(gradient, tmp_path):
    for name in ("one", "two"):
        save(gradient, tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were():
    before = dict(mpl.rcParams)
    with drawing(2.0, 2.0) as figure:
        assert mpl.rcParams["axes.grid"]
    assert dict(mpl.rcParams) == before
    assert figure.get_size_inches().tolist() == [2, 2]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("rul", "rul"),
        ("mix-output(space=probabilities)", "mix-output-space-probabilities"),
        ("rul(mix=C(3,2), dimension=32)", "rul-mix-C-3-2-dimension-32"),
        ("dummy(scale=0.5)", "dummy-scale-0.5"),
        ("moody(mood=[/x])", "moody-mood-x"),
    ],
)
def test_a_slug_is_a_label_that_can_be_a_part_of_a_file_name(label, expected):
    assert slug(label) == expected


def test_labels_that_differ_have_slugs_that_differ():
    assert slug("dummy(scale=-2.0)") != slug("dummy(scale=2.0)")


def test_long_names_are_cut_to_a_length_that_they_keep():
    assert shortened(["automobile", "abcdefghijkl", "abcdefghijklm"]) == [
        *("automobile", "abcdefghijkl"),
        "abcdefghijk…",
    ]
    assert shortened(["automobiles"], 10) == ["automobil…"]


@pytest.mark.parametrize(
    ("count", "columns", "expected"),
    [(1, 3, (1, 1)), (3, 3, (1, 3)), (4, 3, (2, 3)), (4, 2, (2, 2)), (7, 3, (3, 3))],
)
def test_panels_fill_rows_of_a_limited_width(count, columns, expected):
    assert grid_shape(count, columns) == expected


def test_a_title_is_folded_to_the_width_of_its_figure():
    figure = Figure(figsize=(3, 3))
    title(figure, "one " * 30, "two")
    lines = figure.get_suptitle().splitlines()
    assert max(map(len, lines)) <= 42
    assert " ".join(lines).split() == ["one"] * 30 + ["two"]
    assert lines[-1] == "two"


def test_a_figure_is_written_as_matplotlib_would_draw_it(tmp_path):
    def lines():
        with drawing(3.0, 2.0) as figure:
            axes = figure.subplots()
            axes.plot([1, 2, 3], [1, 3, 2], label="some method")
            figure.legend(loc="outside lower center")
            title(figure, "a title", "and another line")
        return figure

    lines().savefig(tmp_path / "matplotlib.png", dpi=150)
    save(lines(), tmp_path / "ours.png")
    with Image.open(tmp_path / "matplotlib.png") as theirs, Image.open(tmp_path / "ours.png") as ours:
        expected = theirs.convert("RGB").quantize(256).convert("RGB")
        np.testing.assert_array_equal(np.asarray(ours.convert("RGB")), np.asarray(expected))
