"""What the tests of the pixel models share: random models, tiny images, exact costs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from course_utils.data import binarize, load_fashion_mnist
from course_utils.metrics import log_prob
from course_utils.training import fit, init_state, make_step
from course_utils.worlds import (
    all_images,
    entropy,
    kl_divergence,
    marginal,
    patch_joint,
)


def random_model(make, *sizes, scale=1.0, seed=0, **options):
    """Return a model with every parameter drawn from N(0, scale^2), biases too."""
    rng = np.random.default_rng(seed)

    def draw(parameter):
        return jnp.asarray(scale * rng.normal(size=parameter.shape), jnp.float32)

    shapes = nnx.eval_shape(lambda: make(*sizes, **options, rngs=nnx.Rngs(0)))
    graphdef, state = nnx.split(shapes)
    return nnx.merge(graphdef, jax.tree.map(draw, state))


def random_levels(levels, b, height, width, seed=1):
    return np.random.default_rng(seed).integers(levels, size=(b, height, width, 1))


def binary_images(b, height, width, seed=1):
    return random_levels(2, b, height, width, seed).astype(np.float32)


def all_grey_images(levels, height, width):
    pixels = height * width
    places = np.indices((levels,) * pixels).reshape(pixels, -1)
    return places.T.reshape(-1, height, width, 1)


def logits_by_advancing(model, x, hide):
    """Return the logits of all pixels, with each pixel and all later ones hidden."""
    advance = jax.jit(model.advance)
    carry, found = model.start(x.shape), []
    for i in range(x[0].size):
        known = x.copy()
        known.reshape(len(x), -1)[:, i:] = hide
        carry, logits = advance(carry, known, i)
        found.append(np.asarray(logits))
    return np.stack(found, axis=1).reshape(*x.shape[:3], -1)


@functools.cache
def patches():
    """Return the probabilities of all 3 x 3 patches of Fashion-MNIST."""
    return patch_joint(binarize(load_fashion_mnist().train.images))


def trained(model, joint, num_steps=600):
    """Train by the exact gradient: all images, each weighted by its probability."""

    def cross_entropy(model, batch, key):
        return batch["p"] @ model.nll(batch["x"]), {}

    state = init_state(model, optax.adam(1e-2))
    batch = {"x": np.float32(all_images(3, 3)), "p": np.float32(joint.reshape(-1))}
    fit(
        make_step(cross_entropy),
        state,
        lambda i: batch,
        num_steps,
        jax.random.key(0),
        scan=50,
    )
    return model


def kl_from(joint, model):
    p = np.exp(np.float64(log_prob(model, all_images(3, 3), chunk=512)))
    return kl_divergence(joint, p.reshape(joint.shape))


def cost_of_what_is_not_seen(joint, seen):
    """Return the KL of the best model: what the hidden pixels tell, in nats."""
    cost = -entropy(joint)
    for i in range(9):
        context = [j for j in range(9) if seen[i, j]]
        cost += entropy(marginal(joint, [*context, i]))
        cost -= entropy(marginal(joint, context)) if context else 0
    return cost
