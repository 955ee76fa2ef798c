from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional

from bench.data.augment import normalise
from bench.errors import DataError
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.spec import Choice

CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Name in the list, its label there, the grey level of the image.
FACES = [
    ("train_00001.jpg", 5, 10),
    ("train_00002.jpg", 1, 40),
    ("test_0001.jpg", 7, 200),
    ("train_00003.jpg", 7, 90),
    ("test_0002.jpg", 4, 255),
]


def rafdb(root: Path):
    return load(Choice(name="rafdb", hyperparameters={}, version=""), Registry(), root, False)


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as raised:
        rafdb(root)
    said = str(raised.value)
    assert said.startswith("rafdb: ")
    assert said.isprintable()
    return said.removeprefix("rafdb: ")


def aligned(root: Path, name: str) -> Path:
    return root / "RAF-DB" / "basic" / "Image" / "aligned" / name.replace(".jpg", "_aligned.jpg")


def table(root: Path) -> Path:
    return root / "RAF-DB" / "basic" / "EmoLabel" / "list_patition_label.txt"


@pytest.fixture
def root(tmp_path):
    table(tmp_path).parent.mkdir(parents=True)
    aligned(tmp_path, "any.jpg").parent.mkdir(parents=True)
    table(tmp_path).write_text("".join(f"{name} {label}\n" for name, label, _ in FACES))
    for name, _, level in FACES:
        Image.new("RGB", (100, 100), (level, level, level)).save(aligned(tmp_path, name))
    return tmp_path


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_and_labels_are_those_of_the_list_in_its_order(root, part):
    data = rafdb(root)
    split = {"train": data.train, "test": data.test}[part]
    faces = [(label - 1, level) for name, label, level in FACES if name.startswith(part)]
    assert split.labels.tolist() == [label for label, _ in faces]
    assert split.images.dtype == torch.uint8
    assert split.images.shape == (len(faces), 3, 100, 100)
    for image, (_, level) in zip(split.images, faces, strict=True):
        assert (image == level).all()


def test_the_lists_labels_from_one_name_the_papers_classes(root):
    data = rafdb(root)
    assert data.class_names == CLASSES
    assert [CLASSES[k] for k in data.train.labels.tolist()] == ["sadness", "surprise", "neutral"]
    assert [CLASSES[k] for k in data.test.labels.tolist()] == ["neutral", "happiness"]


def test_colours_and_directions_are_kept(root):
    picture = np.zeros((100, 100, 3), dtype=np.uint8)
    picture[:48] = (200, 30, 60)
    picture[48:, :48] = (20, 180, 90)
    Image.fromarray(picture).save(aligned(root, "train_00001.jpg"), quality=100, subsampling=0)
    read = rafdb(root).train.images[0].permute(1, 2, 0).long()
    assert (read - torch.from_numpy(picture).long()).abs().max() <= 4


def test_images_of_another_common_size_stay_at_theirs_and_the_net_sees_224(root):
    for name, _, level in FACES:
        Image.new("L", (40, 60), level).save(aligned(root, name))
    data = rafdb(root)
    assert data.train.images.shape == (3, 3, 60, 40)
    assert data.image_shape == (3, 224, 224)


def test_evaluation_is_one_resized_view_standardised_by_channel(root):
    data = rafdb(root)
    images = torch.randint(0, 256, (2, 3, 100, 100), dtype=torch.uint8)
    (view,) = data.evaluate(images)
    resized = functional.resize(images.double() / 255, [224, 224], antialias=True)
    expected = (resized - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    assert view.dtype == torch.float32
    torch.testing.assert_close(view.double(), expected, rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def augmented(tmp_path_factory):
    """Return a grey ramp 100–149, the ramp resized and standardised, and 200 augmentations."""
    folder = tmp_path_factory.mktemp("data")
    table(folder).parent.mkdir(parents=True)
    aligned(folder, "any.jpg").parent.mkdir(parents=True)
    table(folder).write_text("train_1.jpg 1\ntest_1.jpg 1\n")
    for name in ("train_1.jpg", "test_1.jpg"):
        Image.new("RGB", (50, 50)).save(aligned(folder, name))
    data = rafdb(folder)
    slope = torch.arange(100, 150).to(torch.uint8).expand(1, 3, 50, 50)
    batch = torch.cat(
        [data.augment(slope.expand(20, 3, 50, 50), torch.Generator().manual_seed(k)) for k in range(10)]
    )
    return data, slope, batch


def sort_out(data, slope, batch):
    """Return which images were erased, and which are plain, mirrored and noisy."""
    (plain,), (mirrored,) = data.evaluate(slope), data.evaluate(slope.flip(3))
    seen = (batch != 0).any(dim=1, keepdim=True)
    exact = [((batch - view).abs() * seen).amax(dim=(1, 2, 3)) < 1e-5 for view in (plain, mirrored)]
    return ~seen.flatten(1).all(dim=1), exact[0], exact[1], ~exact[0] & ~exact[1]


def test_half_the_training_images_stay_a_quarter_is_mirrored_and_a_quarter_noisy(augmented):
    data, slope, batch = augmented
    _, plain, mirrored, noisy = sort_out(data, slope, batch)
    assert batch.shape == (200, 3, 224, 224)
    for kind, share in ((plain, 0.5), (mirrored, 0.25), (noisy, 0.25)):
        assert kind.double().mean().item() == pytest.approx(share, abs=4 * (share * (1 - share) / 200) ** 0.5)


def test_half_the_training_images_are_erased_whatever_else_befell_them(augmented):
    data, slope, batch = augmented
    erased, *kinds = sort_out(data, slope, batch)
    for kind in (torch.ones(200, dtype=torch.bool), *kinds):
        share = erased[kind].double().mean().item()
        assert share == pytest.approx(0.5, abs=4 * 0.5 / int(kind.sum()) ** 0.5)
    holes = (batch[erased] == 0).all(dim=1).double().mean(dim=(1, 2))
    assert 0.018 < holes.min() < 0.06
    assert 0.2 < holes.max() < 0.255


def test_the_noise_has_a_variance_of_thirty_grey_levels_before_resizing(augmented):
    data, slope, batch = augmented
    erased, _, _, noisy = sort_out(data, slope, batch)
    (plain,) = data.evaluate(slope)
    change = (batch - plain)[noisy & ~erased] * torch.tensor(STD).view(3, 1, 1) * 255
    inside = change[:, :, 10:-10, 10:-10]  # at the edges the resize weights one pixel more
    impulses = torch.zeros(1, 1, 50, 50)
    impulses[0, 0, 20, 20] = 1.0
    kept = functional.resize(impulses, [224, 224], antialias=True).square().sum() / (224 / 50) ** 2
    expected = (30 + 1 / 12) * kept.item()
    assert inside.mean().item() == pytest.approx(0, abs=0.1)
    assert inside.var().item() == pytest.approx(expected, rel=0.03)


def test_the_generator_alone_decides_the_augmentation(augmented):
    data, slope, _ = augmented
    images = slope.expand(8, 3, 50, 50)
    first, same, other = (data.augment(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_missing_list_says_where_to_apply_for_the_data(tmp_path):
    said = refusal(tmp_path)
    assert said.startswith(
        f"{table(tmp_path)} is not there; RAF-DB is licensed to each user: apply for it at http"
    )
    assert "whdeng.cn/RAF" in said
    assert "--data-root DIR" in said
    assert "BENCH_DATA" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train_00009.jpg 5", "there is no image "),
        ("train_00001.jpg 0", "the label is '0', must be 1 to 7"),
        ("train_00001.jpg 8", "the label is '8', must be 1 to 7"),
        ("train_00001.jpg sad", "the label is 'sad', must be 1 to 7"),
        ("train_00001.jpg", "the label is '', must be 1 to 7"),
        ("train_00001.jpg 5 5", "the label is '5 5', must be 1 to 7"),
        ("train_00001.png 5", "must look like `train_00001.jpg 5`, got 'train_00001.png 5'"),
        ("valid_00001.jpg 5", "must look like `train_00001.jpg 5`, got 'valid_00001.jpg 5'"),
        ("train_00001.jpg\t5", "must look like `train_00001.jpg 5`, got 'train_00001.jpg\\t5'"),
        ("00001 5", "must look like `train_00001.jpg 5`, got '00001 5'"),
        ("", "must look like `train_00001.jpg 5`, got ''"),
    ],
)
def test_a_bad_line_of_the_list_is_named(root, line, said):
    with table(root).open("a") as file:
        file.write(f"{line}\ntrain_00001.jpg 5\n")
    assert refusal(root).startswith(f"{table(root)}, line {len(FACES) + 1}: {said}")


def test_an_image_that_the_list_names_and_is_missing_is_named_with_its_path(root):
    aligned(root, "test_0001.jpg").unlink()
    assert refusal(root) == f"{table(root)}, line 3: there is no image {aligned(root, 'test_0001.jpg')}"


@pytest.mark.parametrize("cut", [0, 20, 400], ids=["empty", "header only", "half"])
def test_a_damaged_image_is_named(root, cut):
    path = aligned(root, "train_00003.jpg")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:cut])
    assert refusal(root).startswith(f"{path} is damaged or no image: ")


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_of_two_sizes_are_refused(root, part):
    name = next(name for name, *_ in FACES if name.startswith(part))
    Image.new("RGB", (90, 100)).save(aligned(root, name))
    wanted = f"the {part} images must be of one size, got 90×100, 100×100"
    assert refusal(root) == f"{root / 'RAF-DB' / 'basic'}: {wanted}"


@pytest.mark.parametrize(("kept", "part"), [("train", "test"), ("test", "train"), ("none", "train")])
def test_a_list_without_one_part_is_refused(root, kept, part):
    lines = [f"{name} {label}\n" for name, label, _ in FACES if name.startswith(kept)]
    table(root).write_text("".join(lines))
    assert refusal(root).endswith(f"the {part} images must be of one size, got no image")


def test_a_list_with_windows_line_ends_is_read(root):
    table(root).write_text("".join(f"{name} {label}\r\n" for name, label, _ in FACES), newline="")
    assert len(rafdb(root).train.labels) == 3


def test_a_list_that_is_no_text_is_named(root):
    table(root).write_bytes(b"\xff\xfe\x00")
    assert str(table(root)) in refusal(root)


def test_standardising_is_imagenets(root):
    (view,) = rafdb(root).evaluate(torch.full((1, 3, 100, 100), 128, dtype=torch.uint8))
    expected = normalise(torch.full((1, 3, 224, 224), 128.0), MEAN, STD)
    torch.testing.assert_close(view, expected)
