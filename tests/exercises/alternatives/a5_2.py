import jax
import jax.numpy as jnp
import numpy as np


def _loops_and_numpy(model, uniforms):
    uniforms = np.asarray(uniforms)
    b, h, w = uniforms.shape
    images = np.ones((b, h, w, 1))
    for row in range(h):
        for column in range(w):
            logits = np.asarray(model(jnp.asarray(images)))[:, row, column, 0]
            images[:, row, column, 0] = uniforms[:, row, column] < 1 / (
                1 + np.exp(-logits.astype(float))
            )
    return images


def _all_pixels_until_nothing_changes(model, uniforms):
    """Pixel i is right after i + 1 rounds at the latest, and stays so."""
    log_odds = (jnp.log(uniforms) - jnp.log1p(-uniforms))[..., None]
    images, before = jnp.zeros(log_odds.shape), None
    while before is None or jnp.any(images != before):
        before, images = images, 1.0 * (log_odds < model(images))
    return images


def _one_compiled_loop(model, uniforms):
    flat = uniforms.reshape(len(uniforms), -1)

    def draw(i, images):
        logit = model(images.reshape(*uniforms.shape, 1)).reshape(flat.shape)[:, i]
        return images.at[:, i].set(flat[:, i] < jax.nn.sigmoid(logit))

    images = jax.lax.fori_loop(0, flat.shape[1], draw, jnp.full(flat.shape, 0.5))
    return images.reshape(*uniforms.shape, 1)


ALTERNATIVES = (
    _loops_and_numpy,
    _all_pixels_until_nothing_changes,
    _one_compiled_loop,
)
