"""Unfinished runs: locked, told of, released."""

import pytest

from bench.store.unfinished import UnderWay, epochs_done, folder_of, is_taken, tidy


@pytest.fixture
def place(tmp_path):
    return tmp_path / "runs" / "seed0"


def test_one_program_takes_a_run_and_a_release_keeps_the_checkpoint_of_one_that_is_not_done(place):
    assert not is_taken(place)
    first = UnderWay.take(place)
    assert is_taken(place)
    assert UnderWay.take(place) is None
    first.checkpoint.write_bytes(b"half")
    first.release(done=False)
    assert not is_taken(place)
    second = UnderWay.take(place)
    assert second.checkpoint.read_bytes() == b"half"
    second.release(done=True)
    assert not folder_of(place).exists()


def test_what_has_no_checkpoint_leaves_nothing(tmp_path):
    place = tmp_path / "runs" / "tiny" / "dummy" / "symmetric-0.3" / "seed0"
    with UnderWay.take(place) as under_way:
        under_way.epoch_done(1)
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]
    with UnderWay.take(place):
        place.mkdir()
    assert place.is_dir()


def test_others_read_how_far_a_run_is_and_how_far_its_checkpoint(place):
    assert epochs_done(place) == (0, 0)
    with UnderWay.take(place) as under_way:
        said = []
        for step in (under_way.epoch_done, under_way.epoch_done):
            step(len(said) + 1)
            said.append(epochs_done(place))
        under_way.checkpointed()
        said.append(epochs_done(place))
        under_way.epoch_done(3)
        said.append(epochs_done(place))
        under_way.checkpoint.write_bytes(b"of epoch 2")
    assert said == [(1, 0), (2, 0), (2, 2), (3, 2)]
    with UnderWay.take(place) as again:
        again.resumed(2)
        assert epochs_done(place) == (2, 2)
        again.epoch_done(3)
        assert epochs_done(place) == (3, 2)


@pytest.mark.parametrize("text", [b"", b"3", b"a b", b"\x00\xff \x00", b"1 2 3"])
def test_a_torn_word_counts_as_nothing(place, text):
    folder_of(place).mkdir(parents=True)
    (folder_of(place) / "epochs").write_bytes(text)
    assert epochs_done(place) == (0, 0)


def test_how_far_a_run_is_outlives_a_lock_that_is_taken_again(place):
    """`filelock` may truncate the file that it locks."""
    first = UnderWay.take(place)
    first.checkpoint.write_bytes(b"of epoch 2")
    first.epoch_done(2)
    first.checkpointed()
    first.release(done=False)
    with UnderWay.take(place):
        assert epochs_done(place) == (2, 2)


def test_what_a_killed_program_left_of_a_finished_run_is_removed_unless_another_works_on_it(place):
    UnderWay.take(place).lock.release()
    tidy(place)
    assert not folder_of(place).exists()
    with UnderWay.take(place):
        tidy(place)
        assert folder_of(place).is_dir()
