"""Train a small net in plain PyTorch, without this benchmark, and write its predictions.

    python examples/external_training.py preds.npz
    bench import preds.npz --name mine --dataset digits --noise 0.3 --seed 0

The images are scikit-learn's digits in the split that `datasets/digits.py` states, so that the test
images are those of the data set `digits`, in its order. 30 % of the training labels are wrong.
"""

import sys

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

NOISE, SEED, EPOCHS, BATCH = 0.3, 0, 5, 32
DROPS = 10  # passes with dropout, whose entropy is the uncertainty `dropout`


def data() -> tuple[torch.Tensor, torch.Tensor, np.ndarray, np.ndarray, np.ndarray]:
    """Return images and labels, the places of training and test images, and wrong labels."""
    pixels, labels = load_digits(return_X_y=True)
    train, test = train_test_split(np.arange(len(labels)), test_size=600, random_state=0, stratify=labels)
    rng = np.random.default_rng(SEED)
    given = labels[train].copy()
    wrong = rng.permutation(len(given))[: round(NOISE * len(given))]
    given[wrong] = (given[wrong] + rng.integers(1, 10, len(wrong))) % 10
    images = torch.from_numpy(pixels / 16).float().reshape(-1, 1, 8, 8)
    return images, torch.from_numpy(labels), train, test, given


def train_net(images: torch.Tensor, given: torch.Tensor) -> nn.Module:
    """Return a net trained on images with given labels."""
    net = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten()),
        *(nn.Dropout(0.3), nn.Linear(32 * 16, 10)),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(net(images[batch]), given[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


@torch.no_grad()
def outputs(net: nn.Module, images: torch.Tensor) -> dict[str, np.ndarray]:
    """Return logits and two uncertainties: entropy of the softmax, and of its mean with dropout."""
    logits = net.eval()(images)
    drops = torch.stack([net.train()(images).softmax(dim=1) for _ in range(DROPS)]).mean(dim=0)
    entropies = {"entropy": logits.softmax(dim=1), "dropout": drops}
    found = {name: torch.special.entr(p).sum(dim=1) for name, p in entropies.items()}
    return {"logits": logits.numpy()} | {f"uncertainty_{name}": u.numpy() for name, u in found.items()}


def main(path: str) -> None:
    """Train, and write the arrays that `bench import` reads."""
    torch.manual_seed(SEED)
    images, labels, train, test, given = data()
    net = train_net(images[train], torch.from_numpy(given))
    of_training = {f"train_{name}": values for name, values in outputs(net, images[train]).items()}
    np.savez(
        path,
        **outputs(net, images[test]),
        labels=labels[test].numpy(),
        **of_training,
        train_index=np.arange(len(train)),  # the data set's training images are in this order
        train_true=labels[train].numpy(),
        train_given=given,
    )


if __name__ == "__main__":
    main(sys.argv[1])
