"""What methods say of single trainings, such as a bound that was never reached."""

from bench.report.columns import Texts
from bench.report.grouping import Group
from bench.report.table import Table
from bench.report.tables.cell_table import Runs, ValuedColumns, cell_table

Remark = tuple[int, str]  # seed of the run, and what the method says of it
COLUMNS: ValuedColumns = (
    (Texts("seed"), lambda remark: str(remark[0])),
    (Texts("remark"), lambda remark: remark[1]),
)


def remarks_table(group: Group) -> Table:
    """Return a row for each remark of each run."""
    return cell_table(group, "remarks", "Remarks of methods on their trainings", COLUMNS, [], _remarks)


def _remarks(runs: Runs) -> list[Remark]:
    return [(record.spec.seed, remark) for record in runs for remark in record.remarks]
