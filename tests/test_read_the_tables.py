"""The page on tables: its examples hold, and it explains every table of a report."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "read-the-tables.md"


def test_the_examples_of_the_page_hold():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    exec("\n".join(blocks), {})


def test_the_page_tells_every_table_of_a_report():
    package = PAGE.parents[1] / "bench" / "report" / "tables"
    sources = [path.read_text(encoding="utf-8") for path in package.glob("*.py")]
    named = re.compile(r'f"([a-z-]+)-\{group\.name\}"|cell_table\(\s*group,\s*"([a-z-]+)"')
    names = {one or other for source in sources for one, other in named.findall(source)}
    assert len(names) > 12
    assert not {name for name in names - {"comparison"} if f"`{name}`" not in PAGE.read_text(encoding="utf-8")}
