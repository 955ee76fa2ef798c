import itertools
import random
import threading
import time

import pytest

from bench.data.prefetch import ahead

TIMEOUT = 20


def until(condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.mark.parametrize(("depth", "workers"), [(0, 1), (1, 1), (5, 3), (50, 8)])
def test_results_come_in_the_order_of_their_items(depth, workers):
    waits = random.Random(0)

    def slow(item):
        time.sleep(waits.random() / 300)
        return item * item

    assert list(ahead(slow, range(40), depth, workers)) == [k * k for k in range(40)]


def test_work_is_done_ahead_and_no_further_than_agreed():
    taken, done = itertools.count(), []
    items = ((next(taken), k)[1] for k in range(100))
    results = ahead(lambda k: done.append(k) or k, items, 3, 2)
    for k in range(4):
        assert next(results) == k
        until(lambda: len(done) == k + 4)  # noqa: B023 - this one and the three that follow, unasked
    time.sleep(0.05)
    assert sorted(done) == list(range(7))
    assert next(taken) == 7
    results.close()


def test_threads_work_at_the_same_time():
    barrier = threading.Barrier(3)
    assert len(list(ahead(lambda _: barrier.wait(TIMEOUT), range(3), 3, 3))) == 3


def test_items_are_taken_in_the_callers_thread():
    takers = []
    items = (takers.append(threading.current_thread()) for _ in range(5))
    workers = set(ahead(lambda _: threading.current_thread(), items, 2, 1))
    assert set(takers) == {threading.current_thread()}
    assert threading.current_thread() not in workers


def test_an_error_comes_in_its_results_place_and_ends_the_threads():
    results = ahead(lambda k: 12 // (4 - k), range(10), 3, 2)
    assert [next(results) for _ in range(4)] == [3, 4, 6, 12]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert threads() == []


def test_closing_early_drops_the_rest_and_ends_the_threads():
    begun, go_on = [], threading.Event()

    def work(k):
        begun.append(k)
        assert k == 0 or go_on.wait(TIMEOUT)

    results = ahead(work, range(1000), 8, 2)
    next(results)
    until(lambda: len(begun) == 3)  # two that wait to go on, and the first
    assert len(threads()) == 2
    threading.Timer(0.05, go_on.set).start()
    results.close()
    assert threads() == []
    assert sorted(begun) == [0, 1, 2]


def test_no_items_give_no_results_and_no_threads():
    assert list(ahead(str, [], 3, 2)) == []
    assert threads() == []
