from functools import partial

import pytest
from joblib import Parallel
from matplotlib.figure import Figure

from bench.report.figures import save
from bench.report.figures.style import Picture, drawing


def bars(heights: list[int]) -> Figure:
    with drawing(2.0, 1.5) as figure:
        figure.subplots().bar(range(len(heights)), heights)
    return figure


def fails() -> Figure:
    raise ValueError("there is nothing to draw")


@pytest.fixture
def pictures():
    return [Picture(f"bars-{n}", "", partial(bars, [n, 3, 1])) for n in range(9)]


@pytest.mark.parametrize(
    ("cores", "records", "expected"), [(1, 10, 1), (2, 10, 2), (16, 10, 2), (2, save.MANY + 1, 1)]
)
def test_files_are_the_same_in_however_many_processes(tmp_path, monkeypatch, pictures, cores, records, expected):
    asked = []
    monkeypatch.setattr(save, "cpu_count", lambda: cores)
    monkeypatch.setattr(save, "Parallel", lambda jobs, **rest: asked.append(jobs) or Parallel(jobs, **rest))
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
    save.save_each(pictures, tmp_path / "one")
    save.save_all(pictures, tmp_path / "many", records)
    one, many = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "many")
    )
    assert asked == [expected]
    assert sorted(one) == [f"bars-{n}.png" for n in range(9)]
    assert one == many
    assert len(set(one.values())) == 9


@pytest.mark.parametrize("cores", [1, 2])
def test_an_error_in_drawing_is_that_of_the_picture(tmp_path, monkeypatch, pictures, cores):
    monkeypatch.setattr(save, "cpu_count", lambda: cores)
    with pytest.raises(ValueError, match="there is nothing to draw"):
        save.save_all([*pictures, Picture("none", "", fails)], tmp_path, 1)


def test_no_picture_is_no_work(tmp_path):
    save.save_all([], tmp_path, 0)
    assert not list(tmp_path.iterdir())
