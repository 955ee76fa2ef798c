"""`bench report`: rebuild tables and figures from stored runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.commands.console import show_report
from bench.data.data_root import find_data_root
from bench.errors import UsageError
from bench.plugins.registry import Registry
from bench.report.pages import write_report
from bench.report.sample_pictures import Samples
from bench.spec import Pictures, validated
from bench.store.store import Store


def make_samples(data_root: Path | None, plugins: Iterable[Path]) -> Samples:
    """Return where pictures find the samples of stored runs."""
    return Samples(Registry(plugins), find_data_root(data_root))


def report(results: Path, samples: Samples, pictures: dict[str, Any]) -> int:
    """Rebuild the report, with the pictures asked for, and show its main tables.

    Raises:
        UsageError: there is no such folder, or no run in it, or a picture is asked for that there is not.
    """
    wanted = validated(Pictures, pictures, "option")
    if not (store := Store(results)).exists():
        raise UsageError(f"--results {results}: there is no folder {store.root}; `bench run` makes it")
    written = write_report(results, samples, wanted)
    show_report(written, None)
    if not written.groups:
        raise UsageError(f"--results {results}: there is no finished run")
    return 0
