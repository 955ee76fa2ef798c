"""Weights that libraries publish: found in their caches, known by name and content."""

import hashlib
from pathlib import Path

import pytest
import torch
from harness import grid
from torch import hub
from torchvision.models import densenet121, resnet18

from bench.errors import Note, UsageError
from bench.nets.backbones import find_backbone, make_backbone
from bench.nets.library_weights import resolved
from bench.recipe import Recipe, Weights
from bench.validation import validated

RESNET = "torchvision:resnet18"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of torch's, without a connection to what would fill it."""
    monkeypatch.setattr(hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()

    def unreachable(*given, **more):
        raise OSError("Name or service not known")

    monkeypatch.setattr(hub, "download_url_to_file", unreachable)
    return tmp_path / "checkpoints"


def published(folder, file, net):
    torch.manual_seed(3)
    state = net.state_dict()
    torch.save(state, folder / file)
    return state, hashlib.sha256((folder / file).read_bytes()).hexdigest()[:12]


def weights(backbone, text="library"):
    return resolved(find_backbone(backbone), Weights.given(text))


def test_weights_of_torchvision_are_known_by_name_and_content(cache):
    state, digits = published(cache, "resnet18-f37072fd.pth", resnet18())
    chosen = weights(RESNET)
    assert chosen.source == f"torchvision:ResNet18_Weights.IMAGENET1K_V1 {digits}"
    assert weights(RESNET, "library:IMAGENET1K_V1").source == chosen.source
    loaded = make_backbone(RESNET, (3, 32, 32), torch.float32, chosen).net.state_dict()
    assert {*state} - {*loaded} == {"fc.weight", "fc.bias"}
    assert all(torch.equal(value, state[key]) for key, value in loaded.items())


def test_grey_images_take_the_same_weights(cache):
    state, _ = published(cache, "resnet18-f37072fd.pth", resnet18())
    grey = make_backbone(RESNET, (1, 32, 32), torch.float32, weights(RESNET))
    assert torch.equal(grey.net[1].conv1.weight, state["conv1.weight"])


def test_densenets_weights_are_published_under_older_keys(cache):
    net = densenet121()
    older = {
        k.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): v for k, v in net.state_dict().items()
    }
    torch.save(older, cache / "densenet121-a639ec97.pth")
    assert "features.denseblock1.denselayer1.norm.1.weight" in older
    loaded = make_backbone(
        "torchvision:densenet121", (3, 32, 32), torch.float32, weights("torchvision:densenet121")
    )
    key = "features.denseblock1.denselayer1.norm1.weight"
    assert torch.equal(loaded.net.state_dict()[key], net.state_dict()[key])


def test_a_run_takes_no_other_content_than_its_recipe_names(cache):
    published(cache, "resnet18-f37072fd.pth", resnet18())
    other = Weights(path="library", source="torchvision:ResNet18_Weights.IMAGENET1K_V1 000000000000")
    with pytest.raises(UsageError, match=r"holds torchvision:ResNet18_Weights.IMAGENET1K_V1 .* but the run is of"):
        make_backbone(RESNET, (3, 32, 32), torch.float32, other)


def test_weights_that_cannot_be_fetched_are_one_line(cache):
    said = (
        "recipe.pretrained=library: the weights torchvision:ResNet18_Weights.IMAGENET1K_V1 are not here, and "
        "cannot be fetched from https://download.pytorch.org/models/resnet18-f37072fd.pth: OSError: Name or "
        "service not known"
    )
    with pytest.warns(Note, match="fetches the weights torchvision:ResNet18"), pytest.raises(UsageError) as raised:
        weights(RESNET)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("backbone", "text", "said"),
    [
        ("cnn-16-32-64", "library", "the backbone cnn-16-32-64 is of no library; give the path"),
        (RESNET, "library:IMAGENET21K", f"library:IMAGENET21K: {RESNET} has the weights IMAGENET1K_V1"),
    ],
)
def test_weights_that_there_are_not_are_one_line(backbone, text, said):
    with pytest.raises(UsageError, match=said):
        weights(backbone, text)


def test_a_file_of_that_name_is_given_with_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("library", "library:mine"):
        torch.save({}, name)
        chosen = validated(Recipe, {"pretrained": f"./{name}"}, "key of recipe").pretrained
        assert (chosen.path, chosen.of_library) == (f"./{name}", False)
    assert Weights.given("library:mine").of_library
    assert not Weights.of(Path("library")).of_library


def test_an_identity_holds_name_and_content_not_how_they_were_asked_for(cache):
    published(cache, "resnet18-f37072fd.pth", resnet18())

    def cell(**recipe):
        (found,) = grid(set={"recipe": {"backbone": RESNET} | recipe})
        return found

    default, named = cell(pretrained="library"), cell(pretrained="library:IMAGENET1K_V1")
    assert default.identity == named.identity
    by_path = cell(pretrained=str(cache / "resnet18-f37072fd.pth"))
    assert len({default.identity, by_path.identity, cell().identity}) == 3
    assert default.counting["recipe"]["pretrained"].keys() == {"source"}


# ---- timm ----


@pytest.fixture
def vit(tmp_path, monkeypatch):
    """The state of a small vision transformer, and the file where its hub's cache has it."""
    timm = pytest.importorskip("timm")
    import huggingface_hub
    from safetensors.torch import save_file

    torch.manual_seed(4)
    state = timm.create_model("test_vit").state_dict()
    file = tmp_path / "model.safetensors"
    save_file(state, file)
    asked = []

    def in_cache(repository, name):
        asked.append((repository, name))
        return str(file) if name == file.name and file.exists() else None

    def offline(*given, **more):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", in_cache)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    return state, file, asked


def test_weights_of_timm_are_loaded_by_timm_and_fitted_to_the_images(vit):
    state, file, asked = vit
    chosen = weights("timm:test_vit")
    digits = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    assert chosen.source == f"timm:test_vit.r160_in1k {digits}"
    assert asked[0] == ("timm/test_vit.r160_in1k", "model.safetensors")
    net = make_backbone("timm:test_vit", (1, 64, 64), torch.float32, chosen).net.model
    for key, value in net.state_dict().items():
        if key not in ("pos_embed", "patch_embed.proj.weight"):
            assert torch.equal(value, state[key]), key
    assert net.pos_embed.shape[1] == 1 + 16  # of 64 by 64 pixels, not of 160 by 160
    torch.testing.assert_close(
        net.patch_embed.proj.weight, state["patch_embed.proj.weight"].sum(dim=1, keepdim=True)
    )


def test_weights_of_timm_that_cannot_be_fetched_are_one_line(vit):
    vit[1].unlink()
    said = (
        "the weights timm:test_vit.r160_in1k are not here, and cannot be fetched from huggingface.co/timm/test_vit"
    )
    with pytest.warns(Note, match="fetches the weights timm:test_vit"), pytest.raises(UsageError, match=said):
        weights("timm:test_vit")


def test_a_tag_that_timm_does_not_know_is_told_with_those_there_are(vit):
    with pytest.raises(UsageError, match="library:r160_in2k: timm:test_vit has the weights r160_in1k"):
        weights("timm:test_vit", "library:r160_in2k")


def test_a_file_of_a_timm_network_is_loaded_by_its_path_its_classifier_left_out(tmp_path):
    timm = pytest.importorskip("timm")
    from safetensors.torch import save_file

    torch.manual_seed(4)
    state = timm.create_model("mobilenetv3_small_050", num_classes=5).state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    torch.save(state, tmp_path / "weights.pt")
    for name in ("weights.safetensors", "weights.pt"):
        chosen = Weights.of(tmp_path / name)
        net = make_backbone("timm:mobilenetv3_small_050", (3, 32, 32), torch.float32, chosen).net.model
        assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    with pytest.raises(UsageError, match="does not fit the backbone: missing keys: "):
        make_backbone("timm:resnet10t", (3, 32, 32), torch.float32, Weights.of(tmp_path / "weights.pt"))
