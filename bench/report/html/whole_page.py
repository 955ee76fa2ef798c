"""Writes `index.html` of a report: data in compressed blocks, style, scripts, all in one file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bench.files.atomic import write_text
from bench.report.grouping import Group
from bench.report.html import page_assets
from bench.report.html.json_blocks import packed, plain
from bench.report.html.offered_metrics import MAIN, keys
from bench.report.html.portable_text import portable
from bench.report.html.view_answer import against
from bench.report.html.view_curves import rejection, training
from bench.report.html.view_images import ImageViews
from bench.report.html.view_matrices import confusion
from bench.report.html.view_predictions import MOST_RUNS, from_predictions
from bench.report.html.view_ranks import ranked
from bench.report.html.view_settings import links, settings
from bench.report.html.view_tables import told
from bench.report.html.view_values import runs, values
from bench.report.sample_pictures import Samples
from bench.report.table import Table
from bench.report.tables.accuracy import accuracy_table

PAGE = "index.html"
MANY_RUNS = 1000  # with more, only some metrics have tables by noise


def write_page(
    folder: Path,
    results: Path,
    groups: Sequence[Group],
    tables: dict[str, list[Table]],
    problems: Sequence[str],
    samples: Samples,
) -> None:
    """Write the page into a report's folder.

    Args:
        folder: of the report.
        results: the folder of the store, whose runs the page links to.
        groups: the settings.
        tables: those of the report, by the setting's name.
        problems: what the report had to leave out.
        samples: where predictions and images are.
    """
    known = settings(groups)
    said = [portable(line, results, samples.root) for line in problems]
    blocks = [plain("settings", known | {"problems": said})]
    blocks += list(_blocks(results, groups, tables, known["metrics"], samples))
    write_text(folder / PAGE, rendered(blocks))


def rendered(blocks: Sequence[Markup]) -> str:
    """Return the page around blocks of data."""
    style, library, script = page_assets.style(), page_assets.plotting_library(), page_assets.script()
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(page_assets.template()).render(
        policy="; ".join(
            [
                "default-src 'none'",
                f"script-src {page_assets.source_hash(library)} {page_assets.source_hash(script)}",
                f"style-src {page_assets.source_hash(style)}",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
            ]
        ),
        style=Markup(style),
        library=Markup(library),
        script=Markup(script),
        blocks=blocks,
    )


def _blocks(
    results: Path,
    groups: Sequence[Group],
    tables: dict[str, list[Table]],
    metrics: list[dict[str, Any]],
    samples: Samples,
) -> Iterator[Markup]:
    """Yield a block for each view of each setting, and those that all settings share."""
    addresses, images, left = links(groups, results), ImageViews(samples), MOST_RUNS
    names = [key for metric in metrics for key in keys(metric)]
    total = sum(len(group.records) for group in groups)
    for place, group in enumerate(groups):
        predicted, read = from_predictions(group, samples, images, left)
        left -= read
        predicted["absent"] = [portable(line, results, samples.root) for line in predicted["absent"]]
        found = values(group, metrics)
        wanted = [name for name in found if total <= MANY_RUNS or name in MAIN]
        views = {
            "answer": against(group),
            "runs": runs(group, addresses),
            "values": found,
            "by-noise": _by_noise(group, wanted, tables[group.name]),
            "rejection": rejection(group),
            "training": training(group),
            "confusion": confusion(group),
            "tables": _tables(group, tables[group.name]),
            **predicted,
        }
        yield from (packed(f"{name}-{place}", view) for name, view in views.items())
    yield packed("ranks", ranked(groups, names if total <= MANY_RUNS else MAIN))
    yield packed("thumbnails", images.thumbnails.found)


def _by_noise(group: Group, names: Sequence[str], tables: Sequence[Table]) -> dict[str, Any]:
    """Return the table of a metric by noise, for each metric; the report's own is taken."""
    made = {table.name: table for table in tables}
    found = {name: made.get(f"{name}-{group.name}") or accuracy_table(group, name) for name in names}
    return {name: told(table, name, *_places(group)) for name, table in found.items()}


def _tables(group: Group, tables: Sequence[Table]) -> list[dict[str, Any]]:
    return [told(table, table.name.removesuffix(f"-{group.name}"), *_places(group)) for table in tables]


def _places(group: Group) -> tuple[dict[str, int], dict[str, int]]:
    """Return the places of methods and of noises, by their labels."""
    methods = {label: place for place, label in enumerate(group.labels)}
    return methods, {noise.label: place for place, noise in enumerate(group.noises)}
