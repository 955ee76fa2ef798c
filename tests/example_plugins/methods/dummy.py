"""A method that learns nothing much and fast: it lets tests run the harness in milliseconds."""

from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, MakeBackbone, Method, Prediction, Progress, Step, Task


class Dummy(Method):
    """A linear classifier on pixels.

    Args:
        scale: of the logits.
    """

    relabels = True

    def __init__(self, task: Task, make_backbone: MakeBackbone, *, scale: float = 1.0) -> None:
        super().__init__(task, make_backbone)
        channels, height, width = task.image_shape
        self.linear = nn.Linear(channels * height * width, task.num_classes)
        self.scale = scale

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.scale * self.linear(images.flatten(1))
        return logits, -logits.amax(dim=1)

    def loss(self, batch: Batch, progress: Progress) -> Step:
        logits, uncertainty = self(batch.images)
        return Step(F.cross_entropy(logits, batch.labels), logits, uncertainty)

    def predict(self, images: Tensor) -> Prediction:
        return Prediction(*self(images))
