"""Exercise 5.5: two pixels drawn at once."""

import numpy as np

from course_utils.exercises.compare import same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.worlds import asymmetric_world, kl_divergence


def two_at_once(joint):
    """Return q(x), the distribution of images that are drawn in three steps.

    joint: p(x) of 2x2 images, [2, 2, 2, 2], one axis for each pixel in raster
    order.
    The first pixel is drawn from p(x1); the second and the third at the same
    moment, each given the first alone; the fourth given all three. Where p
    gives the first three pixels probability 0, the fourth is white (1) with
    probability 1/2; where p(x1) is 0, so is q. Returns q(x), [2, 2, 2, 2].
    """
    first = joint.sum(axis=(1, 2, 3), keepdims=True)  # p(x1)
    second = joint.sum(axis=(2, 3), keepdims=True)  # p(x1, x2)
    third = joint.sum(axis=(1, 3), keepdims=True)  # p(x1, x3)
    three = joint.sum(axis=3, keepdims=True)  # p(x1, x2, x3)
    fourth = np.full(joint.shape, 0.5)  # p(x4 | x1, x2, x3)
    np.divide(joint, three, out=fourth, where=three > 0)
    return second * third / np.where(first > 0, first, 1) * fourth


def _given(joint, pixel, parents, never=0.5):
    """Return p(pixel | parents) with all axes kept; `never` stands for 0 / 0."""
    others = tuple(i for i in range(4) if i != pixel and i not in parents)
    both = joint.sum(axis=others, keepdims=True)
    condition = both.sum(axis=pixel, keepdims=True)
    quotient = np.full(both.shape, never)
    return np.divide(both, condition, out=quotient, where=condition > 0)


def _drawn(second=(0,), third=(0,), fourth=(0, 1, 2), never=0.5, blank=0.5):
    """Return an answer in which a pixel sees those named, counted from 0.

    `never` and `blank` stand for 0 / 0 in the fourth pixel and in the two before it.
    """

    def answer(joint):
        pair = _given(joint, 1, second, blank) * _given(joint, 2, third, blank)
        return _given(joint, 0, ()) * pair * _given(joint, 3, fourth, never)

    return answer


def _first_three(joint):
    return _given(joint, 0, ()) * _given(joint, 1, (0,)) * _given(joint, 2, (0,))


def _half_where_an_image_is_missing(joint):
    return _first_three(joint) * np.where(joint > 0, _given(joint, 3, (0, 1, 2)), 0.5)


def _normalised(joint):
    q = _drawn(never=0.0)(joint)
    return q / q.sum()


def _first_counted_twice(joint):
    return _given(joint, 0, ()) * two_at_once(joint)


def _joint_tables(joint):
    return _given(joint, 0, ()) ** 2 * two_at_once(joint)


def _without_the_first(joint):
    return _given(joint, 1, (0,)) * _given(joint, 2, (0,)) * _given(joint, 3, (0, 1, 2))


def _exchanged(joint):
    return _first_three(joint).swapaxes(1, 2) * _given(joint, 3, (0, 1, 2))


def _axes_lost(joint):
    pairs = joint.sum(axis=(2, 3)) * joint.sum(axis=(1, 3)) / joint.sum(axis=(1, 2, 3))
    return pairs * (joint / joint.sum(axis=3))


_WORLD = asymmetric_world()


_UNEVEN = np.random.default_rng(5).dirichlet(np.full(16, 0.9)).reshape(2, 2, 2, 2)


_COIN = np.zeros((2, 2, 2, 2))
_COIN[0, 0, 0, 0] = _COIN[0, 1, 1, 1] = 0.5


_GAPS = np.reshape([3, 1, 0, 0, 4, 0, 2, 6, 0, 5, 1, 7, 0, 0, 0, 3], (2, 2, 2, 2)) / 32


def _tied(rng, rare):
    """Return pixels 2 and 3 that are equal, but for about `rare` of the images."""
    place = np.indices((2, 2, 2, 2))
    table = rng.uniform(0.2, 1, (2, 2, 2, 2)) * np.where(place[1] == place[2], 1, rare)
    return table / table.sum()


def _more(rng):
    """Counted tables, with and without gaps; pixels that never change; ties."""
    for num in (5, 30, 1_000, 40_000_000):
        for concentration in (0.2, 1.0, 10.0):
            p = rng.dirichlet(np.full(16, concentration))
            table = rng.multinomial(num, p).reshape(2, 2, 2, 2) / num
            name = f"counted from {num:,} images, concentration {concentration:g}"
            yield Case(name, (table,))
    for axis, colour in np.ndindex(4, 2):
        table = _UNEVEN * (np.indices((2, 2, 2, 2))[axis] == colour)
        name = f"pixel {axis + 1} is always {colour}"
        yield Case(name, (table / table.sum(),))
    yield Case("pixels 2 and 3 always equal", (_tied(rng, 0.0),))
    yield Case("pixels 2 and 3 unequal once in a million", (_tied(rng, 1e-6),))
    yield Case("one image only", (np.eye(16)[9].reshape(2, 2, 2, 2),))
    yield Case("all images equally likely", (np.full((2, 2, 2, 2), 1 / 16),))


_GAPS_FILLED = (
    WrongAnswer(
        "0 / 0",
        _drawn(never=np.nan),
        "Your table is right wherever p shows the first three pixels. Where it never "
        "does, p(x4 | x1, x2, x3) is 0 / 0, in floating point nan. Put 1/2 in its "
        "place: np.divide with `out` and `where` divides only where you let it.",
    ),
    WrongAnswer(
        "0 / 0 where p(x1) is 0",
        _drawn(blank=np.nan),
        "Your table holds nan where p(x1) is 0: there p(x2 | x1) and p(x3 | x1) are "
        "0 / 0. Such a first pixel is never drawn, so q is 0 there.",
    ),
    WrongAnswer(
        "0 for 0 / 0",
        _drawn(never=0.0),
        "Your q is 0 where p never shows the first three pixels, so the table sums to "
        "less than one. The second and the third pixel do not see each other, so they "
        "can come out like that, and the fourth is then a fair coin.",
    ),
    WrongAnswer(
        "0 for 0 / 0, then normalised",
        _normalised,
        "Your q is 0 where p never shows the first three pixels, and the other images "
        "were divided by the sum that is left. An image that gets there is not thrown "
        "away: its fourth pixel is a fair coin.",
    ),
    WrongAnswer(
        "1 for 0 / 0",
        _drawn(never=1.0),
        "Where p never shows the first three pixels, you gave both colours of the "
        "fourth probability 1, so the table sums to more than one. Give 1/2 to each.",
    ),
    WrongAnswer(
        "white for 0 / 0",
        _drawn(never=np.array([0.0, 1.0])),
        "Where p never shows the first three pixels, your fourth is always white. It "
        "is white with probability 1/2, and black with 1/2.",
    ),
    WrongAnswer(
        "1/2 where p(x) is 0",
        _half_where_an_image_is_missing,
        "You gave the fourth pixel 1/2 wherever p(x) is 0. If p shows the first three "
        "pixels, but never with this fourth, its probability is 0. The 1/2 is for "
        "p(x1, x2, x3) = 0.",
    ),
)


_CHANGED = (
    WrongAnswer(
        "nothing changed",
        lambda joint: joint,
        "This is p itself, in which the second and the third pixel depend on each "
        "other. Drawn at once, neither sees the other: p(x2 | x1) p(x3 | x1) takes the "
        "place of p(x2, x3 | x1).",
    ),
    WrongAnswer(
        "the first forgotten",
        _drawn(second=(), third=()),
        "You drew the second and the third pixel from p(x2) and p(x3), without looking "
        "at the first. They do not see each other, but both see the first: p(x2 | x1) "
        "and p(x3 | x1).",
    ),
    WrongAnswer(
        "the third by itself",
        _drawn(third=()),
        "Your third pixel is drawn from p(x3). It does not see the second, but it does "
        "see the first: p(x3 | x1).",
    ),
    WrongAnswer(
        "the second by itself",
        _drawn(second=()),
        "Your second pixel is drawn from p(x2). It sees the first: p(x2 | x1).",
    ),
    WrongAnswer(
        "the third given the second",
        _drawn(third=(1,)),
        "Your third pixel sees the second and not the first. It is the other way "
        "round: p(x3 | x1).",
    ),
    WrongAnswer(
        "all pixels independent",
        _drawn((), (), ()),
        "This is the product of the four marginals: no pixel sees another. The second "
        "and the third see the first, and the fourth sees all three.",
    ),
    WrongAnswer(
        "each given the one before",
        _drawn((0,), (1,), (2,)),
        "Each of your pixels sees the one before it and no other. The third sees the "
        "first alone, and the fourth sees all three.",
    ),
    WrongAnswer(
        "three at once",
        _drawn(fourth=(0,)),
        "Your fourth pixel sees the first alone, so three pixels are drawn at once. It "
        "is drawn after them: p(x4 | x1, x2, x3).",
    ),
    WrongAnswer(
        "the fourth by itself",
        _drawn(fourth=()),
        "Your fourth pixel is drawn from p(x4). It sees all three before it: "
        "p(x4 | x1, x2, x3).",
    ),
    WrongAnswer(
        "the fourth without the first",
        _drawn(fourth=(1, 2)),
        "Your fourth pixel sees the second and the third only. It sees the first as "
        "well: p(x4 | x1, x2, x3).",
    ),
    WrongAnswer(
        "the last two at once",
        _drawn(third=(0, 1), fourth=(0, 1)),
        "You drew the third and the fourth pixel at the same moment. It should be the "
        "second and the third, axes 1 and 2 when counted from 0.",
    ),
    WrongAnswer(
        "the second and the fourth at once",
        _drawn(third=(0, 1, 3), fourth=(0,)),
        "You drew the second and the fourth pixel at the same moment, and the third "
        "last. In raster order the third is axis 2, the first of the lower row.",
    ),
    WrongAnswer(
        "the first two at once",
        _drawn(second=(), third=(0, 1)),
        "You drew the first and the second pixel at the same moment. The second is "
        "drawn given the first, and the third at the same moment as the second.",
    ),
    WrongAnswer(
        "the first counted twice",
        _first_counted_twice,
        "Your table has p(x1) in it twice: p(x1, x2) and p(x1, x3) both hold it. "
        "Divide their product by p(x1).",
    ),
    WrongAnswer(
        "joint tables for conditionals",
        _joint_tables,
        "You multiplied p(x1) by p(x1, x2) and p(x1, x3). Each of these has to be "
        "divided by p(x1) first: p(x2 | x1) = p(x1, x2) / p(x1).",
    ),
    WrongAnswer(
        "the joint for the fourth",
        lambda joint: _first_three(joint) * joint,
        "Your last factor is p(x) itself. It should be the conditional of the fourth "
        "pixel: divide p(x) by p(x1, x2, x3).",
    ),
    WrongAnswer(
        "without p(x1)",
        _without_the_first,
        "The factor p(x1) is missing: this is q(x2, x3, x4 | x1), one distribution for "
        "each first pixel.",
    ),
    WrongAnswer(
        "the pair exchanged",
        _exchanged,
        "p(x2 | x1) stands on the axis of the third pixel, and p(x3 | x1) on that of "
        "the second. With keepdims=True every pixel keeps its own axis.",
    ),
    WrongAnswer(
        "axes lost",
        _axes_lost,
        "A sum removes its axes, and NumPy lines up what is left from the right: your "
        "p(x1, x2) ended up on the axes of x3 and x4. Sum with keepdims=True, and "
        "every pixel keeps its axis.",
    ),
)


_PARTS = (
    ((0, 1, 2, 3), "does not sum to one, even where p has no zeros."),
    ((1, 2, 3), "has another p(x1) than p."),
    ((2, 3), "has another p(x2 | x1) than p."),
    ((1, 3), "has another p(x3 | x1) than p."),
    (3, "has p(x2 | x1) and p(x3 | x1), but not their product for the pair given x1."),
    ((), "is right up to the third pixel, but has another p(x4 | x1, x2, x3) than p."),
)


def _diagnose(answer):
    """Say what tables without zeros show, then whether only the gaps are wrong."""
    tables = [_WORLD.copy(), _UNEVEN.copy()]
    with np.errstate(all="ignore"):
        found = [answer(table) for table in tables]
        if not same(tables, [_WORLD, _UNEVEN], 0.0):
            return None  # the judge says that the argument was changed
        for wrong in _CHANGED:
            if same(found, [wrong.answer(table) for table in tables], 1e-5):
                return wrong.message
        return _wrong_part(np.asarray(found[0])) or _wrong_in_gaps(answer)


def _wrong_part(q):
    want = two_at_once(_WORLD)
    if q.shape != want.shape or same(q, want, 1e-5) or not np.isfinite(q).all():
        return None
    if np.allclose(q, want, rtol=1e-2, atol=1e-3):
        return (
            "Your numbers are close, but not exact: is something rounded, drawn at "
            "random, or a small constant added?"
        )
    sums = ((q.sum(axis), want.sum(axis), what) for axis, what in _PARTS)
    return next(f"Your table {s[2]}" for s in sums if not same(s[0], s[1], 1e-5))


def _wrong_in_gaps(answer):
    table, want = _GAPS.copy(), two_at_once(_GAPS)
    q, shown = np.asarray(answer(table)), np.repeat(_GAPS.sum(axis=3) > 0, 2)
    if q.shape != want.shape or np.isnan(q).any() or same(q, want, 1e-5):
        return None
    if not same(q.ravel()[shown], want.ravel()[shown], 1e-5):
        return None
    return same(table, _GAPS, 0.0) and (
        "Your table is right wherever p shows the first three pixels, and wrong where "
        "it never does. The first three can still come out like that, and then the "
        "fourth is a fair coin."
    )


EXERCISE = Exercise(
    id="5.5",
    title="two pixels drawn at once",
    reference=two_at_once,
    cases=(
        Case("a table without zeros or symmetries", (_WORLD,)),
        Case("an uneven table without zeros", (_UNEVEN,)),
        Case("a first pixel that is always black, the others one coin", (_COIN,)),
        Case("a table with zeros", (_GAPS,)),
    ),
    more=_more,
    then=lambda q: kl_divergence(_WORLD, q) >= 0,
    wrong=_GAPS_FILLED + _CHANGED,
    diagnose=_diagnose,
    hints=(
        "The chain rule is p(x1) p(x2 | x1) p(x3 | x1, x2) p(x4 | x1, x2, x3). Which "
        "factor changes if the third pixel cannot see the second?",
        "A conditional is one sum divided by another: p(x3 | x1) = p(x1, x3) / p(x1). "
        "joint.sum(axis=..., keepdims=True) leaves every pixel its axis, so that the "
        "tables can be multiplied.",
        "For p(x4 | x1, x2, x3), start from np.full(joint.shape, 0.5) and let "
        "np.divide(joint, three, out=..., where=three > 0) overwrite the rest. p(x1) "
        "may be 0, too: q is 0 there.",
    ),
)
