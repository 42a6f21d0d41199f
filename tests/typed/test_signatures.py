"""Call every annotated function as the lessons do; a wrong annotation raises."""

import importlib
import inspect
import math
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jaxtyping import TypeCheckError

import course_utils
from course_utils import (
    claims,
    data,
    losses,
    metrics,
    plotting,
    sampling,
    training,
    worlds,
)
from course_utils.models import pca, pixelrnn, vae
from course_utils.models.autoencoder import dense_autoencoder
from course_utils.paths import ROOT

KEY = jax.random.key(0)
GREY = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28, 1)
WORLD = worlds.all_images(2, 2)
JOINT = worlds.asymmetric_world()
FLOAT32 = jnp.asarray(JOINT, jnp.float32)
BINARY = data.binarize(GREY)
NEAR = ((0, -1), (-1, 0))
TABLE = np.array([0.1, 0.4, 0.6, 0.9])
LABELS = np.arange(16) % 3
LABEL_FILE = "fashion-mnist/t10k-labels-idx1-ubyte.gz"
UNIT = jnp.asarray(data.to_unit(GREY))
CODES, LATENT = jnp.ones((2, 3)), jnp.ones(3)
TINY = vae.dense_vae(1, 4, (2, 2, 1), rngs=nnx.Rngs(0))
COMPONENTS = pca.fit_pca(np.asarray(UNIT), 1)
PIXEL_MODELS = [
    pixelrnn.pixel_lstm(3, rngs=nnx.Rngs(0)),
    pixelrnn.row_lstm(3, 2, rngs=nnx.Rngs(0)),
    pixelrnn.diagonal_bilstm(3, radius=2, rngs=nnx.Rngs(0)),
]
FOUR_LEVELS = pixelrnn.row_lstm(3, levels=4, rngs=nnx.Rngs(0))
FOUR = jnp.asarray(data.quantize(GREY, 4), jnp.int32)
UNIFORMS = jax.random.uniform(KEY, (2, 2, 2))
IDX = bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9])

# Calls by name; "module.function" of every public function with annotated arrays.
CALLS = {
    "assertions.assert_causal": lambda f: f(lambda x: 0.0 * x, WORLD),
    "assertions.assert_finite": lambda f: f({"a": JOINT, "b": [1.0, FLOAT32]}),
    "assertions.assert_normalized": lambda f: f(
        lambda x: jnp.full(len(x), -math.log(16)), WORLD
    ),
    "claims.extremes": lambda f: f([1, 2.5]),
    "claims.claim": lambda f: [f("true", np.all(WORLD == WORLD)), f("t", 2.0, above=1)],
    "assertions.influence": lambda f: f(lambda x: x, jnp.asarray(WORLD, jnp.float32)),
    "data.batches.batches": lambda f: f({"x": GREY, "label": LABELS[:2]}, 1, 0)(3),
    "data.pixels.binarize": lambda f: [f(GREY), f(GREY[0], threshold=1)],
    "data.fashion_mnist.load_photo": lambda f: f(),
    "data.pictures.load_picture": lambda f: f(
        ROOT / "notebooks" / "figures" / "taxonomy.png"
    ),
    "training.autosave.state_digest": lambda f: f({"a": FLOAT32}),
    "data.idx.parse_idx": lambda f: f(IDX, "two bytes"),
    "data.idx.read_idx": lambda f: f(data.data_dir() / LABEL_FILE),
    "data.pixels.quantize": lambda f: f(GREY, 4),
    "data.pixels.to_signed": lambda f: f(GREY),
    "data.pixels.to_unit": lambda f: f(GREY),
    "layers.diagonal.skew": lambda f: f(UNIT),
    "layers.diagonal.unskew": lambda f: f(UNIT[:, :20], 9),
    "layers.gaussian.sample_gaussian": lambda f: [
        f(CODES, CODES, KEY),
        f(LATENT, LATENT, KEY),
    ],
    "layers.neighbourhood.earlier_at": lambda f: [
        f(UNIT, 3, 5),
        jax.jit(f)(UNIT, 3, 5),
    ],
    "layers.neighbourhood.earlier_pixels": lambda f: [f(UNIT), f(UNIT, 3)],
    "layers.recurrent.lstm_cell": lambda f: [
        f(jnp.ones(12), LATENT),
        f(jnp.ones((2, 12)), CODES),
    ],
    "layers.upsampling.upsample": lambda f: f(UNIT),
    "features.extract": lambda f: f(lambda x: x.sum(axis=(1, 2, 3)), np.asarray(UNIT)),
    "losses.bernoulli_nll": lambda f: [f(UNIT, UNIT), f(CODES, CODES)],
    "losses.categorical_nll": lambda f: f(jnp.ones((2, 28, 28, 4)), FOUR),
    "losses.gaussian_kl": lambda f: f(CODES, CODES),
    "losses.gaussian_nll": lambda f: f((UNIT, jnp.zeros(())), UNIT),
    "losses.kl_per_latent": lambda f: f(CODES, CODES),
    "losses.classification_loss": lambda f: f(
        lambda x: jnp.zeros((2, 3)), {"x": UNIT, "label": jnp.array([0, 2])}, KEY
    ),
    "losses.nll_loss": lambda f: [
        f(model, {"x": jnp.asarray(WORLD, jnp.float32)}, None) for model in PIXEL_MODELS
    ],
    "losses.reconstruction_loss": lambda f: f(
        dense_autoencoder(1, 4, rngs=nnx.Rngs(0)), {"x": UNIT}, None
    ),
    "losses.vae_loss": lambda f: f(
        TINY, {"x": jnp.asarray(WORLD, jnp.float32)}, KEY, jnp.ones(()), 0.5
    ),
    "losses.squared_error": lambda f: f(UNIT, UNIT),
    "losses.sum_pixels": lambda f: f(UNIT),
    "metrics.calibration.reliability": lambda f: f(
        np.array([0.5, 0.9]), np.array([True, False])
    ),
    "metrics.chunks.checked_images": lambda f: [f(WORLD), f(UNIT), f(UNIT + 0.0)],
    "metrics.latents.aggregate_posterior": lambda f: [
        f(CODES, CODES, KEY, 3),
        f(np.zeros((4, 3)), np.zeros((4, 3)), KEY),
    ],
    "metrics.likelihood.elbo": lambda f: f(TINY, WORLD, KEY),
    "metrics.likelihood.importance_bound": lambda f: f(TINY, WORLD, 3, KEY, chunk=5),
    "metrics.likelihood.mean_bound": lambda f: f(
        TINY, WORLD, KEY, num_samples=3, num_images=2
    ),
    "metrics.likelihood.log_weights": lambda f: f(
        TINY, jnp.asarray(WORLD, jnp.float32), 3, KEY
    ),
    "metrics.neighbours.knn_accuracy": lambda f: f(
        CODES, LABELS[:2], np.zeros((5, 3)), LABELS[:5], k=1
    ),
    "metrics.neighbours.nearest_distance": lambda f: f(CODES, np.zeros((5, 3))),
    "metrics.quadrature.grid_tables": lambda f: f(TINY, WORLD, metrics.latent_grid(1)),
    "metrics.quadrature.grid_elbo": lambda f: f(TINY, WORLD, metrics.latent_grid(1)),
    "metrics.quadrature.log_marginal": lambda f: f(TINY, WORLD, metrics.latent_grid(1)),
    "metrics.quadrature.posterior_gap": lambda f: f(
        TINY, WORLD, metrics.latent_grid(1)
    ),
    "metrics.quadrature.posterior_on_grid": lambda f: f(
        TINY, WORLD, metrics.latent_grid(1, num=19)
    ),
    "metrics.spectrum.power_spectrum": lambda f: [f(UNIT), f(np.asarray(UNIT))],
    "metrics.spectrum.sharpness": lambda f: [f(UNIT), f(np.asarray(UNIT))],
    "metrics.tractable.levels_of": lambda f: f(PIXEL_MODELS[0], WORLD),
    "metrics.tractable.log_prob": lambda f: [
        *(f(model, WORLD, chunk=5) for model in PIXEL_MODELS),
        f(FOUR_LEVELS, data.quantize(GREY[:, :2, :2], 4)),
    ],
    "models.context_table.context_index": lambda f: f(BINARY, NEAR),
    "models.context_table.context_nll": lambda f: f(TABLE, BINARY, NEAR),
    "models.context_table.fit_context_table": lambda f: f(BINARY, NEAR),
    "models.context_table.sample_context_table": lambda f: f(
        TABLE, NEAR, (3, 4), 5, KEY
    ),
    "models.pca.fit_pca": lambda f: [f(UNIT, 1), f(np.asarray(UNIT), 0)],
    "models.pca.pca_decode": lambda f: [f(COMPONENTS, CODES[:, :1])],
    "models.pca.pca_encode": lambda f: [f(COMPONENTS, UNIT)],
    "models.pca.ppca_log_density": lambda f: f(pca.fit_pca(UNIT, 0), np.asarray(UNIT)),
    "plotting.grids.image_grid": lambda f: [f(GREY), f(WORLD, titles=list("abcdefgh"))],
    "plotting.scatter.scatter_latents": lambda f: f(
        CODES[:, :2], LABELS[:2], ["a", "b"]
    ),
    "sampling.raster.draw_images": lambda f: [
        *(f(sampling.stateful(model), UNIFORMS) for model in PIXEL_MODELS),
        f(sampling.naive(PIXEL_MODELS[0]), np.asarray(UNIFORMS)),
        f(sampling.stateful(FOUR_LEVELS), UNIFORMS),
        f(sampling.stateful(PIXEL_MODELS[0]), UNIFORMS, WORLD[:2], 2),
    ],
    "sampling.raster.draw_states": lambda f: list(
        f(sampling.stateful(PIXEL_MODELS[0]), UNIFORMS)
    ),
    "worlds.images.as_bits": lambda f: f(WORLD),
    "worlds.images.patch_index": lambda f: f(WORLD[..., 0], 1, 2),
    "worlds.images.all_images": lambda f: f(2, 3),
    "worlds.designed.asymmetric_world": lambda f: f(),
    "worlds.tables.conditional": lambda f: [f(JOINT, {0: 1}), f(FLOAT32, {3: 0, 1: 1})],
    "worlds.designed.designed_patterns": lambda f: f(),
    "worlds.designed.designed_world": lambda f: f(),
    "worlds.tables.entropy": lambda f: [f(JOINT), f(FLOAT32), f(np.array([0.5, 0.5]))],
    "worlds.tables.jensen_shannon": lambda f: f(JOINT, FLOAT32),
    "worlds.tables.join_label": lambda f: f(
        np.array([0.3, 0.7]), np.stack([JOINT, JOINT])
    ),
    "worlds.patches.joint_from_images": lambda f: [
        f(WORLD),
        f(WORLD.astype(np.float32)),
    ],
    "worlds.tables.kl_divergence": lambda f: f(JOINT, FLOAT32),
    "worlds.patches.labelled_joint": lambda f: f(WORLD, LABELS, 3, smoothing=0.5),
    "worlds.tables.marginal": lambda f: [f(JOINT, (2, 0)), f(FLOAT32, ())],
    "worlds.designed.nearest_pattern": lambda f: f(np.zeros((3, 4, 4, 1), bool)),
    "worlds.patches.patch_joint": lambda f: f(data.binarize(GREY)),
    "worlds.tables.sample_states": lambda f: f(JOINT, 5, KEY),
    "worlds.images.state_index": lambda f: f(WORLD),
    "worlds.tables.total_variation": lambda f: f(JOINT, FLOAT32),
    "training.loop.fit": lambda f: f(
        training.make_step(losses.vae_loss),
        training.init_state(
            vae.dense_vae(1, 4, (2, 2, 1), rngs=nnx.Rngs(0)), optax.sgd(0.1)
        ),
        data.batches({"x": WORLD * 1.0}, 8, 0),
        2,
        KEY,
    ),
}


def annotated_functions():
    """Return every public function that has an array in its signature."""
    found = {}
    for info in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
        if info.ispkg or info.name.split(".")[1] in {"__main__", "app", "exercises"}:
            continue
        module = importlib.import_module(info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == info.name and not name.startswith("_")
            hints = getattr(function, "__annotations__", {}).values()
            if own and any("jaxtyping" in f"{type(h)} {h}" for h in hints):
                found[f"{info.name.removeprefix('course_utils.')}.{name}"] = function
    return found


FUNCTIONS = annotated_functions()


def test_every_annotated_function_is_called():
    assert set(CALLS) == set(FUNCTIONS)


def test_the_calls():
    for name in sorted(CALLS):
        try:
            CALLS[name](FUNCTIONS[name])
        except Exception as error:
            error.add_note(f"in the call of {name}")
            raise


@pytest.mark.parametrize(
    "call",
    [
        lambda: data.to_unit(np.zeros((2, 2), np.float32)),
        lambda: worlds.all_images("2", 2),
        lambda: worlds.kl_divergence(JOINT, JOINT[0]),
        lambda: claims.claim("an array", np.array([True])),
        lambda: plotting.image_grid(GREY[0]),
    ],
)
def test_the_type_checker_is_on(call):
    with pytest.raises(TypeCheckError):
        call()


def test_broadcasting_is_refused():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.zeros(3) - jnp.zeros((2, 3))
