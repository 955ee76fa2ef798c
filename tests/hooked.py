"""A method that uses every hook at once, and others that misuse one."""

SOURCE = '''"""Every hook at once; uncertain where 1 − max softmax is large."""

import torch
from torch.nn import functional as F

from bench.api import Classifier, Step, learnt


class Hooked(Classifier):
    """A head that joins in epoch 2, a trunk that rests in the last epoch, weights per sample."""

    two_views = True

    def __init__(self, task, make_backbone, **trunk):
        super().__init__(task, make_backbone, **trunk)
        self.late = torch.nn.Linear(task.num_classes, task.num_classes)
        self.register_buffer("weight", torch.ones(task.train_size))
        self.register_buffer("average", torch.zeros_like(self.fc.weight))

    def make_optimizer(self, groups):
        return torch.optim.RMSprop(groups, lr=0.001, momentum=0.9)

    def before_epoch(self, clean, progress):
        if progress.epoch > 1:
            prediction, labels = learnt(self, clean)
            losses = F.cross_entropy(prediction.logits, labels, reduction="none")
            self.weight.copy_(torch.softmax(-losses, dim=0) * len(losses))

    def loss(self, batch, progress):
        self.backbone.requires_grad_(progress.epoch < progress.epochs)
        logits = self.fc(self.embed(batch.images))
        second = self.fc(self.embed(batch.second_view))
        losses = F.cross_entropy(logits, batch.labels, reduction="none")
        loss = (self.weight[batch.index] * losses).mean() + F.mse_loss(second, logits.detach())
        if progress.epoch > 1:
            loss = loss + F.cross_entropy(self.late(logits), batch.labels)
        return Step(loss, logits, losses.detach())

    def backward(self, loss, loss_again):
        loss.backward()
        loss_again().backward()

    def after_step(self, progress, step):
        self.average.lerp_(self.fc.weight.detach(), 1 / step)

    def finish(self, train, held_out):
        self.fc.weight.data.copy_(self.average)
'''
RECIPE = {"train_limit": 100, "batch_size": 32, "backbone": "cnn-16-32-64"}
GRID = {
    "methods": ["hooked"],
    "datasets": ["digits"],
    "noise": [0.4],
    "epochs": 4,
    "set": {"recipe": RECIPE, "hooked": {"dimension": 8}},
}
