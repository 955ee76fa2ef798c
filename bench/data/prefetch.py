"""Work done by threads ahead of the one who asks for it: in order, and never further ahead than agreed."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    work: Callable[[Item], Result], items: Iterable[Item], depth: int, threads: int
) -> Generator[Result, None, None]:
    """Yield `work(item)` of each item in order, while threads work on the next `depth` items.

    The items are taken in the caller's thread. An error of `work` is raised where its result would be yielded.
    At the end, at an error, or on `close`, work that has begun is waited for and the rest is dropped.
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
