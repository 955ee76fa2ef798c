import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bench.report.figures.critical_difference import draw
from bench.report.statistics.ranks import friedman
from bench.report.values import MethodLabel


@pytest.mark.parametrize(("methods", "blocks"), [(3, 8), (6, 6), (20, 24)])
def test_no_label_lies_over_another_or_outside(methods, blocks):
    rng = np.random.default_rng(methods)
    labels = [MethodLabel(f"method-{place}(space=probabilities)") for place in range(methods)]
    values = rng.normal(size=(blocks, methods)) + 0.2 * np.arange(methods)
    figure = draw(friedman(labels, values), "scores.own.auroc")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    assert len(boxes) > methods
    for place, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:place])
