"""Mean ranks of the methods over all settings, for the critical-difference diagram."""

from collections.abc import Sequence
from typing import Any

from bench.escaping import printable
from bench.report.grouping import Group
from bench.report.html.json_blocks import short
from bench.report.statistics.paired import ranks


def ranked(groups: Sequence[Group], metrics: Sequence[str]) -> dict[str, Any]:
    """Return ranks, cliques and tests by metric, of those that rank three methods or more."""
    found = {}
    for metric in metrics:
        outcome, dropped = ranks(list(groups), metric)
        if outcome:
            found[metric] = {
                "names": [printable(str(label)) for label in outcome.labels],
                "means": [short(float(mean)) for mean in outcome.means],
                "cliques": outcome.cliques(),
                "blocks": outcome.blocks,
                "dropped": dropped,
                "p": short(outcome.p, 3),
                "critical": short(outcome.critical),
            }
    return found
