"""What fit refuses before the first step, because no loss would say what is wrong."""

import numpy as np
import optax
import pytest
from flax import nnx
from optax.contrib import reduce_on_plateau
from runs import BATCH_AT, KEY, STEP, assert_consistent, new_state

from course_utils.features import Classifier
from course_utils.losses import classification_loss, squared_error, vae_loss
from course_utils.models.autoencoder import LinearAutoencoder
from course_utils.models.vae import GaussianVAE, dense_vae
from course_utils.training import fit, init_state, make_step

GREY = np.random.default_rng(0).random((4, 3, 3, 1)).astype(np.float32)
BINARY = (GREY > 0.5).astype(np.float32)
VAE_STEP = make_step(vae_loss)


def vae_state(**kind):
    model = dense_vae(2, 4, (3, 3, 1), rngs=nnx.Rngs(0), **kind)
    return init_state(model, optax.adam(1e-3))


def train(step, state, **batch):
    return fit(step, state, lambda i: batch, 2, KEY)


@pytest.mark.parametrize("x", [2 * GREY - 1, 255 * GREY, GREY - 0.1, 1.01 * BINARY])
def test_pixels_that_a_likelihood_cannot_score_are_refused(x):
    state = vae_state()
    with pytest.raises(ValueError, match="from 0 to 1, as VAE is made for.*binarize"):
        train(VAE_STEP, state, x=x.astype(np.float32))
    assert_consistent(state, 0)
    assert len(train(VAE_STEP, state, x=BINARY)["loss"]) == 2


def test_what_a_likelihood_can_score_is_not():
    assert len(train(VAE_STEP, vae_state(), x=BINARY.astype(bool))["loss"]) == 2
    assert len(train(VAE_STEP, vae_state(), x=GREY)["loss"]) == 2
    normal = vae_state(kind=GaussianVAE)
    assert len(train(VAE_STEP, normal, x=20 * GREY - 9)["loss"]) == 2


def test_what_other_objectives_do_with_bytes_and_labels_is_theirs():
    """One may divide by 255 itself, or learn a label that is no class."""

    def objective(model, batch, key):
        x_hat = model(batch["x"] / 255).x_hat
        return ((x_hat.mean(axis=(1, 2, 3)) - batch["label"]) ** 2).mean(), {}

    model = LinearAutoencoder(2, (3, 3, 1), rngs=nnx.Rngs(0))
    state = init_state(model, optax.adam(1e-3))
    x, label = (255 * GREY).astype(np.uint8), np.array([0.5, 1, 0, 0.1], np.float32)
    assert len(train(make_step(objective), state, x=x, label=label)["loss"]) == 2


def test_bytes_have_no_squared_error():
    model = LinearAutoencoder(2, (3, 3, 1), rngs=nnx.Rngs(0))
    state = init_state(model, optax.adam(1e-3))
    step = make_step(lambda m, b, k: (squared_error(b["x"], b["x"]).mean(), {}))
    with pytest.raises(TypeError, match="wrap around.*to_unit"):
        train(step, state, x=(255 * GREY).astype(np.uint8))


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        ([0, 3, 10, 9], ValueError, "0 to 9, as Classifier.*found 0 to 10"),
        ([0, -1, 2, 9], ValueError, "found -1 to 9.*count the classes from 0"),
        ([255, 1, 2, 3], ValueError, "found 1 to 255.*more classes"),
        ([0.0, 1.0, 2.0, 3.0], TypeError, "integer labels, found float"),
    ],
)
def test_labels_that_a_classifier_does_not_know_are_refused(labels, error, words):
    state = init_state(Classifier(rngs=nnx.Rngs(0)), optax.adam(1e-3))
    x = np.zeros((4, 28, 28, 1), np.float32)
    with pytest.raises(error, match=words):
        train(make_step(classification_loss), state, x=x, label=np.array(labels))


@pytest.mark.parametrize(
    "tx",
    [optax.lbfgs(), optax.chain(optax.adam(1e-3), reduce_on_plateau())],
    ids=["lbfgs", "reduce_on_plateau"],
)
def test_an_optimiser_that_wants_the_loss_is_refused_with_a_remedy(tx):
    state = new_state(tx)
    with pytest.raises(TypeError, match="wants the value of the loss.*optax.adam"):
        fit(STEP, state, BATCH_AT, 3, KEY)
