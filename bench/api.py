"""The names that plugins import: `from bench.api import Batch, EmbeddingMethod, Prediction, Step`.

Names here stay stable between versions; everything else may move.
"""

from bench.data.augment import (
    Transforms,
    add_noise,
    normalise,
    random_crop,
    random_erase,
    random_flip,
    resize,
    ten_crop,
)
from bench.data.content_hash import content_hash
from bench.data.dataset import DataSet, Source, Split, missing, not_fetched
from bench.data.decoding_cache import Decoded, Embedded, decode_once
from bench.data.idx import IdxFiles, load_idx
from bench.data.image_files import read_image
from bench.data.image_tree import ImageTree, image_tree, tree_notes
from bench.data.images import MappedImages
from bench.errors import DataError, PluginError, UsageError, one_line
from bench.evaluation.predictions import Predictions
from bench.evaluation.scores import energy, entropy, in_float64, margin, msp
from bench.files.reading import parse_json
from bench.files.visible import visible_files
from bench.nets.averaging import Spread, mean_log_probabilities, spread
from bench.nets.classifier import Classifier, log_likelihood
from bench.nets.precision import computing_in
from bench.nets.relative import RelativeMethod, pairs, random_groups, weights
from bench.nets.trunk import EmbeddingMethod, GaussianMethod
from bench.nets.wrapper import Wrapper, defines_hook, feature_width, learnt
from bench.plugins.factory import MethodFactory
from bench.plugins.method import (
    Backbone,
    Batch,
    LossAgain,
    MakeBackbone,
    Method,
    Prediction,
    Progress,
    Step,
    Task,
)
from bench.plugins.score import Score, Training

__all__ = [
    "Backbone",
    "Batch",
    "Classifier",
    "DataError",
    "DataSet",
    "Decoded",
    "Embedded",
    "EmbeddingMethod",
    "GaussianMethod",
    "IdxFiles",
    "ImageTree",
    "LossAgain",
    "MakeBackbone",
    "MappedImages",
    "Method",
    "MethodFactory",
    "PluginError",
    "Prediction",
    "Predictions",
    "Progress",
    "RelativeMethod",
    "Score",
    "Source",
    "Split",
    "Spread",
    "Step",
    "Task",
    "Training",
    "Transforms",
    "UsageError",
    "Wrapper",
    "add_noise",
    "computing_in",
    "content_hash",
    "decode_once",
    "defines_hook",
    "energy",
    "entropy",
    "feature_width",
    "image_tree",
    "in_float64",
    "learnt",
    "load_idx",
    "log_likelihood",
    "margin",
    "mean_log_probabilities",
    "missing",
    "msp",
    "normalise",
    "not_fetched",
    "one_line",
    "pairs",
    "parse_json",
    "random_crop",
    "random_erase",
    "random_flip",
    "random_groups",
    "read_image",
    "resize",
    "spread",
    "ten_crop",
    "tree_notes",
    "visible_files",
    "weights",
]
