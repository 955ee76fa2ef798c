"""No title, label or legend of a picture lies over another or is cut off at the figure's edge."""

from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import bench
from bench.report import figures
from bench.report.figures.sheet import REPORT, WIDTHS, Sheet
from bench.report.grouping import group
from bench.report.results import load_records
from bench.store.store import Store

RESULTS = Path(bench.__file__).parents[1] / "results"
SHEETS = {"report": REPORT} | {name: Sheet(width, titles=False) for name, width in WIDTHS.items()}
METHODS = {
    "two": ["baseline", "rul"],
    "three": ["baseline", "dul", "rul"],
    "four": ["baseline", "dul", "rul", "scn"],
}
pytestmark = pytest.mark.skipif(not RESULTS.is_dir(), reason="not in a clone")


@pytest.fixture(scope="module")
def studied():
    return {name: load_records(Store(RESULTS / f"table1-{name}"))[0] for name in ("mnist", "cifar10-short")}


def texts(figure):
    """The boxes of what is written around the panels, by what it says."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    labels = [each for axes in figure.axes for each in (axes.title, axes.xaxis.label, axes.yaxis.label)]
    of_all = [figure._suptitle, figure._supxlabel, figure._supylabel]
    written = [text for text in [*labels, *of_all] if text is not None and text.get_text()]
    renderer = canvas.get_renderer()
    found = [(text.get_text(), text.get_window_extent(renderer)) for text in written]
    return [*found, *(("legend", each.get_window_extent(renderer)) for each in figure.legends)]


@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize(("dataset", "count"), [("mnist", "two"), ("mnist", "four"), ("cifar10-short", "three")])
def test_texts_have_room(studied, dataset, count, sheet):
    chosen = [r for r in studied[dataset] if r.spec.label in METHODS[count] and r.noise.label in ("0%", "30%")]
    (members,) = group(chosen)
    for pictures in figures.FROM_RECORDS:
        for picture in pictures(members):
            figure = picture.draw(sheet=SHEETS[sheet])
            found = texts(figure)
            for said, box in found:
                assert -1 < box.x0 < box.x1 < figure.bbox.x1 + 1, (picture.name, said)
                assert -1 < box.y0 < box.y1 < figure.bbox.y1 + 1, (picture.name, said)
            for (one, first), (other, second) in combinations(found, 2):
                assert not first.padded(-1).overlaps(second.padded(-1)), (picture.name, one, other)
