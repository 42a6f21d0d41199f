"""Marginals, conditionals, entropy, divergences and draws of joint tables."""

import itertools
import math
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.stats
from random_worlds import (
    AXES,
    LN2,
    ORDERED_SUBSETS,
    SUBSETS,
    pixels_of,
    random_images,
    random_table,
)

from course_utils.worlds import (
    all_images,
    asymmetric_world,
    conditional,
    designed_world,
    entropy,
    jensen_shannon,
    join_label,
    joint_from_images,
    kl_divergence,
    labelled_joint,
    marginal,
    nearest_pattern,
    sample_states,
    state_index,
    total_variation,
)
from course_utils.worlds.tables import _invert_cdf


def test_a_joint_is_its_prior_times_its_conditionals_and_back():
    labels = np.arange(90) % 5 % 3  # unequal classes
    joint = labelled_joint(random_images(90, 2, 2), labels, 3)
    prior = marginal(joint, (0,))
    tables = np.stack([conditional(joint, {0: y}) for y in range(3)])
    np.testing.assert_allclose(prior, np.bincount(labels) / 90)
    np.testing.assert_allclose(
        tables[1], joint_from_images(random_images(90, 2, 2)[labels == 1])
    )
    np.testing.assert_allclose(join_label(prior, tables), joint, atol=1e-15)


def test_bayes_rule_holds_in_a_labelled_world():
    prior = np.array([0.7, 0.3])
    tables = np.stack([asymmetric_world(), asymmetric_world().transpose(1, 0, 3, 2)])
    joint = join_label(prior, tables)
    assert joint.shape == (2, 2, 2, 2, 2)
    x = (0, 1, 1, 0)
    likelihoods = np.array([tables[0][x], tables[1][x]])
    posterior = conditional(joint, {1: 0, 2: 1, 3: 1, 4: 0})
    np.testing.assert_allclose(
        posterior, prior * likelihoods / np.sum(prior * likelihoods)
    )
    # without the prior it would be another posterior
    assert abs(posterior[0] - likelihoods[0] / likelihoods.sum()) > 0.1


def test_each_class_needs_a_probability_and_a_distribution():
    table = asymmetric_world()
    with pytest.raises(ValueError, match=r"found 2 tables and a prior of shape \(3,\)"):
        join_label(np.array([0.5, 0.25, 0.25]), np.stack([table, table]))
    with pytest.raises(ValueError, match="sums to 0.5"):
        join_label(np.array([0.25, 0.25]), np.stack([table, table]))
    with pytest.raises(ValueError, match="sums to 2"):
        join_label(np.array([0.5, 0.5]), np.stack([2 * table, table]))


@pytest.mark.parametrize("keep", ORDERED_SUBSETS)
def test_marginal_equals_the_sum_over_all_images(keep):
    joint = asymmetric_world()
    expected = np.zeros((2,) * len(keep))
    for image in all_images(2, 2):
        x = pixels_of(image)
        expected[tuple(x[axis] for axis in keep)] += joint[x]
    result = marginal(joint, keep)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-12)


@pytest.mark.parametrize("given_axes", SUBSETS)
def test_conditional_equals_the_share_of_the_images_that_fit(given_axes):
    joint = asymmetric_world()
    others = [axis for axis in AXES if axis not in given_axes]
    for values in itertools.product((0, 1), repeat=len(given_axes)):
        expected, total = np.zeros((2,) * len(others)), 0.0
        for x in map(pixels_of, all_images(2, 2)):
            if all(x[a] == v for a, v in zip(given_axes, values, strict=True)):
                expected[tuple(x[axis] for axis in others)] += joint[x]
                total += joint[x]
        given = dict(zip(given_axes, values, strict=True))
        result = conditional(joint, given)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected / total, rtol=1e-12)


@pytest.mark.parametrize("convert", [np.uint8, np.bool_, np.float32, jnp.asarray])
def test_the_values_of_a_condition_may_be_pixels(convert):
    x = convert(all_images(2, 2)[0b1001].reshape(-1))
    np.testing.assert_array_equal(
        conditional(asymmetric_world(), {0: x[0], 2: x[2]}),
        conditional(asymmetric_world(), {0: 1, 2: 0}),
    )


def test_the_chain_rule_rebuilds_the_joint():
    joint = asymmetric_world()
    for x in map(pixels_of, all_images(2, 2)):
        product = 1.0
        for i in AXES:
            before = dict(enumerate(x[:i]))
            product *= conditional(marginal(joint, range(i + 1)), before)[x[i]]
        assert product == pytest.approx(joint[x], rel=1e-12)


@pytest.mark.parametrize("keep", [(4,), (-1,), (0, 0), 2, (0, 1, 2, 3, 4)])
def test_marginal_wants_distinct_axes_from_zero(keep):
    with pytest.raises(ValueError, match="expected axes from 0 to 3, each once"):
        marginal(asymmetric_world(), keep)


@pytest.mark.parametrize("given", [{4: 0}, {-1: 0}, 1])
def test_conditional_wants_axes_from_zero(given):
    with pytest.raises(ValueError, match="expected axes from 0 to 3"):
        conditional(asymmetric_world(), given)


@pytest.mark.parametrize("value", [2, -1, 0.5])
def test_conditional_wants_a_value_of_the_axis(value):
    with pytest.raises(ValueError, match="axis 1 has 2 values from 0, found"):
        conditional(asymmetric_world(), {1: value})


def test_nothing_is_conditioned_on_the_impossible():
    joint = joint_from_images(np.ones((3, 2, 2, 1)))
    with pytest.raises(ValueError, match=r"\{0: 0\} has probability zero"):
        conditional(joint, {0: 0})


@pytest.mark.parametrize(
    "function",
    [
        entropy,
        lambda p: marginal(p, (0,)),
        lambda p: conditional(p, {0: 0}),
        lambda p: sample_states(p, 3, jax.random.key(0)),
        lambda p: join_label(p.sum(axis=1), np.full((2, 2), 0.5)),
        lambda p: kl_divergence(p, np.full((2, 2), 0.25)),
        lambda p: kl_divergence(np.full((2, 2), 0.25), p),
        lambda p: jensen_shannon(np.full((2, 2), 0.25), p),
        lambda p: total_variation(p, np.full((2, 2), 0.25)),
    ],
)
def test_a_table_of_conditionals_is_not_a_joint(function):
    conditionals = np.array([[0.9, 0.1], [0.3, 0.7]])
    with pytest.raises(ValueError, match="sums to 2;.*conditionals is not a joint"):
        function(conditionals)
    function(conditionals / 2)


@pytest.mark.parametrize("bad", [-0.5, math.nan, -math.inf])
def test_probabilities_are_not_negative(bad):
    with pytest.raises(ValueError, match="expected probabilities, found (-|nan)"):
        entropy(np.array([1.0, 0.5, bad]))


def test_an_infinite_or_empty_table_does_not_sum_to_one():
    with pytest.raises(ValueError, match="sums to inf"):
        entropy(np.array([np.inf, 1.0]))
    with pytest.raises(ValueError, match="sums to 0"):
        entropy(np.array([]))


@pytest.mark.parametrize("divergence", [kl_divergence, jensen_shannon, total_variation])
def test_two_tables_have_the_same_cells(divergence):
    p = asymmetric_world()
    with pytest.raises(
        ValueError, match=r"one shape, found \(2, 2, 2, 2\) and \(16,\)"
    ):
        divergence(p, p.reshape(-1))  # would broadcast
    with pytest.raises(ValueError, match="one shape"):
        divergence(p, marginal(p, (0, 1, 2)))


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_sum_may_miss_one_by_the_rounding_of_float32_only(sign):
    p = asymmetric_world()
    assert entropy(p * (1 + sign * 9e-6)) == pytest.approx(entropy(p), rel=1e-12)
    with pytest.raises(ValueError, match="sums to"):
        entropy(p * (1 + sign * 1.1e-5))


@pytest.mark.parametrize("flip", [0.01, 0.05, 0.3])
def test_the_float32_softmax_of_a_network_is_taken_as_the_distribution_it_means(flip):
    exact = designed_world(flip)
    # over 16 axes at once, its sum misses 1 by up to 6e-4: more than rounding
    p = jax.nn.softmax(jnp.log(exact).ravel()).reshape(exact.shape)
    assert p.dtype == np.float32
    for table in (marginal(p, (3, 1)), conditional(p, {4: 1})):
        assert table.dtype == np.float64 and abs(table.sum() - 1) < 1e-12
    np.testing.assert_allclose(marginal(p, (3, 1)), marginal(exact, (3, 1)), rtol=1e-5)
    for divergence in (kl_divergence(p, exact), kl_divergence(exact, p)):
        assert -1e-14 < divergence < 1e-10  # 1e-4 off if the sum were left as it is


@pytest.mark.parametrize("n", [1, 4, 9, 16])
def test_the_entropy_of_fair_pixels_is_n_log_2(n):
    assert entropy(np.full((2,) * n, 0.5**n)) == pytest.approx(n * LN2, rel=1e-12)


def test_a_certain_image_has_entropy_zero_without_a_sign():
    result = entropy(np.array([0.0, 1.0, 0.0]))
    assert result == 0 and math.copysign(1, result) == 1


def test_entropy_follows_the_chain_rule():
    joint = random_table((3, 2, 2), seed=4)
    given = sum(
        p_y * entropy(conditional(joint, {0: y}))
        for y, p_y in enumerate(marginal(joint, (0,)))
    )
    assert entropy(joint) == pytest.approx(entropy(marginal(joint, (0,))) + given)


@pytest.mark.parametrize("seed", range(3))
def test_entropy_and_divergences_agree_with_scipy(seed):
    p, q = random_table((2, 3, 4), seed), random_table((2, 3, 4), seed + 100)
    flat_p, flat_q = p.reshape(-1), q.reshape(-1)
    assert entropy(p) == pytest.approx(scipy.stats.entropy(flat_p))
    assert kl_divergence(p, q) == pytest.approx(scipy.stats.entropy(flat_p, flat_q))
    distance = scipy.spatial.distance.jensenshannon(flat_p, flat_q)
    assert jensen_shannon(p, q) == pytest.approx(distance**2)


def test_the_published_value_of_the_game():
    p, q = np.array([0.5, 0.25, 0.125, 0.125]), np.full(4, 0.25)
    assert entropy(p) == pytest.approx(1.75 * LN2)
    assert kl_divergence(p, q) == pytest.approx(0.25 * LN2)
    assert kl_divergence(q, p) == pytest.approx(0.25 * LN2)  # a coincidence: see below
    assert jensen_shannon(p, q) == pytest.approx(0.0424748, abs=5e-8)
    # the value of the game at the optimal discriminator p / (p + q)
    value = np.sum(p * np.log(p / (p + q)) + q * np.log(q / (p + q)))
    assert value == pytest.approx(-1.3013448, abs=5e-8)
    assert 2 * jensen_shannon(p, q) - math.log(4) == pytest.approx(value)


def test_the_arguments_of_kl_cannot_be_swapped():
    p, q = asymmetric_world(), np.full((2,) * 4, 1 / 16)
    assert kl_divergence(p, q) == pytest.approx(4 * LN2 - entropy(p))
    assert abs(kl_divergence(p, q) - kl_divergence(q, p)) > 0.02


def test_kl_where_a_state_is_missing():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25])
    assert kl_divergence(p, q) == pytest.approx(0.5 * LN2)
    assert kl_divergence(q, p) == math.inf


def test_divergences_of_a_table_from_itself_are_exactly_zero():
    p = random_table((2,) * 6, seed=1)
    assert kl_divergence(p, p) == jensen_shannon(p, p) == total_variation(p, p) == 0


def test_kl_survives_probabilities_whose_quotient_overflows():
    p, q = np.array([0.5, 0.5]), np.array([5e-324, 1.0])
    expected = -LN2 - 0.5 * math.log(5e-324)
    assert kl_divergence(p, q) == pytest.approx(expected)


def test_jensen_shannon_is_symmetric_and_at_most_log_2():
    for seed in range(5):
        p, q = random_table((2, 8), seed), random_table((2, 8), seed + 50)
        assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p), rel=1e-12)
        assert 0 < jensen_shannon(p, q) < LN2
    p, q = np.array([0.3, 0.7, 0.0, 0.0]), np.array([0.0, 0.0, 0.9, 0.1])
    assert jensen_shannon(p, q) == pytest.approx(LN2, rel=1e-12)
    assert total_variation(p, q) == pytest.approx(1, rel=1e-12)


def test_total_variation_is_the_largest_difference_over_all_events():
    p, q = random_table((8,), seed=2), random_table((8,), seed=3)
    events = all_images(2, 4).reshape(-1, 8)
    assert total_variation(p, q) == pytest.approx(np.max(np.abs(events @ (p - q))))


@pytest.mark.parametrize("divergence", [kl_divergence, jensen_shannon, total_variation])
def test_looking_at_fewer_pixels_brings_distributions_closer(divergence):
    p, q = random_table((2,) * 4, seed=5), random_table((2,) * 4, seed=6)
    for keep in SUBSETS[1:]:
        part = divergence(marginal(p, keep), marginal(q, keep))
        assert -1e-15 <= part <= divergence(p, q) + 1e-15


def chi_square(joint, states):
    """Return the p-value of the states' counts under the joint."""
    expected = len(states) * joint.reshape(-1)
    counts = np.bincount(states, minlength=joint.size)
    assert not counts[expected == 0].any()
    return scipy.stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue


@pytest.mark.parametrize("seed", range(3))
def test_samples_have_the_frequencies_of_the_joint(seed):
    joint = asymmetric_world()
    states = sample_states(joint, 20_000, jax.random.key(seed))
    assert states.shape == (20_000,)
    assert chi_square(joint, states) > 0.001
    # the test can tell: rows for columns, and the neighbouring state
    assert chi_square(joint.transpose(0, 2, 1, 3), states) < 1e-9
    assert chi_square(np.roll(joint, 1), states) < 1e-9


def test_samples_of_the_largest_world():
    joint = designed_world(0.1)
    images = all_images(4, 4)[sample_states(joint, 20_000, jax.random.key(1))]
    modes, distances = nearest_pattern(images)
    near = distances <= 3
    assert scipy.stats.chisquare(np.bincount(modes[near])).pvalue > 0.001
    pairs = 2 * images[:, 1, 0, 0] + images[:, 1, 1, 0]  # alike in half the patterns
    assert chi_square(marginal(joint, (4, 5)), pairs) > 0.001


def test_samples_of_a_labelled_world_split_into_label_and_image():
    tables = np.stack([asymmetric_world(), np.eye(16)[5].reshape((2,) * 4)])
    joint = join_label(np.array([0.8, 0.2]), tables)
    states = sample_states(joint, 20_000, jax.random.key(0))
    labels, places = np.divmod(states, 16)
    assert np.mean(labels) == pytest.approx(0.2, abs=0.012)  # four deviations
    assert set(places[labels == 1]) == {5}
    assert chi_square(tables[0], places[labels == 0]) > 0.001


def test_the_key_decides_the_samples():
    joint = asymmetric_world()
    draws = [sample_states(joint, 50, jax.random.key(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.any(draws[0] != draws[2])


@pytest.mark.parametrize("cells, rare", [(2**16, 2.0**-25), (2**20, 2.0**-40)])
def test_rare_states_come_up_as_often_as_they_should(cells, rare):
    # with 24 or 32 random bits the small states would come up too often, or never
    table = np.tile([rare, 2 / cells - rare], cells // 2)
    states = sample_states(table, 400_000, jax.random.key(0))
    expected = 400_000 * rare * cells / 2
    assert abs(np.sum(states % 2 == 0) - expected) < 4 * math.sqrt(expected) + 1


ZERO, ONES = np.uint64(0), np.uint64(2**64 - 1)


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("last", [0, 2])
def test_impossible_states_are_never_drawn(first, last):
    table = np.array([0.0] * first + [0.1, 0.0, 0.9 - 1e-7] + [0.0] * last)
    extremes = _invert_cdf(table, np.array([ZERO, ONES]))
    np.testing.assert_array_equal(extremes, [first, first + 2])
    with pytest.raises(ValueError, match="sums to 0"):
        sample_states(np.zeros(3), 1, jax.random.key(0))


def test_a_state_of_probability_1e_9_gets_its_share_of_the_bits():
    table = np.array([0.3, 1e-9, 0.0, 0.7 - 1e-9])
    lower, upper = int(0.3 * 2**64), int((0.3 + 1e-9) * 2**64)
    slack = 2**14  # a few of the 2**53 steps of a float64
    bits = [lower - slack, lower + slack, upper - slack, upper + slack]
    assert upper - lower > 10**6 * slack
    states = _invert_cdf(table, np.array(bits, np.uint64))
    np.testing.assert_array_equal(states, [0, 1, 1, 3])


def test_65536_states_take_less_than_a_second_of_the_processor():
    joint, images = designed_world(0.1), all_images(4, 4)
    uniform = np.full((2,) * 16, 2.0**-16)
    labels = np.arange(65536) % 3
    key = jax.random.key(0)
    for function in (
        lambda: all_images(4, 4),
        lambda: state_index(images),
        lambda: joint_from_images(images, 0.1),
        lambda: labelled_joint(images, labels, 3),
        lambda: join_label(np.full(3, 1 / 3), np.stack([joint] * 3)),
        lambda: marginal(joint, range(15, 0, -1)),
        lambda: conditional(joint, {0: 1, 7: 0}),
        lambda: entropy(joint),
        lambda: kl_divergence(joint, uniform),
        lambda: jensen_shannon(joint, uniform),
        lambda: total_variation(joint, uniform),
        lambda: sample_states(joint, 65536, key),
        lambda: nearest_pattern(images),
        lambda: designed_world(),
    ):
        seconds = []
        for _ in range(3):
            start = time.process_time()
            function()
            seconds.append(time.process_time() - start)
        assert min(seconds) < 1
