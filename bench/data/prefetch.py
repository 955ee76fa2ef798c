"""Prefetching: threads compute the next results, in order, while the caller uses earlier ones."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], depth: int, threads: int
) -> Generator[Result, None, None]:
    """Yield `work(item)` for each item in order, while threads compute the next ones.

    Items are taken from the iterable in the caller's thread. An error in `work` is raised where its
    result would be yielded. At the end, after an error or on `close`, running work is awaited and
    pending work is cancelled.

    Args:
        work: function of one item.
        items: taken one by one.
        depth: maximum number of items submitted ahead of the caller.
        threads: number of threads.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
