import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import rel_entr
from scipy.stats import norm

from course_utils.metrics import aggregate_posterior

KEY = jax.random.key(3)
# three images, two latents, dependent over the data: both means rise together
MEAN = np.array([[-1.5, -0.8], [0.2, 0.4], [1.9, 1.1]])
STD = np.array([[0.5, 0.9], [0.7, 0.4], [0.3, 0.8]])
LOGVAR = 2 * np.log(STD)
AXIS = np.linspace(-7, 7, 561)
CELL = AXIS[1] - AXIS[0]


def on_the_grid():
    """Return every term by sums over a fine grid of z, without a single draw."""
    one = norm.pdf(AXIS[None, :, None], MEAN[:, None], STD[:, None]) * CELL  # n g d
    own = one[:, :, None, 0] * one[:, None, :, 1]  # n g g
    joint, each = own.mean(axis=0), one.mean(axis=0)
    prior = norm.pdf(AXIS) * CELL
    independent = each[:, None, 0] * each[None, :, 1]
    return {
        "kl": np.mean([rel_entr(q, np.outer(prior, prior)).sum() for q in own]),
        "mutual_information": np.mean([rel_entr(q, joint).sum() for q in own]),
        "marginal_kl": rel_entr(joint, np.outer(prior, prior)).sum(),
        "total_correlation": rel_entr(joint, independent).sum(),
        "dimension_kl": np.array([rel_entr(each[:, j], prior).sum() for j in (0, 1)]),
    }


@pytest.mark.slow
def test_every_term_agrees_with_a_grid():
    found = aggregate_posterior(MEAN, LOGVAR, KEY, num_samples=60_000)
    expected = on_the_grid()
    assert found.kl == pytest.approx(expected["kl"], rel=1e-5)  # closed form
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, atol=0.02)
    assert expected["total_correlation"] > 0.2 and expected["mutual_information"] > 0.5


@pytest.mark.slow
def test_the_terms_add_up():
    rng = np.random.default_rng(1)
    mean, logvar = rng.normal(size=(300, 5)), rng.normal(size=(300, 5)) - 2
    found = aggregate_posterior(mean, logvar, KEY, num_samples=20_000)
    total = found.mutual_information + found.marginal_kl
    assert found.kl == pytest.approx(total, abs=0.15)  # Monte Carlo
    parts = found.total_correlation + found.dimension_kl.sum()
    assert found.marginal_kl == pytest.approx(parts, abs=1e-4)  # in every sample
    assert found.dimension_kl.shape == (5,)


@pytest.mark.slow
def test_codes_that_do_not_overlap_tell_the_image_but_never_more_than_log_n():
    mean = np.array(list(itertools.product([-20.0, 0, 20], repeat=2)))
    found = aggregate_posterior(mean, np.zeros((9, 2)), KEY, 999)
    assert found.mutual_information == pytest.approx(np.log(9), abs=1e-5)
    assert found.total_correlation == pytest.approx(0, abs=1e-5)  # a full grid


@pytest.mark.slow
def test_a_collapsed_model_has_nothing_to_tell():
    found = aggregate_posterior(np.zeros((7, 3)), np.zeros((7, 3)), KEY, 100)
    for term in found:
        np.testing.assert_allclose(term, 0, atol=1e-5)


@pytest.mark.slow
def test_a_latent_that_is_used_stands_out():
    rng = np.random.default_rng(2)
    mean, logvar = np.zeros((400, 3)), np.zeros((400, 3))
    mean[:, 1], logvar[:, 1] = 2 + rng.normal(size=400), -3.0
    found = aggregate_posterior(mean, logvar, KEY, 4000)
    assert found.dimension_kl.argmax() == 1 and found.dimension_kl[1] > 1.5
    np.testing.assert_allclose(found.dimension_kl[[0, 2]], 0, atol=0.01)
    assert found.mutual_information > 1


@pytest.mark.slow
def test_fewer_draws_than_images_and_arrays_of_both_kinds():
    rng = np.random.default_rng(4)
    mean, logvar = rng.normal(size=(500, 2)), np.full((500, 2), -1.0)
    numpy = aggregate_posterior(mean, logvar, KEY, 40)
    jax_ = aggregate_posterior(jnp.asarray(mean), jnp.asarray(logvar), KEY, 40)
    assert numpy.marginal_kl == jax_.marginal_kl
    many = aggregate_posterior(mean, logvar, KEY, 20_000)
    assert numpy.mutual_information == pytest.approx(many.mutual_information, abs=0.5)


@pytest.mark.parametrize(
    ("mean", "logvar", "num_samples", "words"),
    [
        (MEAN, LOGVAR[:2], 10, r"one shape \[n, d\], found \(3, 2\) and \(2, 2\)"),
        (MEAN[0], LOGVAR[0], 10, r"model.encode\(x\)"),
        (MEAN[:0], LOGVAR[:0], 10, "found"),
        (MEAN, LOGVAR, 0, "at least one sample, found 0"),
    ],
)
def test_bad_input_is_refused(mean, logvar, num_samples, words):
    with pytest.raises(ValueError, match=words):
        aggregate_posterior(mean, logvar, KEY, num_samples)
