"""Recipes: a name stands for a model and everything that made its checkpoint.

`load("vae-conv")` returns a reference model, trained. `course train vae-conv` makes
it again: the same model, data, seed and steps. Another machine rounds differently, so
its file is as good as the old one, not equal to it.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
import optax
from flax import nnx

from course_utils import checkpoints, losses
from course_utils.data import (
    FashionMNIST,
    Split,
    batches,
    binarize,
    data_dir,
    load_fashion_mnist,
    register,
    to_unit,
)
from course_utils.features import Classifier, extract
from course_utils.metrics import elbo, log_prob, mean_bound, reliability
from course_utils.models.autoencoder import conv_autoencoder
from course_utils.models.pixel_model import PixelModel
from course_utils.models.pixelcnn import GatedPixelCNN, PixelCNN
from course_utils.models.pixelrnn import diagonal_bilstm, pixel_lstm, row_lstm
from course_utils.models.vae import VAE, GaussianVAE, conv_vae, dense_vae
from course_utils.training import fit, init_state, make_step

BOUND_IMAGES = 500  # of the 10,000, to see what more draws gain over the ELBO:
BOUND_SAMPLES = 500  # a minute for a convolutional decoder


def binary(images: np.ndarray) -> np.ndarray:
    """Return thresholded images as 0. and 1."""
    return binarize(images).astype(np.float32)


def flipped(arrays: dict, batch_size: int, seed: int) -> Callable[[int], dict]:
    """Return batches in which every other image, by chance, is mirrored.

    The mirror image of a coat is a coat: twice the images for a classifier. A model of
    p(x) must not see them, for all shoes of the data point the same way.
    """
    batch_at = batches(arrays, batch_size, seed)

    def flipped_at(i):
        batch = batch_at(i)
        flip = np.random.default_rng([seed, 1, i]).random((batch_size, 1, 1, 1)) < 0.5
        return {**batch, "x": np.where(flip, batch["x"][:, :, ::-1], batch["x"])}

    return flipped_at


def measure_classifier(model: nnx.Module, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return accuracy, nats per image and calibration error."""
    logits = extract(model, x)
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    confidence = np.asarray(jax.nn.softmax(logits)).max(axis=1)
    correct = logits.argmax(axis=1) == labels
    ece = reliability(confidence, correct).ece
    return {"accuracy": correct.mean(), "nll": nats.mean(), "ece": ece}


def measure_autoencoder(model: nnx.Module, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return the mean squared error of a pixel."""
    return {"mse": ((extract(lambda x: model(x).x_hat, x) - x) ** 2).mean()}


def measure_vae(model: VAE, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return ELBO and 500-sample bound, nats per image."""
    key = jax.random.key(0)
    bound, error = mean_bound(model, x, key, BOUND_SAMPLES, BOUND_IMAGES)
    return {"elbo": elbo(model, x, key).mean(), "bound": bound, "bound_error": error}


def measure_pixels(model: PixelModel, x: np.ndarray, labels: np.ndarray) -> dict:
    """Return nats per image, and the standard error of their mean."""
    nats = -log_prob(model, x)
    return {"nll": nats.mean(), "nll_error": nats.std() / len(nats) ** 0.5}


@dataclass(frozen=True)
class Recipe:
    """All that decides a reference model.

    Attributes:
        build: makes the untrained model from `rngs`.
        objective: what is minimised; see `losses`.
        prepare: what the model sees of uint8 images.
        measure: (model, x, labels) of the test set -> numbers for the metadata.
        measure_train: whether as many training images are measured, too.
        num_steps: of training.
        batch_size: images in a step.
        lr: the highest learning rate of Adam; it rises for 300 steps (or a tenth of
            them all) and then falls to zero along a cosine.
        scan: steps in a call; more than 1 for dense models only.
        make_batches: as `data.batches`.
        seed: of the initial parameters, the batches and the draws.
    """

    build: Callable
    objective: Callable
    prepare: Callable
    measure: Callable
    num_steps: int
    batch_size: int
    measure_train: bool = False
    lr: float = 1e-3
    scan: int = 1
    make_batches: Callable = batches
    seed: int = 0


PIXELS = {  # what the pixel models have in common
    "objective": losses.nll_loss,
    "prepare": binary,
    "measure": measure_pixels,
    "measure_train": True,
    "batch_size": 16,
}

RECIPES = {
    "features": Recipe(
        build=lambda rngs: Classifier(rngs=rngs),
        objective=losses.classification_loss,
        prepare=to_unit,
        measure=measure_classifier,
        num_steps=9_000,
        batch_size=64,
        make_batches=flipped,
    ),
    "ae-conv": Recipe(
        build=lambda rngs: conv_autoencoder(16, rngs=rngs),
        objective=losses.reconstruction_loss,
        prepare=to_unit,
        measure=measure_autoencoder,
        num_steps=20_000,
        batch_size=32,
        lr=2e-3,
    ),
    "vae-conv": Recipe(
        build=lambda rngs: conv_vae(24, rngs=rngs),
        objective=losses.vae_loss,
        prepare=binary,
        measure=measure_vae,
        num_steps=70_000,
        batch_size=32,
        lr=2e-3,
    ),
    "vae-grey": Recipe(
        build=lambda rngs: dense_vae(32, kind=GaussianVAE, rngs=rngs),
        objective=losses.vae_loss,
        prepare=to_unit,
        measure=measure_vae,
        num_steps=16_000,
        batch_size=100,
        scan=50,
    ),
    "pixel-lstm": Recipe(
        build=lambda rngs: pixel_lstm(64, radius=3, rngs=rngs),
        num_steps=5_000,
        lr=5e-3,
        **PIXELS,
    ),
    "row-lstm": Recipe(
        build=lambda rngs: row_lstm(32, num_layers=2, radius=3, rngs=rngs),
        num_steps=5_000,
        lr=5e-3,
        **PIXELS,
    ),
    "diagonal-bilstm": Recipe(
        build=lambda rngs: diagonal_bilstm(32, radius=3, rngs=rngs),
        num_steps=5_000,
        lr=5e-3,
        **PIXELS,
    ),
    "pixelcnn": Recipe(
        build=lambda rngs: PixelCNN(64, 9, dilations=(1, 2, 4), rngs=rngs),
        num_steps=12_000,
        lr=3e-3,
        **PIXELS,
    ),
    "pixelcnn-gated": Recipe(
        build=lambda rngs: GatedPixelCNN(32, 6, dilations=(1, 2, 4), rngs=rngs),
        num_steps=15_000,
        lr=3e-3,
        **PIXELS,
    ),
}


def load(name: str) -> nnx.Module:
    """Return a reference model, trained.

    Raises:
        KeyError: there is no such recipe.
        CheckpointError: the file is missing, damaged, or another recipe's.
    """
    model = _recipe(name).build(nnx.Rngs(0))
    checkpoints.load(checkpoint_path(name), model, expect={"recipe": name})
    return model


def train(name: str, resume: Path | None = None) -> dict:
    """Train a reference model, write its checkpoint, and return the metadata.

    Args:
        name: of the recipe.
        resume: a file that keeps the state of training, so that it can be stopped and
            goes on; removed when the checkpoint is written.

    Raises:
        KeyError: there is no such recipe.
        Stopped: Stop was pressed; nothing is written but `resume`.
        TrainingDiverged: see `fit`.
    """
    recipe, start = _recipe(name), time.monotonic()
    whole = resume is None or not resume.exists()
    data = load_fashion_mnist()
    model = recipe.build(nnx.Rngs(recipe.seed))
    _fit(recipe, model, data.train, resume)
    seconds = round(time.monotonic() - start) if whole else None  # of a part: no use
    metrics = _measure(recipe, model, data)
    metadata = {
        "recipe": name,
        "seconds": seconds,
        "metrics": metrics,
        "versions": {p: version(p) for p in ("jax", "flax", "optax", "numpy")},
        "data": hashlib.sha256(data.train.images.tobytes()).hexdigest(),
    }
    path = checkpoint_path(name)
    checkpoints.save(path, model, metadata, dtype="float16")
    register(f"checkpoints/{path.name}", licence="MIT", source=f"course train {name}")
    if resume is not None:
        resume.unlink(missing_ok=True)
    return metadata


def _fit(recipe: Recipe, model: nnx.Module, split: Split, resume: Path | None) -> None:
    """Train the model."""
    arrays = {"x": recipe.prepare(split.images), "label": split.labels}
    rise = min(300, recipe.num_steps // 10)
    rate = optax.warmup_cosine_decay_schedule(0, recipe.lr, rise, recipe.num_steps)
    fit(
        make_step(recipe.objective),
        init_state(model, optax.adam(rate)),
        recipe.make_batches(arrays, recipe.batch_size, recipe.seed),
        recipe.num_steps,
        jax.random.key(recipe.seed),
        scan=recipe.scan,
        checkpoint=resume,
    )


def _measure(recipe: Recipe, model: nnx.Module, data: FashionMNIST) -> dict:
    """Return what is measured of a trained model, rounded."""
    test = recipe.prepare(data.test.images), data.test.labels
    metrics = recipe.measure(model, *test)
    if recipe.measure_train:
        some = len(data.test.images)
        train = recipe.prepare(data.train.images[:some]), data.train.labels[:some]
        found = recipe.measure(model, *train)
        metrics |= {f"train_{name}": value for name, value in found.items()}
    return {name: round(float(value), 4) for name, value in metrics.items()}


def read_metadata(name: str) -> dict:
    """Return what is known of a reference model: metrics, seconds, versions, data.

    Raises:
        KeyError: there is no such recipe.
        CheckpointError: the file is missing or damaged.
    """
    _recipe(name)
    return checkpoints.read_metadata(checkpoint_path(name))


def describe(name: str) -> str:
    """Return a line about a checkpoint: what was measured, and how long it took."""
    try:
        metadata = read_metadata(name)
    except checkpoints.CheckpointError as error:
        return f"{name}: {error}"
    metrics = ", ".join(f"{key} {x}" for key, x in metadata["metrics"].items())
    seconds = metadata["seconds"] or "an unknown number of"
    return f"{name}: test {metrics}; trained in {seconds} seconds"


def checkpoint_path(name: str) -> Path:
    """Return where the checkpoint of a recipe is."""
    return data_dir() / "checkpoints" / f"{name}.safetensors"


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise KeyError(f"no recipe is called {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]
