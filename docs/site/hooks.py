"""Hooks of the site: the pages of `results/` join it; links to code and tables become text."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OF_STUDY = ("README.md", "report/figures/*.png", "samples/*.png", "compare/*/*.png")
IN_RESULTS = re.compile(r"(\]\(|^\[[^\]]+\]: |src=\")\.\./results/", re.MULTILINE)
IN_DOCS = re.compile(r"(\]\(|^\[[^\]]+\]: )(?:\.\./)+docs/", re.MULTILINE)
OF_CODE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!results/)[^)#]*(?<!\.md)\)")
OF_REPORT = re.compile(r"\[([^\]]+)\]\(([^)]*(?:(?:report|compare)/[^)]*\.(?:md|csv)|\.tar\.gz))\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and figures of the published studies."""
    studies = [pack.parent for pack in (ROOT / "results").glob("*/runs.tar.gz")]
    found = [path for study in studies for pattern in OF_STUDY for path in study.glob(pattern)]
    for path in sorted([ROOT / "results" / "README.md", *found]):
        name = path.relative_to(ROOT).as_posix()
        files.append(File(name, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at where the files lie in the site; what is not in it stays as text."""
    up = "../" * page.file.src_uri.count("/")
    text = IN_RESULTS.sub(rf"\1{up}results/", text)
    text = IN_DOCS.sub(rf"\1{up}", text)
    return OF_REPORT.sub(r"\1", OF_CODE.sub(r"\1", text))
