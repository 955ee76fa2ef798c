"""A benchmark of uncertainty-learning methods for image classification under label noise.

    import bench
    frame = bench.run(methods=["rul", "scn"], noise=[0, 0.3], seeds=[0, 1])
    frame = bench.tune(methods=["rul", "scn"], set={"rul": {"mix": [2, 3]}}, budget=10)
    frame = bench.load_results("results")
    frame = bench.compare(results="results", against="baseline")
    bench.evaluate(logits, labels, uncertainty)["scores.own.auroc"]

The same from a shell is `python -m bench run --methods rul,scn --noise 0,0.3 --seeds 0,1`.
"""

from typing import TYPE_CHECKING, Any

from bench.version import __version__

__all__ = [
    "__version__",
    "compare",
    "evaluate",
    "load_curves",
    "load_epochs",
    "load_predictions",
    "load_results",
    "load_sources",
    "predict",
    "run",
    "tune",
]

if TYPE_CHECKING:
    from bench.commands.evaluated import evaluate
    from bench.commands.predictions_anew import predict
    from bench.commands.python import run
    from bench.commands.stored_frames import (
        compare,
        load_curves,
        load_epochs,
        load_predictions,
        load_results,
        load_sources,
    )
    from bench.commands.tuned import tune


def __getattr__(name: str) -> Any:
    """Import the Python interface at its first use, so that `bench --help` starts without torch."""
    if name == "__version__" or name not in __all__:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    if name == "run":
        from bench.commands.python import run

        return run
    if name == "tune":
        from bench.commands.tuned import tune

        return tune
    if name == "evaluate":
        from bench.commands.evaluated import evaluate

        return evaluate
    if name == "predict":
        from bench.commands.predictions_anew import predict

        return predict
    from bench.commands import stored_frames

    return getattr(stored_frames, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
