"""Checks of backbones.

Each check takes a backbone's test bed and raises a one-line error that says what to change.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.checks.backbone_bed import BackboneBed
from bench.checks.outcomes import CheckFailed, CheckNoted, CheckSkipped, require
from bench.errors import BenchError, one_line
from bench.nets.backbones import FeatureMap

Check = Callable[[BackboneBed], None]
# (C, H, W) of digits, MNIST, CIFAR-10, FER2013 and RAF-DB.
OF_DATA_SETS = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 48, 48), (3, 100, 100))


def check_makes_a_feature_map(bed: BackboneBed) -> None:
    """It maps colour images to a float32 map (B, channels, h, w), in train and eval mode."""
    _map(bed.backbone, bed.images())
    _map(bed.second[0], bed.images())


def check_grey_images(bed: BackboneBed) -> None:
    """It is built for grey images, too, and maps them."""
    try:
        _map(bed.build((1, *bed.shape[1:])), bed.images(channels=1))
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(f"take the number of channels that it is given: {one_line(error)}") from error


def _map(backbone: FeatureMap, images: Tensor) -> Tensor:
    """Return the feature map of images, whose shape must be as announced."""
    with torch.no_grad():
        found = backbone(images)
    wanted = (len(images), backbone.channels, *backbone.grid)
    require(
        tuple(found.shape) == wanted, f"returned {tuple(found.shape)} for {len(images)} images: make it {wanted}"
    )
    require(found.isfinite().all(), "the feature map holds values that are not finite: check the initial weights")
    return found


def check_leaves_the_images(bed: BackboneBed) -> None:
    """It does not change the images that it is given."""
    images = bed.images().contiguous(memory_format=torch.channels_last)  # of others it gets a copy
    before = images.clone()
    _map(bed.backbone, images)
    require(torch.equal(images, before), "it changes the images in place: work on a copy")


def check_every_parameter_gets_a_gradient(bed: BackboneBed) -> None:
    """Each parameter that is to be trained has an influence on the map; gradients are finite."""
    backbone = bed.second[0]
    features = backbone(bed.images())
    (features * torch.linspace(-1, 1, features.numel()).view_as(features)).sum().backward()
    trained = {name.removeprefix("net."): p for name, p in backbone.named_parameters() if p.requires_grad}
    unused = [name for name, p in trained.items() if p.grad is None]
    more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
    require(not unused, f"{', '.join(unused[:3])}{more} got no gradient: drop what the map does not depend on")
    wild = [name for name, p in trained.items() if p.grad is not None and not p.grad.isfinite().all()]
    require(not wild, f"the gradient of {', '.join(wild[:3])} is not finite")


def check_batch_of_one(bed: BackboneBed) -> None:
    """In eval mode the map of an image alone agrees with that of the image in a batch."""
    images = bed.images()
    whole = _map(bed.backbone, images)
    try:
        one = _map(bed.backbone, images[1:2])
    except Exception as error:
        raise CheckFailed(f"it must take a batch of one, and raises {one_line(error)}") from error
    size = whole.abs().max().clamp(min=1e-6)
    near = (whole[1:2] - one).abs().max() <= 1e-3 * size
    require(near, "the map of an image alone and in a batch differ: compute nothing over the batch in eval mode")


def check_same_seed_same_net(bed: BackboneBed) -> None:
    """Two nets that are made with the same seed have the same weights."""
    differing = bed.second[1]
    require(
        not differing, f"{', '.join(differing[:3])} differs with the same seed: draw from torch's global generator"
    )


def check_state_dict_round_trip(bed: BackboneBed) -> None:
    """A new net that loads the state of another returns the same map."""
    fresh, images = bed.build(bed.shape, seed=1), bed.images()
    try:
        fresh.load_state_dict(bed.backbone.state_dict())
    except RuntimeError as error:
        raise CheckFailed(f"state_dict does not load into a new net: {one_line(error)}") from error
    same = torch.equal(_map(fresh, images), _map(bed.backbone, images))
    require(same, "state_dict lacks part of the state: use parameters and register_buffer, no random constants")


def check_bfloat16(bed: BackboneBed) -> None:
    """Under autocast to bfloat16 it trains, and the map is finite."""
    _trains(bed, "cpu", torch.bfloat16)


def check_gpu(bed: BackboneBed) -> None:
    """It trains on a GPU, in float32 and bfloat16."""
    if not torch.cuda.is_available():
        raise CheckSkipped("torch sees no CUDA device here")
    for dtype in (torch.float32, torch.bfloat16):
        _trains(bed, "cuda", dtype)


def _trains(bed: BackboneBed, device: str, dtype: torch.dtype) -> None:
    try:
        backbone = bed.build(bed.shape, dtype=dtype).train().to(device)
        features = backbone(bed.images().to(device))
        features.square().mean().backward()
    except BenchError:
        raise
    except Exception as error:
        raise CheckFailed(f"on {device} in {dtype} it raises {one_line(error)}") from error
    require(features.isfinite().all(), f"the map on {device} in {dtype} is not finite")


def check_runs_without_values(bed: BackboneBed) -> None:
    """A step runs on torch's meta device, where a value that is read back raises; else a note."""
    backbone = bed.build(bed.shape).train().to("meta")
    try:
        backbone(bed.images().to("meta")).sum().backward()
    except Exception as error:
        raise CheckNoted(
            f"on a device without values it raises {one_line(error)}: it may read values back, which slows a GPU"
        ) from error


def check_sizes_of_data_sets(bed: BackboneBed) -> None:
    """It takes images of the sizes of the data sets; there is a note on those that it does not."""
    refused = []
    for shape in {*OF_DATA_SETS} - {bed.shape}:
        try:
            bed.build(shape)
        except BenchError:
            refused.append(shape)
    if refused:
        said = ", ".join("×".join(map(str, shape)) for shape in sorted(refused))
        raise CheckNoted(f"it takes no images of {said}")


CHECKS: tuple[Check, ...] = (
    check_makes_a_feature_map,
    check_grey_images,
    check_leaves_the_images,
    check_every_parameter_gets_a_gradient,
    check_batch_of_one,
    check_same_seed_same_net,
    check_state_dict_round_trip,
    check_bfloat16,
    check_runs_without_values,
    check_gpu,
    check_sizes_of_data_sets,
)
BASIC = (check_makes_a_feature_map,)
