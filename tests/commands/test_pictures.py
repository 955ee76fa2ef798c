"""Pictures of samples, asked for by an experiment and by `bench report`."""

import json

import pytest
from harness import PLUGINS, bench

pytestmark = pytest.mark.xdist_group("pictures")  # for what they share is made once

PLACES = ("--plugins", str(PLUGINS), "--results")


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    """A run of an experiment that asks for pictures, with one more setting."""
    folder = tmp_path_factory.mktemp("pictured")
    (folder / "look.toml").write_text(
        'datasets = ["tiny"]\nmethods = ["baseline"]\nnoise = [0.3]\ndevice = "cpu"\nepochs = 2\n\n'
        "[set.baseline]\ndimension = 8\ndropout = 0.0\n\n"
        '[pictures]\nfigures = ["images", "features"]\ntop = 4\n'
    )
    flags = ("--experiment", str(folder / "look.toml"), "--set", "baseline.dropout=0.25")
    done = bench("run", *flags, *PLACES, str(folder))
    assert done.returncode == 0, done.stderr
    return folder, done


def pictures_of(folder):
    return {path.name for path in (folder / "report" / "figures").iterdir()}


def test_an_experiment_draws_the_pictures_that_it_asks_for(pictured):
    folder, done = pictured
    run = "baseline-dimension-8-dropout-0.25-tiny-symmetric-0.3.png"
    of_samples = {f"{name}-{run}" for name in ("uncertain", "certain", "features")}
    assert pictures_of(folder) == of_samples | {
        f"{name}-tiny-symmetric-0.3.png" for name in ("rejection", "confusion")
    }
    page = (folder / "report" / "README.md").read_text()
    assert "the 4 most uncertain by own score, tiny](figures/uncertain-" in page
    assert done.stderr == ""


def test_a_setting_on_the_command_line_replaces_that_key_of_the_experiment_alone(pictured):
    folder, _ = pictured
    (path,) = folder.rglob("spec.json")
    assert json.loads(path.read_text())["method"]["hyperparameters"] == {"dimension": 8, "dropout": 0.25}


def test_report_draws_the_images_that_are_asked_for(pictured):
    folder, _ = pictured
    shown = bench("report", "--figures", "images", "--top", "5", "--score", "msp", *PLACES, str(folder))
    assert (shown.returncode, shown.stderr) == (0, "")
    page = (folder / "report" / "README.md").read_text()
    for which in ("uncertain", "certain"):
        name = f"{which}-baseline-dimension-8-dropout-0.25-tiny-symmetric-0.3.png"
        assert f"the 5 most {which} by msp score, tiny](figures/{name})" in page
        assert (folder / "report" / "figures" / name).stat().st_size > 1000
    assert not any(name.startswith("features") for name in pictures_of(folder))


def test_a_picture_that_there_is_not_gets_one_clear_line_and_leaves_the_report(pictured):
    folder, _ = pictured
    before = pictures_of(folder)
    failed = bench("report", "--figures", "imgaes", *PLACES, str(folder))
    assert failed.returncode == 2
    assert (
        failed.stderr
        == "error: --figures: input should be 'images', 'features', 'reliability' or 'histograms', got 'imgaes'\n"
    )
    assert pictures_of(folder) == before
