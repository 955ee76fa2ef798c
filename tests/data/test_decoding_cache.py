"""Images are decoded once, and again after a change, by processes that race or are killed."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data.decoding_cache import decode_once
from bench.errors import DataError
from bench.files.cache_place import cache_folder

SHAPE = (3, 6, 5)
CALLS = []


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    CALLS.clear()
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    for k in range(20):
        picture(folder / f"{k:02}.png", seed=k)
    return folder


def picture(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def decode(path, flip=False):
    CALLS.append(path)
    with Image.open(path) as image:
        pixels = np.asarray(image).transpose(2, 0, 1)
    return pixels[:, :, ::-1] if flip else pixels


def paths(folder):
    return sorted(map(str, folder.glob("*.png")))


def decoded(folder, decode=decode, **options):
    return decode_once(folder, paths(folder), SHAPE, decode, **options)


def expected(folder):
    return np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) for path in paths(folder)])


def files(cache):
    return sorted(path.suffix or path.name for path in cache.rglob("*") if path.is_file())


def calls():
    """How many images were decoded since this was last asked."""
    number = len(CALLS)
    CALLS.clear()
    return number


# ---- once ----------------------------------------------------------------------------------------


def test_the_array_holds_the_decoded_files_in_order_of_the_paths(folder):
    np.testing.assert_array_equal(decoded(folder).images.numpy(), expected(folder))
    backwards = decode_once(folder, paths(folder)[::-1], SHAPE, decode)
    np.testing.assert_array_equal(backwards.images.numpy(), expected(folder)[::-1])


def test_mean_and_standard_deviation_are_those_of_the_pixels(folder):
    found = decoded(folder)
    pixels = expected(folder).astype(np.float64) / 255
    assert found.mean == pytest.approx(pixels.mean(axis=(0, 2, 3)).tolist(), rel=1e-13)
    assert found.std == pytest.approx(pixels.std(axis=(0, 2, 3), ddof=1).tolist(), rel=1e-13)
    again = decoded(folder)
    assert (again.mean, again.std) == (found.mean, found.std)
    as_before = torch.from_numpy(expected(folder)).float() / 255
    assert found.mean == pytest.approx(as_before.mean(dim=(0, 2, 3)).tolist(), rel=1e-5)
    assert found.std == pytest.approx(as_before.std(dim=(0, 2, 3)).tolist(), rel=1e-5)


def test_a_single_pixel_has_no_deviation(tmp_path):
    Image.new("RGB", (1, 1), (51, 102, 255)).save(tmp_path / "one.png")
    found = decode_once(tmp_path, [str(tmp_path / "one.png")], (3, 1, 1), decode)
    assert (found.mean, found.std) == ([0.2, 0.4, 1.0], [0.0, 0.0, 0.0])


def test_files_are_decoded_once(folder, cache):
    first = decoded(folder)
    assert calls() == 20
    second = decoded(folder)
    assert calls() == 0
    assert second.images.path == first.images.path
    np.testing.assert_array_equal(second.images.numpy(), expected(folder))
    assert files(cache) == [".json", ".npy", "lock"]


def test_files_are_decoded_where_the_system_tells_no_affinity(folder, monkeypatch):
    """As on macOS, which has no `os.sched_getaffinity`."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    np.testing.assert_array_equal(decoded(folder).images.numpy(), expected(folder))


def test_a_relative_folder_is_the_same_as_an_absolute_one(folder, monkeypatch):
    decoded(folder)
    monkeypatch.chdir(folder.parent)
    decoded(Path("train"))
    assert calls() == 20


def test_options_decoders_and_folders_have_arrays_of_their_own(folder, tmp_path):
    other = tmp_path / "other" / "train"
    other.parent.mkdir()
    folder.rename(other)
    folder.mkdir()
    picture(folder / "0.png", seed=99)

    def inverted(path):
        return 255 - decode(path)

    makers = [partial(decoded, folder), partial(decoded, other), partial(decoded, other, flip=True)]
    makers.append(partial(decoded, other, decode=inverted))
    made = [maker().images.numpy() for maker in makers]
    assert calls() == 1 + 3 * 20
    np.testing.assert_array_equal(made[0], expected(folder))
    np.testing.assert_array_equal(made[2], expected(other)[..., ::-1])
    np.testing.assert_array_equal(made[3], 255 - expected(other))
    for maker, array in zip(makers, made, strict=True):
        np.testing.assert_array_equal(maker().images.numpy(), array)
    assert calls() == 0


def test_what_is_there_needs_no_lock(folder, monkeypatch):
    """A cache that others share may be one that this process cannot write to."""
    decoded(folder)
    monkeypatch.setattr("bench.data.decoding_cache.waiting", lambda *_: pytest.fail("locked"))
    np.testing.assert_array_equal(decoded(folder).images.numpy(), expected(folder))


def test_the_cache_is_where_the_environment_says_or_in_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_CACHE", "~/images")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "images"
    monkeypatch.delenv("BENCH_CACHE")
    assert cache_folder() == tmp_path / ".cache" / "uncertainty-bench"


# ---- anew ----------------------------------------------------------------------------------------


def change_a_file(folder):
    picture(folder / "03.png", seed=100)


def touch_a_file(folder):
    os.utime(folder / "03.png", ns=(1, 1))


def add_a_file(folder):
    picture(folder / "99.png", seed=100)


def remove_a_file(folder):
    (folder / "03.png").unlink()


def rename_a_file(folder):
    (folder / "03.png").rename(folder / "99.png")


@pytest.mark.parametrize("change", [change_a_file, touch_a_file, add_a_file, remove_a_file, rename_a_file])
def test_a_changed_folder_is_decoded_anew_and_its_old_array_removed(folder, cache, change):
    before = decoded(folder).images
    old, kept = expected(folder), before.part(np.array([3, 19]))
    calls()
    change(folder)
    np.testing.assert_array_equal(decoded(folder).images.numpy(), expected(folder))
    assert calls() == len(paths(folder))
    assert files(cache) == [".json", ".npy", "lock"]
    np.testing.assert_array_equal(before.numpy(), old)  # who has it open keeps it
    np.testing.assert_array_equal(kept[:].numpy(), old[[3, 19]])


def cut(array, about):
    array.write_bytes(array.read_bytes()[:-100])


def overwrite(array, about):
    array.write_bytes(array.read_bytes()[:-100] + bytes(100))


def remove(array, about):
    array.unlink()


def no_json(array, about):
    about.unlink()


def torn_json(array, about):
    about.write_text(about.read_text()[:-10])


def other_json(array, about):
    about.write_text("[1, 2]")


def binary_json(array, about):
    about.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("spoil", [cut, overwrite, remove, no_json, torn_json, other_json, binary_json])
def test_what_is_torn_or_not_ours_is_noticed_and_made_anew(folder, spoil):
    path = decoded(folder).images.path
    calls()
    spoil(path, path.with_suffix(".json"))
    np.testing.assert_array_equal(decoded(folder).images.numpy(), expected(folder))
    assert calls() == 20
    decoded(folder)
    assert calls() == 0


# ---- what goes wrong -----------------------------------------------------------------------------


def test_an_error_of_the_decoder_is_raised_and_leaves_nothing(folder, cache):
    (folder / "11.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"11\.png"):
        decoded(folder, decode=told)
    assert files(cache) == ["lock"]
    picture(folder / "11.png", seed=11)
    np.testing.assert_array_equal(decoded(folder, decode=told).images.numpy(), expected(folder))


def told(path):
    try:
        return decode(path)
    except OSError:
        raise DataError(f"{path} is no image") from None


@pytest.mark.parametrize("error", [ValueError("odd"), OSError("odd"), ZeroDivisionError("odd")])
def test_whatever_a_decoder_raises_names_the_file(folder, error):
    def breaking(path):
        raise error

    with pytest.raises(DataError, match=rf"train/00\.png cannot be decoded: {type(error).__name__}: odd"):
        decoded(folder, decode=breaking)


@pytest.mark.parametrize("target", ["gone.png", "11.png"])
def test_a_file_that_leads_nowhere_is_named_and_the_cache_is_not_blamed(folder, target):
    (folder / "11.png").unlink()
    (folder / "11.png").symlink_to(target)
    with pytest.raises(DataError, match=r"^/.*train/11\.png cannot be read: (No such file|Too many levels)"):
        decoded(folder)


def test_a_pipe_in_the_cache_is_not_waited_for(folder):
    path = decoded(folder).images.path
    path.with_suffix(".json").unlink()
    os.mkfifo(path.with_suffix(".json"))
    np.testing.assert_array_equal(decoded(folder).images.numpy(), expected(folder))


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("wrong", "seen"),
    [
        (lambda image: image.transpose(0, 2, 1), r"uint8 \(3, 5, 6\)"),
        (lambda image: image.astype(float), r"float64 \(3, 6, 5\)"),
    ],
)
def test_an_image_of_another_shape_or_type_is_refused(folder, cache, wrong, seen):
    def misshapen(path):
        return wrong(decode(path))

    with pytest.raises(DataError, match=rf"00\.png: decoded images must be uint8 \(3, 6, 5\), got {seen}"):
        decoded(folder, decode=misshapen)
    assert files(cache) == ["lock"]


def test_a_cache_that_cannot_be_made_is_one_clear_line(folder, cache):
    cache.write_text("in the way")
    with pytest.raises(DataError) as error:
        decoded(folder)
    said = str(error.value)
    assert said.startswith(f"decoded images cannot be kept in {cache}/train-")
    assert "NotADirectoryError" in said or "FileExistsError" in said
    assert said.endswith("set BENCH_CACHE to another folder")
    assert "\n" not in said


def test_want_of_room_is_told_before_anything_is_decoded(folder, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=20 * 90 - 1))
    with pytest.raises(DataError, match=r"need 0\.0 GB in .*, where 0\.0 GB are free; set BENCH_CACHE"):
        decoded(folder)
    assert calls() == 0


# ---- other processes -----------------------------------------------------------------------------

PROGRAM = """
import hashlib, os, resource, signal, sys, time
from pathlib import Path
import numpy as np
from PIL import Image
from bench.data.decoding_cache import decode_once
from bench.errors import DataError

def decode(path):
    with open(sys.argv[2], "a") as log:
        log.write(path + "\\n")
    time.sleep(0.01)
    if len(sys.argv) > 3 and sys.argv[3] in path:
        print("stuck", flush=True)
        time.sleep(600)
    with Image.open(path) as image:
        return np.asarray(image).transpose(2, 0, 1)

folder = Path(sys.argv[1])
{before}
try:
    found = decode_once(folder, sorted(map(str, folder.glob("*.png"))), (3, 6, 5), decode)
    print(hashlib.sha256(found.images.numpy().tobytes()).hexdigest())
except DataError as error:
    print(error)
"""


@pytest.fixture
def start(tmp_path, folder):
    """Start a process that decodes the folder and logs each file; it hangs at a given file."""
    started = []

    def begin(hang=None, before=""):
        program = tmp_path / f"program{len(started)}.py"
        program.write_text(textwrap.dedent(PROGRAM).replace("{before}", before))
        command = [sys.executable, str(program), str(folder), str(tmp_path / "log"), *([hang] if hang else [])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, text=True, env=environment, **pipes))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def answer(process):
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out.strip()


def logged(tmp_path):
    return len((tmp_path / "log").read_text().splitlines())


def digest(folder):
    return hashlib.sha256(expected(folder).tobytes()).hexdigest()


def test_of_processes_that_start_at_once_one_decodes(tmp_path, folder, start):
    running = [start() for _ in range(3)]
    assert [answer(process) for process in running] == [digest(folder)] * 3
    assert logged(tmp_path) == 20


def test_a_process_that_is_killed_at_it_leaves_nothing_wrong(tmp_path, folder, cache, start):
    victim = start(hang="19.png")
    assert victim.stdout.readline() == "stuck\n"
    assert files(cache) == [".partial", "lock"]
    waiting = start()
    victim.send_signal(signal.SIGKILL)
    assert answer(waiting) == digest(folder)
    assert files(cache) == [".json", ".npy", "lock"]
    assert logged(tmp_path) == 40


def test_a_disk_that_fills_up_is_one_clear_line_and_nothing_stays(folder, cache, start):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))"
    said = answer(start(before=limit))
    assert said.startswith(f"decoded images cannot be kept in {cache}/train-")
    assert "File too large" in said
    assert said.count("\n") == 0
    assert files(cache) == ["lock"]
