"""Exercise 6.2: what a stack can see."""

import numpy as np

from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.exercises.notebook_06.e6_1_causal_mask import causal_mask


def seen_by_stack(num_layers, size):
    """Return which pixels a stack of masked convolutions depends on.

    num_layers: the first layer has mask A, all others have mask B.
    size: odd; all kernels are size x size.
    Returns booleans, [height, width], True for each pixel on which the
    output at one pixel depends. height = num_layers * (size // 2) + 1 and
    width = 2 * num_layers * (size // 2) + 1: the window around that pixel,
    which lies in the middle of the last row. The rows below are left out,
    for nothing there is seen.
    """
    reach = num_layers * (size // 2)
    seen = np.zeros((reach + 1, 2 * reach + 1), bool)
    seen[reach, reach] = True
    # From the output back to the image, so the first layer comes last.
    for kind in "B" * (num_layers - 1) + "A":
        found = np.zeros_like(seen)
        for step in np.argwhere(causal_mask(size, kind)) - size // 2:
            # The window is so large that nothing is rolled over its edges.
            found |= np.roll(seen, step, axis=(0, 1))
        seen = found
    return seen


def _window(rule):
    """Return an answer that says what rule(up, right, reach, k) does.

    up, right: counted from the output pixel.
    reach: of the stack, in pixels; that of a single layer is k.
    """

    def answer(num_layers, size):
        k = size // 2
        reach = num_layers * k
        row, column = np.indices((reach + 1, 2 * reach + 1))
        return rule(reach - row, column - reach, reach, k)

    return answer


def _stack(kinds, sign=1):
    """Return an answer with a layer for each letter of kinds(num_layers).

    Its values are how many paths lead to a pixel.
    """

    def answer(num_layers, size):
        reach = num_layers * (size // 2)
        paths = np.zeros((reach + 1, 2 * reach + 1), int)
        paths[reach, reach] = 1
        for kind in kinds(num_layers):
            steps = sign * (np.argwhere(causal_mask(size, kind)) - size // 2)
            paths = sum(np.roll(paths, step, axis=(0, 1)) for step in steps)
        return paths

    return answer


def _reached(kinds, sign=1):
    paths = _stack(kinds, sign)
    return lambda num_layers, size: paths(num_layers, size) > 0


def _a_then_b(num_layers):
    return "A" + "B" * (num_layers - 1)


def _earlier(up, right, reach=None, k=None):
    return (up > 0) | (right < 0)


def _changed(change):
    return lambda num_layers, size: change(seen_by_stack(num_layers, size))


def _square(seen):
    return np.pad(seen, ((0, len(seen) - 1), (0, 0)))


def _unseen(num_layers, size):
    return _window(_earlier)(num_layers, size) & ~seen_by_stack(num_layers, size)


def _case(num_layers, size):
    layers = "1 layer" if num_layers == 1 else f"{num_layers} layers"
    return Case(f"{layers} of {size} x {size}", (num_layers, size))


_CASES = (_case(3, 3), _case(2, 5), _case(1, 3), _case(4, 3), _case(2, 7))


def _more(rng):
    """Return all other stacks of up to 6 layers, fewer of them for larger kernels.

    So a learner who changes pixel after pixel has not too many of them.
    """
    most = {3: 6, 5: 4, 7: 3}
    stacks = [_case(n, size) for size in most for n in range(1, most[size] + 1)]
    done = {case.name for case in _CASES}
    return [case for case in stacks if case.name not in done]


_NUMBERS = (
    "You have found the right pixels, but your map holds numbers: how many paths lead "
    "to a pixel, or how much it counts for. Asked is only whether it counts at all: "
    "return map != 0."
)


def _diagnose(answer):
    """Name the first pixel that is wrong, seen from the output pixel."""
    pairs = [
        (np.asarray(answer(*case.args)), seen_by_stack(*case.args)) for case in _CASES
    ]
    if any(g.shape != w.shape or g.dtype.kind not in "biuf" for g, w in pairs):
        return None
    if all(np.array_equal(got != 0, want) for got, want in pairs):
        return _NUMBERS
    for case, (got, want) in zip(_CASES, pairs, strict=True):
        for row, column in np.argwhere((got != 0) != want):
            reach = len(want) - 1
            place = _place(reach - row, column - reach)
            return f"Take {case.name}. {_say(place, want[row, column])}"
    return None


def _say(place, wanted):
    if wanted:
        return (
            f"The output depends on {place}, and your map leaves it out: one step per "
            "layer, each to a True weight of that layer's mask, can lead there."
        )
    return (
        f"Your map says that the output depends on {place}. It does not: no chain of "
        "one step per layer, each to a True weight of that layer's mask, leads there."
    )


def _place(up, right):
    if not up and not right:
        return "the output pixel itself"
    words = [f"{up} row{'s' * (up > 1)} above"] if up else []
    if right:
        words.append(f"{abs(right)} to the {'right' if right > 0 else 'left'}")
    return f"the pixel that lies {' and '.join(words)}"


_WRONG = (
    WrongAnswer(
        "all earlier pixels",
        _window(_earlier),
        "Your map holds all earlier pixels of the window, which is right for one layer "
        "alone. Depth does not cure the blind spot: no step goes to the right in its "
        "own row, so to get to the right a chain of steps has to go up as well. Follow "
        "the steps from layer to layer.",
    ),
    WrongAnswer(
        "all earlier pixels and the pixel itself",
        _window(lambda up, right, *_: (up > 0) | (right <= 0)),
        "Your map holds all earlier pixels of the window and the output pixel too. "
        "Mask A keeps the first layer from looking at that pixel. And no step goes to "
        "the right in its own row: to get there a chain of steps has to go up as well.",
    ),
    WrongAnswer(
        "all pixels",
        _window(lambda up, right, *_: up >= 0),
        "Your map holds all pixels of the window, as if there were no masks.",
    ),
    WrongAnswer(
        "all layers B",
        _reached(lambda n: "B" * n),
        "All but one pixel is right: your map holds the output pixel itself. The first "
        "layer has mask A, which never stays where it is. Or do you add to the old map "
        "instead of starting an empty one for each layer?",
    ),
    WrongAnswer(
        "all layers A",
        _reached(lambda n: "A" * n),
        "You gave every layer mask A. Only the first one has it; the others have B and "
        "may also stay where they are.",
    ),
    WrongAnswer(
        "the first layer alone",
        _window(
            lambda up, right, reach, k: (
                _earlier(up, right) & (up <= k) & (np.abs(right) <= k)
            )
        ),
        "Your map holds what the first layer sees, however many layers there are. Each "
        "layer above it goes one step further.",
    ),
    WrongAnswer(
        "the first layer forgotten",
        _reached(lambda n: "B" * (n - 1)),
        "One layer is missing: you went through the layers with mask B, but not "
        "through the first, with mask A.",
    ),
    WrongAnswer(
        "one layer too few",
        _reached(lambda n: "A" + "B" * (n - 2)),
        "One layer is missing: num_layers counts all layers, so num_layers - 1 of them "
        "have mask B.",
    ),
    WrongAnswer(
        "both sides blind",
        _window(
            lambda up, right, reach, k: np.where(
                up > 0, np.abs(right) <= k * up, right < 0
            )
        ),
        "The right side and the last row are right, but above it you made the left "
        "side just as blind. It is not: a step may go to the left in its own row, and "
        "no step goes to the right there.",
    ),
    WrongAnswer(
        "a triangle",
        _window(lambda up, right, reach, k: (up > 0) & (np.abs(right) <= k * up)),
        "You have drawn a triangle, the same on both sides. That is right on the "
        "right, but a step may go to the left in its own row: on the left more is "
        "seen, and in the last row something is seen too.",
    ),
    WrongAnswer(
        "the last row forgotten",
        _window(lambda up, right, reach, k: (up > 0) & (right <= k * up)),
        "The rows above are right, but the last row is empty. The output also depends "
        "on pixels to the left in its own row.",
    ),
    WrongAnswer(
        "nothing on the right",
        _window(lambda up, right, *_: _earlier(up, right) & (right <= 0)),
        "In your map nothing on the right is seen. But a mask keeps the whole rows "
        "above the centre, so a step may go up and to the right at once.",
    ),
    WrongAnswer(
        "one column for each row",
        _window(lambda up, right, *_: np.where(up > 0, right <= up, right < 0)),
        "Your map is right for 3 x 3 kernels. With larger ones a single step can go up "
        "one row and several columns to the right.",
    ),
    WrongAnswer(
        "the edge blind",
        _window(lambda up, right, reach, k: right < k * up),
        "The edge on the right lies one column too far to the left. Take a single "
        "layer: the mask's top right corner is seen.",
    ),
    WrongAnswer(
        "mirrored",
        _changed(lambda seen: seen[:, ::-1]),
        "Your map is mirrored: left and right are exchanged.",
    ),
    WrongAnswer(
        "upside down",
        _changed(lambda seen: seen[::-1]),
        "Your map stands upside down. The output pixel lies in the last row, and what "
        "it sees lies above.",
    ),
    WrongAnswer(
        "turned round",
        _changed(lambda seen: seen[::-1, ::-1]),
        "Your map is turned round by 180 degrees: it shows which outputs depend on one "
        "pixel instead of which pixels one output depends on.",
    ),
    WrongAnswer(
        "steps the wrong way, cut off",
        _window(lambda up, right, *_: (up == 0) & (right > 0)),
        "Your map goes to the right and down, and what lies below is cut off. The "
        "weight in row 0 and column 0 of a kernel lies above and to the left of the "
        "centre: a weight leads (row - size // 2, column - size // 2) away.",
    ),
    WrongAnswer(
        "steps the wrong way, rolled",
        _reached(_a_then_b, sign=-1),
        "Your steps go the wrong way, and over the edge of the window. The weight in "
        "row 0 and column 0 of a kernel lies above and to the left of the centre: a "
        "weight leads (row - size // 2, column - size // 2) away.",
    ),
    WrongAnswer(
        "the output pixel alone",
        _window(lambda up, right, *_: (up == 0) & (right == 0)),
        "Your map holds the output pixel alone, where you start. Does each layer's map "
        "take the place of the one before?",
    ),
    WrongAnswer(
        "nothing",
        _window(lambda up, right, *_: up < 0),
        "Your map is empty. Start at the output pixel: set it to True, in the middle "
        "of the last row.",
    ),
    WrongAnswer(
        "what is not seen",
        _changed(np.logical_not),
        "You have exchanged True and False. True marks what is seen.",
    ),
    WrongAnswer(
        "the blind pixels",
        _unseen,
        "Your map shows the earlier pixels that are not seen. Asked are those that are "
        "seen.",
    ),
    WrongAnswer(
        "with the rows below",
        _changed(_square),
        "The pixels are right, but the rows below the output pixel, in which nothing "
        "is seen, are to be left out.",
    ),
    WrongAnswer("numbers", _stack(_a_then_b), _NUMBERS),
)


EXERCISE = Exercise(
    id="6.2",
    title="what a stack can see",
    reference=seen_by_stack,
    cases=_CASES,
    more=_more,
    wrong=_WRONG,
    diagnose=_diagnose,
    seconds=30.0,  # for those who change pixel after pixel in a stack of nnx.Conv
    hints=(
        "Compute it instead of guessing. Start at the output pixel, and ask which "
        "features of the layer below it depends on: the mask says so. Which features "
        "of the next layer do all of those depend on? How does this end?",
        "Keep a map of the window, with True at reach = num_layers * (size // 2), the "
        "middle of the last row. For each layer, from the output back to the image, "
        "make a new map: a pixel is True if a step from a True pixel of the old map "
        "leads to it. The weight in row i and column j of a kernel makes the step "
        "(i - size // 2, j - size // 2). Which layer comes last, and with which mask?",
        'for kind in "B" * (num_layers - 1) + "A": start from found = '
        "np.zeros_like(seen), and for each step in np.argwhere(causal_mask(size, "
        "kind)) - size // 2 do found |= np.roll(seen, step, axis=(0, 1)). After each "
        "layer, seen = found.",
    ),
)
