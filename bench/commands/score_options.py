"""Options of the commands that can show post-hoc scores: which, and their hyper-parameters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.assignments import read_settings
from bench.errors import UsageError
from bench.options import split_list

if TYPE_CHECKING:
    from bench.report.scoring import Scoring

POST_HOC = "Post-hoc scores"
AddedScores = Annotated[
    str | None,
    typer.Option(
        "--scores",
        help="Post-hoc scores to add, such as knn,feature-norm; `bench list scores` has them.",
        metavar="NAME,…",
        rich_help_panel=POST_HOC,
    ),
]
ScoreSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME.KEY=VALUE",
        help="A hyper-parameter of an added score, such as knn.k=10. May be repeated.",
        rich_help_panel=POST_HOC,
    ),
]


def scoring_of(
    names: str | None, assignments: list[str] | None, plugins: list[Path] | None, data_root: Path | None
) -> "Scoring | None":
    """Return the scores that were asked for; None if none are to be added.

    Raises:
        UsageError: a name is unknown, or a setting does not fit.
        PluginError: a plugin does not load.
    """
    if not names and not assignments:
        return None
    from bench.data.data_root import find_data_root
    from bench.plugins.registry import Registry
    from bench.report.scoring import Scoring

    given = read_settings(assignments or [])
    return Scoring.of(listed_scores(names), given, Registry(plugins or []), find_data_root(data_root))


def listed_scores(names: str | None) -> list[str]:
    """Return names typed with commas.

    Raises:
        UsageError: one is empty.
    """
    listed = split_list(names) if names else []
    if not all(listed):
        raise UsageError(f"--scores {names}: a place in the list is empty")
    return listed
