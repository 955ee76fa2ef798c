"""Names of backbones with a line on each; needs no torch, so that they are listed at once."""

BUILT_IN = {
    "airbench94": "the net of airbench94 (Jordan, 2024): whitened patches, 3 stages to 256 channels",
    "airbench96": "the net of airbench96: the same with 3 convolutions a stage, to 512 channels",
    "cnn-16-32-64": "a small net: 3 convolutions, normalised, then pooled",
    "cnn-32-64-128": "the same, twice as wide",
    "cnn-pooled-16-24-48": "a small net: 3 convolutions, pooled, then normalised",
    "resnet18": "ResNet-18 for images of 28 to 48 pixels: 3×3 stem, no first pooling",
    "resnet18-imagenet": "torchvision's ResNet-18, for images of about 224 pixels",
    "resnet34": "ResNet-34 for images of 28 to 48 pixels",
    "resnet50": "ResNet-50 for images of 28 to 48 pixels",
}
FAMILIES = {
    "cnn-WIDTHS": "the small net with any widths, one a stage, such as cnn-8-16",
    "cnn-pooled-WIDTHS": "the one that pools first, such as cnn-pooled-64-96-192",
    "wrn-DEPTH-WIDTH": "wide ResNet for small images (2016), such as wrn-28-10 and wrn-16-4",
}
LIBRARIES = {
    "timm:NAME": "a network of timm, such as timm:resnet26d; `bench list 'timm:resnet*'` lists them",
    "torchvision:NAME": "one of torchvision, such as torchvision:wide_resnet50_2; 'torchvision:*' lists them",
}
DESCRIBED = BUILT_IN | FAMILIES | LIBRARIES
