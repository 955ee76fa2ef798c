"""`bench merge`: bring runs made elsewhere into a results folder."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.command_options import RESULTS, Results


def merge(
    others: Annotated[list[Path], typer.Argument(help="Results folders, or files that `bench pack` wrote.")],
    results: Results = RESULTS,
) -> None:
    """Bring runs made elsewhere into this results folder.

    The same run with another outcome is named and refused, and the exit status is 1.

    \b
    Examples:
      bench merge other-results
      bench merge runs.tar.gz more-runs.tar.gz --results results/table1-mnist
    """
    from bench.commands.console import FAILED, note, say
    from bench.store import transfer
    from bench.store.store import Store
    from bench.store.unfinished import clear

    clear(Store(results).root)
    failed = False
    for other in others:
        merged = transfer.merge(Store(results), other)
        completed = f", {merged.completed} of them without the predictions added now" if merged.completed else ""
        searches = f"; {merged.searches} searches of bench tune" if merged.searches else ""
        say(f"{other}: {merged.added} runs added, {merged.same} were here{completed}{searches}")
        for line in merged.problems:
            note(line)
        for line in merged.refused:
            note(line, "refused")
        failed = failed or bool(merged.refused or merged.problems)
    raise typer.Exit(FAILED if failed else 0)
