import jax
import jax.numpy as jnp


def _by_log_probabilities(logits, temperature):
    white = jax.nn.log_sigmoid(logits) / temperature
    black = jax.nn.log_sigmoid(-logits) / temperature
    total = jnp.logaddexp(white, black)
    return (white - total) - (black - total)


def _by_probabilities_of_both(logits, temperature):
    white, black = jax.nn.sigmoid(logits), jax.nn.sigmoid(-logits)
    white, black = white ** (1 / temperature), black ** (1 / temperature)
    total = white + black
    return jnp.log(white / total) - jnp.log(black / total)


def _by_softmax(logits, temperature):
    both = jnp.stack([jnp.zeros_like(logits), logits], axis=-1)
    black, white = jnp.moveaxis(jax.nn.log_softmax(both / temperature), -1, 0)
    return white - black


def _number_by_number(logits, temperature):
    numbers = [number * temperature**-1 for number in logits.ravel()]
    return jnp.array(numbers, jnp.float32).reshape(logits.shape)


ALTERNATIVES = (
    _by_log_probabilities,
    _by_probabilities_of_both,
    _by_softmax,
    _number_by_number,
)
