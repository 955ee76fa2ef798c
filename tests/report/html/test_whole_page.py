"""The file of the page, read as text: what it must not tell, and how large it is."""

import base64
import gzip
import re
import shutil

from harness import report


def blocks(page):
    """All data of a page as one text."""
    found = re.findall(r'<script type="application/(json|gzip)" id="[^"]*">(.*?)</script>', page, re.DOTALL)
    assert {kind for kind, _ in found} == {"json", "gzip"}
    return "\n".join(
        gzip.decompress(base64.b64decode(text)).decode() if kind == "gzip" else text for kind, text in found
    )


def test_the_page_of_runs_without_predictions_says_so_without_paths_of_this_machine(wild, tmp_path):
    root, _ = wild
    shutil.copytree(root / "results", tmp_path / "results", ignore=shutil.ignore_patterns("*.parquet", "report"))
    made = report(tmp_path / "results", root / "plugins")
    page = (made.folder / "index.html").read_text()
    said = blocks(page)
    assert "has no predictions here" in said
    assert [path for path in (tmp_path, root) if str(path) in page + said] == []
    assert len(page) < 6_000_000
