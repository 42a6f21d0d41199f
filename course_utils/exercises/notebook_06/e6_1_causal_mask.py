"""Exercise 6.1: which weights may be used."""

import numpy as np

from course_utils.exercises.describe import is_array
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer


def causal_mask(size, kind):
    """Return which weights of a kernel of size x size look at earlier pixels.

    size: odd, so that the kernel has a centre.
    kind: "A" leaves out the centre, "B" keeps it.
    Returns booleans, [size, size]: True where the weight may be used, that
    is in all rows above the centre, and in its own row up to the centre.
    """
    order, centre = np.arange(size * size).reshape(size, size), size * size // 2
    return order < centre if kind == "A" else order <= centre


def _where(rule):
    """Return an answer that keeps the weights that rule(row, column, kind) allows.

    row, column: counted from the centre, downwards and to the right.
    """

    def answer(size, kind):
        row, column = np.indices((size, size)) - size // 2
        return np.broadcast_to(rule(row, column, kind), (size, size))

    return answer


def _with_centre(rule):
    """Return an answer that keeps what the rule allows, and in B the centre."""

    def kept(row, column, kind):
        itself = (row == 0) & (column == 0)
        return np.where(itself, kind == "B", rule(row, column))

    return _where(kept)


def _above(row, column, kind=None):
    return row < 0


def _shifted(steps):
    """Return an answer whose mask ends so many pixels later than it should."""

    def answer(size, kind):
        order = np.arange(size * size).reshape(size, size)
        return order < size * size // 2 + (kind == "B") + steps

    return answer


def _form(answer, size, kind):
    """Return what a right mask is made of.

    Wrong ones have passed: the other cases say what is wrong with them.
    """
    mask = answer(size, kind)
    wrong = not np.array_equal(mask, causal_mask(size, kind))
    array = wrong or is_array(mask)
    booleans = wrong or not array or mask.dtype == bool
    return {"an array": array, "booleans": booleans}


def _case(size, kind):
    return Case(f"{size} x {size}, mask {kind}", (size, kind))


def _more(rng):
    """The sizes that are left: the cases have 1, 3 and 5."""
    for size in (7, 9):
        for kind in "AB":
            yield _case(size, kind)


_CASES = tuple(_case(size, kind) for size in (3, 5, 1) for kind in "AB")


def _diagnose(answer):
    """Name the first weight that is wrong."""
    for case in _CASES:
        size, kind = case.args
        got, want = np.asarray(answer(size, kind)), causal_mask(size, kind)
        if got.shape != want.shape or got.dtype.kind not in "biuf":
            return None
        if np.any((got != 0) & (got != 1)):
            return "A mask holds nothing but True and False."
        for place in np.argwhere(got != want):
            return _say(size, kind, place, bool(want[tuple(place)]))
    return None


def _say(size, kind, place, wanted):
    number, centre = place[0] * size + place[1], size * size // 2
    pixel = "an earlier pixel" if number < centre else "a later pixel"
    pixel = "the pixel itself" if number == centre else pixel
    does = "does not let you use" if wanted else "lets you use"
    return (
        f'With size {size} and kind "{kind}", your mask {does} the weight in row '
        f"{place[0]}, column {place[1]} (counted from 0). That weight lies on {pixel}."
    )


_WRONG = (
    WrongAnswer(
        "the centre in A",
        lambda size, kind: causal_mask(size, "B"),
        "Your mask A keeps the centre, as B does. The first layer is given the image "
        "itself, and there the centre lies on the pixel to be predicted: A has to "
        "leave it out.",
    ),
    WrongAnswer(
        "the centre not in B",
        lambda size, kind: causal_mask(size, "A"),
        "Your mask B leaves out the centre, as A does. Later layers are given features "
        "that have not seen the pixel to be predicted: B may use the centre.",
    ),
    WrongAnswer(
        "A and B exchanged",
        lambda size, kind: causal_mask(size, "B" if kind == "A" else "A"),
        "You have exchanged A and B. A, for the first layer, leaves out the centre; B "
        "keeps it.",
    ),
    WrongAnswer(
        "no centre row",
        _where(_above),
        "You keep the rows above, but nothing of the centre's own row. The pixels to "
        "the left of the centre come earlier as well, and B keeps the centre too.",
    ),
    WrongAnswer(
        "no centre row in A",
        _where(lambda r, c, k: (r < 0) | ((k == "B") & (r == 0) & (c <= 0))),
        "Your mask B is right, but A leaves out all of the centre's row. It should "
        "leave out the centre alone: the pixels to the left of it come earlier.",
    ),
    WrongAnswer(
        "no centre row in B",
        _where(lambda r, c, k: (r < 0) | ((k == "A") & (r == 0) & (c < 0))),
        "Your mask A is right, but B leaves out all of the centre's row. It should be "
        "A and the centre.",
    ),
    WrongAnswer(
        "no pixel on the left",
        _with_centre(_above),
        "You keep the rows above, and the centre in B, but the pixels to the left of "
        "the centre in its own row come earlier as well.",
    ),
    WrongAnswer(
        "the rows below kept",
        _with_centre(lambda r, c: (r != 0) | (c < 0)),
        "The centre's row is right, but the rows below it are still there. Their "
        "pixels come later, every one of them.",
    ),
    WrongAnswer(
        "the whole centre row kept",
        _with_centre(lambda r, c: r <= 0),
        "The rows are right, but in its own row you keep the pixels to the right of "
        "the centre as well. They come later.",
    ),
    WrongAnswer(
        "all but the centre",
        _with_centre(lambda r, c: True),
        "Your mask takes care of the centre and of nothing else. The weights after the "
        "centre, to its right and below, look at later pixels.",
    ),
    WrongAnswer(
        "all weights",
        _where(lambda r, c, k: True),
        "All your weights may be used, so the kernel looks at later pixels too.",
    ),
    WrongAnswer(
        "no weights",
        _where(lambda r, c, k: False),
        "No weight of yours may be used, so the kernel sees nothing at all.",
    ),
    WrongAnswer(
        "rows and columns exchanged",
        lambda size, kind: causal_mask(size, kind).T,
        "Your mask is the transposed one: it goes column by column. In raster order "
        "all rows above come first, each from left to right.",
    ),
    WrongAnswer(
        "a quadrant",
        _with_centre(lambda r, c: (r <= 0) & (c <= 0)),
        "You keep what is neither below nor to the right of the centre. But all "
        "pixels of the rows above come earlier, those on the right as well.",
    ),
    WrongAnswer(
        "above and left at once",
        _with_centre(lambda r, c: (r < 0) & (c < 0)),
        "You keep the pixels that lie above the centre and to the left of it at once. "
        "It takes no more than one of the two: any pixel of the rows above, or a pixel "
        "to the left in the same row.",
    ),
    WrongAnswer(
        "above and left at once, no centre",
        _where(lambda r, c, k: (r < 0) & (c < 0)),
        "You keep the pixels that lie above the centre and to the left of it at once, "
        "and both kinds are the same. Any pixel of the rows above comes earlier, and "
        "so does a pixel to the left in the same row; B keeps the centre too.",
    ),
    WrongAnswer(
        "above or left",
        _with_centre(lambda r, c: (r < 0) | (c < 0)),
        "The rows above are right. But you keep the left side of the rows below as "
        "well: being to the left counts in the centre's own row alone.",
    ),
    WrongAnswer(
        "the left side",
        _with_centre(lambda r, c: c < 0),
        "You keep the columns to the left of the centre. In raster order it is the "
        "rows above that come earlier, and of the centre's own row the left side.",
    ),
    WrongAnswer(
        "a triangle",
        lambda size, kind: np.tri(size, k=-1 if kind == "A" else 0, dtype=bool),
        "This is the triangular mask of a sequence, whose row i says what step i may "
        "see. A kernel's mask lies on a piece of the image: its row and column are a "
        "place, and the step that looks is the centre.",
    ),
    WrongAnswer(
        "the other weights",
        lambda size, kind: ~causal_mask(size, kind),
        "You have exchanged True and False. True marks the weights that may be used.",
    ),
    WrongAnswer(
        "later pixels",
        lambda size, kind: causal_mask(size, kind)[::-1, ::-1],
        "You keep the later pixels instead of the earlier ones: those to the right of "
        "the centre and in the rows below. Row 0 of a kernel is the top one.",
    ),
    WrongAnswer(
        "mirrored",
        lambda size, kind: causal_mask(size, kind)[:, ::-1],
        "In the centre's row you keep what lies to its right. Raster order goes from "
        "left to right, so the left side comes earlier.",
    ),
    WrongAnswer(
        "upside down",
        lambda size, kind: causal_mask(size, kind)[::-1],
        "Your mask stands upside down: it keeps the rows below the centre. Row 0 of a "
        "kernel is the top one.",
    ),
    WrongAnswer(
        "one weight too many",
        _shifted(1),
        "Your mask ends one weight too late: A keeps the centre, and B the weight "
        "after it. In raster order the centre has the number size * size // 2, counted "
        "from 0, so as many weights come before it.",
    ),
    WrongAnswer(
        "one weight too few",
        _shifted(-1),
        "Your mask ends one weight too early. In raster order the centre has the "
        "number size * size // 2, counted from 0, so as many weights come before it.",
    ),
    WrongAnswer(
        "3 x 3 always",
        lambda size, kind: causal_mask(3, kind),
        "Your mask is right for size 3, but it is 3 x 3 whatever the size is. Use "
        "`size`: the centre has row and column size // 2.",
    ),
    WrongAnswer(
        "flat",
        lambda size, kind: causal_mask(size, kind).ravel(),
        "The weights are right, but they stand in one line. Bring them into rows: "
        ".reshape(size, size).",
    ),
    WrongAnswer(
        "with axes for the features",
        lambda size, kind: causal_mask(size, kind)[..., None, None],
        "The weights are right, but the mask has two axes more than [size, size]. The "
        "notebook adds those for the features itself.",
    ),
    WrongAnswer(
        "a list",
        lambda size, kind: causal_mask(size, kind).tolist(),
        "The weights are right, but your mask is not an array. The notebook multiplies "
        "a kernel by it and uses ~mask, and neither works with a list: make it an "
        "array of booleans with np.array(mask, bool).",
    ),
    WrongAnswer(
        "no booleans",
        lambda size, kind: causal_mask(size, kind).astype(float),
        "The weights are right, but your mask does not hold booleans. For a product "
        "with a kernel 0 and 1 would do, but the notebook also uses ~mask, the weights "
        "that may not be used: ~ makes False of True, but -2 of 1, and it fails on "
        "1.0. End with .astype(bool).",
    ),
)


EXERCISE = Exercise(
    id="6.1",
    title="which weights may be used",
    reference=causal_mask,
    cases=(
        *_CASES,
        Case("5 x 5, mask A, as the notebook uses it", (5, "A"), run=_form),
        Case("3 x 3, mask B, as the notebook uses it", (3, "B"), run=_form),
    ),
    more=_more,
    then=lambda mask: (np.ones((*np.shape(mask), 1, 2)) * mask[..., None, None], ~mask),
    parts={
        "an array": "the weights are right, but the mask is not an array",
        "booleans": "the weights are right, but the mask does not hold booleans",
    },
    wrong=_WRONG,
    diagnose=_diagnose,
    hints=(
        "Lay a 5 x 5 kernel on squared paper, its centre on the pixel to be predicted, "
        "and number its weights in raster order, from 0. Which number has the centre, "
        "and which weights lie on earlier pixels?",
        "The centre has row and column size // 2. Start with nothing but False, "
        "np.zeros((size, size), bool), and set two pieces to True: the rows above, and "
        "of the centre's row what lies before the centre. What does B add?",
        "Without any pieces: np.arange(size * size).reshape(size, size) numbers the "
        "weights in raster order, and the centre has the number size * size // 2. "
        "Compare the two, with < for one kind and with <= for the other.",
    ),
)
