"""What many tables share: the columns of noise and method, and the note on older rows."""

from bench.report.columns import Column, Methods, Texts
from bench.report.grouping import Group

NOISE_AND_METHOD: tuple[Column, ...] = (Texts("noise"), Methods())


def older_note(group: Group) -> list[str]:
    """Return a note that rows of older protocols and versions do not compete, if there are any."""
    if len(group.current) == len(group.labels):
        return []
    return ["Runs of older protocols and versions, named in brackets, are not compared with others."]
