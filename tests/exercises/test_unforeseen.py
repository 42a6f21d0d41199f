"""Answers that nobody had foreseen: each was once accepted, or told something false.

They were written from the tasks alone, before the checks were read. A row is an
exercise, an answer, and words that the verdict must hold; `NOT` are words that were
once said of it and are false.
"""

import asyncio
import contextlib
import io
import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course_utils.exercises import engine
from course_utils.exercises.engine import find
from course_utils.exercises.exercise import Case, Exercise
from course_utils.exercises.judge import judge
from course_utils.worlds import all_images

# --- accepted once: right on tame cases, wrong where the notebook goes on


def header_shape(header):
    return [int.from_bytes(header[i : i + 4], "big") for i in header_starts(header)]


def header_starts(header):
    return range(4, 4 + 4 * header[3], 4)


def by_the_last(joint):
    first = joint.sum(axis=-1)
    return bool(
        np.allclose(joint, first[..., None] * joint.sum(tuple(range(joint.ndim - 1))))
    )


def by_the_rank(joint):
    return bool(np.isclose(np.linalg.det(joint.reshape(2, -1)[:, :2]), 0))


def shifted(shift):
    def answer(log_likelihoods, prior):
        weights = np.exp(log_likelihoods - shift(log_likelihoods)) * prior
        return weights / weights.sum(axis=1, keepdims=True)

    return answer


def angles_without_clip(a, b):
    q, r = np.linalg.qr(a)[0], np.linalg.qr(b)[0]
    return np.degrees(np.arccos(np.linalg.svd(q.T @ r)[1]))


def all_differences(features, moved, labels, gallery, gallery_labels):
    squares = ((features[:, None] - gallery[None]) ** 2).sum(axis=2)
    squares[labels[:, None] == gallery_labels] = np.inf
    own = ((features - moved) ** 2).sum(axis=1)
    return np.mean(own > squares.min(axis=1))


def clipped_nll(table, contexts, images):
    p = np.clip(table, 0.05, 0.95)[contexts]
    return -np.log(np.where(images[..., 0], p, 1 - p)).sum(axis=(1, 2))


def nll_in_a_list(table, contexts, images):
    p = table[contexts]
    nats = -np.log(np.where(images[..., 0], p, 1 - p)).sum(axis=(1, 2))
    return nats.tolist()


def numpy_kl(mean, logvar):
    mean, logvar = np.asarray(mean), np.asarray(logvar)
    return 0.5 * np.sum(mean**2 + np.exp(logvar) - 1 - logvar, axis=1)


def clipped_draws(logits, key):
    p = jnp.clip(jax.nn.sigmoid(logits), 0.01, 0.99)
    return jax.random.bernoulli(key, p).astype(float)


def in_a_thousand_places(items, size, draws):
    buffer, emitted = list(items[:size]), []
    for step, draw in enumerate(draws):
        emitted.append(buffer.pop(int(draw * 1000) % len(buffer)))
        buffer += items[size + step : size + step + 1]
    return emitted


def all_differences_by_vmap(features, moved, labels, gallery, gallery_labels):
    """NumPy knows nothing of this memory."""

    def nearer(feature, copy, label):
        distances = jnp.linalg.norm(gallery - feature, axis=1)
        stranger = jnp.where(gallery_labels == label, jnp.inf, distances).min()
        return stranger < jnp.linalg.norm(copy - feature)

    return jax.vmap(nearer)(features, moved, labels).mean()


def single_precision(p_x, q_z_given_x, p_z):
    """Products of small masses become 0, and a logarithm infinite."""

    def kl(p, q):
        return np.sum(p * np.log(np.where(p > 0, p, 1) / np.where(p > 0, q, 1)))

    joint = np.float32(p_x[:, None] * q_z_given_x)
    q_z = joint.sum(axis=0)
    return kl(joint, np.float32(p_x)[:, None] * q_z), kl(q_z, np.float32(p_z))


ACCEPTED = [
    ("0.1", header_shape, "goes on with a tuple, and yours is a list"),
    ("0.1", lambda h: np.array(header_shape(h)), "goes on with a tuple"),
    ("0.1", lambda h: tuple(map(float, header_shape(h))), "goes on with a tuple"),
    ("0.2", lambda x: np.round(x.mean(axis=(1, 2, 3)), 2), "nearly right"),
    ("1.1", in_a_thousand_places, "never chosen"),
    ("1.3", by_the_last, "The answer True is wrong"),
    ("1.3", by_the_rank, "is wrong"),
    ("1.5", clipped_nll, "wrong value"),
    ("1.5", nll_in_a_list, "goes on with an array of shape (3,), and yours is a list"),
    ("2.1", shifted(lambda a: a.min(axis=1, keepdims=True)), "Subtract the largest"),
    ("2.1", shifted(lambda a: a.mean(axis=1, keepdims=True)), "nan"),
    ("2.1", shifted(lambda a: a[:, :1]), "nan"),
    ("3.1", angles_without_clip, "arccos of more than 1"),
    ("3.1", lambda a, b: find("3.1").reference(a, b).tolist(), "no attribute 'max'"),
    ("3.3", all_differences, "MB on the way"),
    ("3.3", all_differences_by_vmap, "MB on the way"),
    ("4.1", numpy_kl, "inside a training step"),
    ("4.4", clipped_draws, "logit of 200 or -200"),
    ("4.5", single_precision, "infinite"),
]


@pytest.mark.parametrize(("exercise", "answer", "words"), ACCEPTED)
def test_once_accepted(exercise, answer, words):
    outcome = judge(find(exercise), answer)
    assert outcome.status != "right"
    assert words in outcome.message


# --- given a false diagnosis once


def outer_of_two(joint):
    firsts = [joint.sum(axis=tuple(range(1, joint.ndim)))]
    return bool(np.allclose(joint, np.outer(firsts[0], joint.sum(axis=0))))


def tall_prior(log_likelihoods, prior):
    joint = log_likelihoods + np.log(prior[:, None])
    return np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))


def with_epsilon(p_x, q, p_z):
    q_z = p_x @ q
    told = p_x @ np.sum(q * np.log((q + 1e-6) / (q_z + 1e-6)), axis=1)
    return told, np.sum(q_z * np.log((q_z + 1e-6) / (p_z + 1e-6)))


def nan_kl(mean, logvar):
    return np.full(len(mean), np.nan)


def one_too_far(items, size, draws):
    return [items[int(draw * len(items)) + 1] for draw in draws]


def other_value_error(table, contexts, images):
    return np.stack([np.zeros(2), np.zeros(3)])


def sideways(codes, num, key):
    return jax.random.normal(key, (codes.shape[1], num))


MISDIAGNOSED = [
    ("1.3", outer_of_two, "", "=="),
    ("2.1", tall_prior, "could not be broadcast", "keepdims=True keeps"),
    ("2.1", lambda a, p: np.zeros((2, 3)) + np.zeros((4, 4)), "(4,4)", "keepdims=True"),
    ("3.1", lambda a, b: np.zeros(a.shape[1]), "are 0", "factor"),
    ("3.1", lambda a, b: np.full(a.shape[1], 1e-9), "", "factor"),
    ("4.1", nan_kl, "nan", "logvar as the variance"),
    ("4.1", lambda m, s: 0 * m.sum(axis=1), "are 0", "factor"),
    ("4.5", with_epsilon, "nearly right", "same amount"),
    ("1.1", one_too_far, "IndexError", "fewer than `size`"),
    ("1.5", other_value_error, "same shape", "channel axis"),
    ("1.5", lambda t, c, x: [].index(1), "ValueError", "channel axis"),
    ("2.5", lambda s, w, n: np.bincount(s, w, n) / w.sum() + 1e-6, "", "wrong order"),
    ("0.2", lambda x: x.mean((1, 2, 3)) + 1e-3, "same amount", "factor"),
    ("4.2", lambda a, b, c: (-80.0, -80.5, 0.5), "log p(x)", "factor"),
    ("3.4", sideways, "shape should be (5, 2), but it is (2, 5)", "dict"),
]


@pytest.mark.parametrize(("exercise", "answer", "words", "NOT"), MISDIAGNOSED)
def test_once_told_something_false(exercise, answer, words, NOT):
    outcome = judge(find(exercise), answer)
    assert outcome.status in ("wrong", "raised")
    assert words.lower() in outcome.message.lower()
    assert NOT not in outcome.message


# --- told nothing in particular, though the text itself warns of it


def reverse_fit(values, p):
    """Minimise KL(q || p) over a grid of Gaussians."""
    best = None
    for mean, std in itertools.product(np.linspace(-4, 5, 91), np.linspace(0.3, 3, 28)):
        q = np.exp(-0.5 * ((values - mean) / std) ** 2)
        q /= q.sum()
        kl = np.sum(q * (np.log(q + 1e-300) - np.log(p + 1e-300)))
        best = min(best or (kl, mean, std), (kl, mean, std))
    return best[1:]


def prior_for_q(log_likelihood, log_prior, log_q):
    joint = log_likelihood + log_prior
    log_px = np.logaddexp.reduce(joint)
    q = np.exp(log_prior)
    return (
        log_px,
        np.sum(q * (joint - log_prior)),
        np.sum(q * (log_prior - joint)) + log_px,
    )


def lost_maximum(log_weights):
    return jnp.log(jnp.exp(log_weights - log_weights.max(axis=0)).mean(axis=0))


def correlated_pixels(logits, key):
    noise = jax.random.uniform(key, (len(logits), 1, *logits.shape[2:]))
    return (noise < jax.nn.sigmoid(logits)).astype(float)


def heavy_tails(codes, num, key):
    root = jnp.linalg.cholesky(jnp.cov(codes, rowvar=False))
    noise = jax.random.laplace(key, (num, codes.shape[1])) / 2**0.5
    return codes.mean(axis=0) + noise @ root.T


NAMED = [
    ("2.3", reverse_fit, "sits on the higher mode"),
    ("2.3", lambda v, p: (np.sum(p * v), 0.3), "the standard deviation: "),
    (
        "4.1",
        lambda m, s: 0.5 * jnp.sum(m**2 + jnp.exp(s) - 1 + s, axis=1),
        "wrong sign: the formula subtracts log v",
    ),
    ("4.2", prior_for_q, "prior's masses for those of q"),
    ("4.2", lambda a, b, c: (*find("4.2").reference(a, b, c)[:2], 1.0), "the gap: "),
    ("4.3", lost_maximum, "added again"),
    ("4.4", correlated_pixels, "share random numbers"),
    ("3.4", heavy_tails, "not normally distributed"),
    (
        "4.5",
        lambda p, q, r: (find("4.5").reference(p, q, r)[0], -1.0),
        "the distance to the prior: ",
    ),
]


@pytest.mark.parametrize(("exercise", "answer", "words"), NAMED)
def test_the_failing_part_is_named(exercise, answer, words):
    outcome = judge(find(exercise), answer)
    assert outcome.status == "wrong"
    assert words.lower() in outcome.message.lower()


# --- values of any kind: the type is told before the shape


async def coroutine(x):
    return x


KINDS = [
    (lambda x: (row for row in x), "a generator"),
    (lambda x: map(sum, x), "a map"),
    (lambda x: "0.5", "a text"),
    (lambda x: {"a": 1}, "a dict"),
    (lambda x: {0.5}, "a set"),
    (coroutine, "A coroutine is returned"),
    (lambda x: [[1.0], [1.0, 2.0]], "lists of different lengths"),
    (lambda x: ((1.0,), (1.0, 2.0)), "a tuple"),
    (lambda x: coroutine, "a function (did you forget to call it?)"),
    (lambda x: print, "a function"),
    (lambda x: np.array(["a", "b"]), "texts"),
    (lambda x: np.array([1j, 2j]), "complex"),
    (lambda x: np.array([None, 1]), "objects"),
    (lambda x: [print(end="") for _ in x], "a list of objects"),
    (lambda x: np.array([[1, 2], 3, 4], object), "objects"),
]


@pytest.mark.parametrize(("answer", "words"), KINDS)
def test_the_type_is_told_in_words(answer, words):
    outcome = judge(find("0.2"), answer)
    assert outcome.status == "wrong"
    assert words in outcome.message
    assert "Complaint" not in outcome.message and "Raised" not in outcome.message


@pytest.mark.parametrize(
    "verdict", ["B", ("B", "total"), ["B"], {"guilty": "B"}, 3, {}]
)
def test_a_verdict_of_another_form_is_told_the_form(verdict):
    outcome = judge(find("0.4"), verdict)
    assert outcome.status == "wrong"
    assert "dict" in outcome.message and '"guilty" is A or B or C' in outcome.message


# --- time, output, damage, the reference handed back


SLOW = Exercise(
    id="9.9",
    title="",
    reference=lambda x: x.sum(axis=1),
    cases=(Case("two rows", (np.ones((2, 2)),)),),
    seconds=0.3,
)


def endless(x):
    while True:
        pass


def endless_and_deaf(x):
    end = time.monotonic() + 3
    while time.monotonic() < end:
        with contextlib.suppress(BaseException):
            endless(x)
    return x.sum(axis=1)


@pytest.mark.parametrize("answer", [endless, endless_and_deaf])
def test_a_check_that_takes_too_long_is_stopped_and_says_so(answer):
    start = time.process_time()
    outcome = judge(SLOW, answer)
    assert time.process_time() - start < 10
    assert outcome.status == "wrong" and "stopped after 0.3 seconds" in outcome.message
    assert judge(SLOW, SLOW.reference).status == "right"


def test_a_press_of_stop_goes_through():
    def pressed(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(SLOW, pressed)


def test_an_answer_that_ends_the_program_does_not():
    def leave(x):
        raise SystemExit

    assert judge(SLOW, leave).status == "raised"


def test_an_answer_that_sleeps_is_woken():
    start = time.monotonic()
    outcome = judge(SLOW, lambda x: time.sleep(60))
    assert time.monotonic() - start < 20
    assert "stopped after" in outcome.message


def test_what_an_answer_prints_is_shown_once_and_cut():
    def chatty(x):
        print("a" * 10_000)
        return x.sum(axis=1)

    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert judge(SLOW, chatty).status == "right"
    assert 2_000 <= len(out.getvalue()) < 2_100
    assert "prints no more" in out.getvalue()


def test_the_reference_is_computed_before_an_answer_can_spoil_it(monkeypatch):
    def vandal(joint, past):
        monkeypatch.setattr(np, "allclose", lambda *a, **k: True)
        monkeypatch.setattr(np, "asarray", None)
        return 0.5

    outcome = judge(find("1.4"), vandal)
    monkeypatch.undo()
    assert outcome.status != "right"


def test_errors_are_equal_only_if_they_say_the_same():
    def refuse(x):
        raise ValueError("the right one")

    def other(x):
        raise ValueError("another one")

    exercise = Exercise(id="9.9", title="", reference=refuse, cases=SLOW.cases)
    assert judge(exercise, refuse).status == "right"
    assert judge(exercise, other).status == "raised"


@pytest.mark.parametrize("exercise", ["0.3", "3.2", "0.4", "2.6"])
def test_a_value_handed_back_is_not_the_learners(exercise, capsys):
    handed = engine.check(exercise, ...)
    engine.check(exercise, handed)
    assert "This is the reference" in capsys.readouterr().out


def test_a_value_of_ones_own_that_equals_the_reference_is_right(capsys):
    engine.check("0.3", ...)
    engine.check("0.3", 2 ** len(all_images(3, 1)[0].ravel()) ** 2)
    assert "[ok] exercise 0.3" in capsys.readouterr().out


def test_the_words_about_a_stub_and_about_an_answer_in_place(capsys):
    def stub(images):
        raise NotImplementedError

    def in_place(images):
        images[...] = True
        return images.mean(axis=(1, 2, 3))

    engine.check("0.2", stub)
    assert capsys.readouterr().out.count("not attempted") == 1
    engine.check("0.2", in_place)
    out = capsys.readouterr().out
    assert "changes its argument in place" in out and "ArgumentChanged" not in out


def test_asyncio_is_left_alone():
    """The coroutine of an answer is closed: nothing waits for it, nothing warns."""
    assert judge(find("0.2"), coroutine).status == "wrong"
    assert asyncio.run(coroutine(1)) == 1
