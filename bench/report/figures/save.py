"""Pictures become files: many are drawn in several processes, as matplotlib uses one core."""

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
from joblib import Parallel, cpu_count, delayed

from bench.files.atomic import replace_file
from bench.report.figures.sheet import Sheet
from bench.report.figures.style import Picture, save

SHARE = 4  # pictures that are drawn while another process starts
MOST = 4  # processes: each takes some 200 MB
# With more runs than this, sending them to another process takes longer than drawing there saves.
MANY = 4000


def save_all(pictures: list[Picture], folder: Path, records: int) -> None:
    """Write each picture to its file in a folder; the files are the same in however many processes.

    Args:
        pictures: what to draw.
        folder: where to.
        records: how many runs go with one picture at most; with many, this process draws alone.
    """
    jobs = 1 if records > MANY else max(1, min(cpu_count(), MOST, len(pictures) // SHARE))
    shares = [pictures[place : place + SHARE] for place in range(0, len(pictures), SHARE)]
    # A share is sent with the runs that its pictures show, once a process is free for it.
    Parallel(jobs, pre_dispatch=jobs)(delayed(save_each)(share, folder) for share in shares)


def save_each(pictures: list[Picture], folder: Path) -> None:
    """Write pictures one after the other."""
    for picture in pictures:
        save(picture.figure, folder / picture.file)


ENDINGS = (".pdf", ".svg", ".png")
DPI = 600  # of pictures of dots in a paper
UNDATED: dict[str, dict[str, Any]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}


def save_for_paper(picture: Picture, path: Path, sheet: Sheet) -> None:
    """Draw a picture on a sheet and write it in the format of the file's ending, as a whole.

    Raises:
        OSError: the file cannot be written.
    """
    figure = picture.draw(sheet=sheet)
    with mpl.rc_context(sheet.style), warnings.catch_warnings(), replace_file(path) as file:
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # it is drawn as a box
        figure.savefig(file, format=path.suffix[1:], dpi=DPI, metadata=UNDATED[path.suffix])
