"""Exercise 3.2: which output and which loss for which data."""

from itertools import product

from course_utils.exercises.exercise import Exercise, WrongAnswer

BINARY, GREY, SIGNED = "binary {0, 1}", "grey [0, 1]", "grey [-1, 1]"


_FORM = (
    f'choices is a dict with the keys "{BINARY}", "{GREY}" and "{SIGNED}". Each value '
    'is a pair: "identity", "sigmoid" or "tanh" first, then "bce" or "mse".'
)


_RIGHT = {
    BINARY: (("identity", "bce"),),
    GREY: (("identity", "mse"), ("sigmoid", "mse"), ("tanh", "mse")),
    SIGNED: (("identity", "mse"), ("tanh", "mse")),
}


_SYMPTOMS = {
    BINARY: {
        "sigmoid bce": "The sigmoid comes twice: bce takes logits and applies one "
        "itself. Its input now lies between 0 and 1, so the probability of white stays "
        "between one half and about three quarters. Black pixels come out mid-grey, "
        "and the loss stops far above zero.",
        "tanh bce": "bce takes the output for a logit. Logits between -1 and 1 are "
        "probabilities between about one and three quarters: nothing comes out black "
        "or white, and the loss stops far above zero. A logit needs the whole line.",
        "identity mse": "It trains, and the best output is the probability of white. "
        "But squared error is the cost of a normal density, and values that are 0 or 1 "
        "have probabilities: this is no -log p(x), and cannot stand beside the nats of "
        "notebook 01. Outputs below 0 and above 1 are the symptom.",
        "sigmoid mse": "It trains, and the best output is the probability of white. "
        "But squared error is no -log p(x) of values that are 0 or 1. And it learns "
        "slowly from its worst mistakes: where the sigmoid is sure and wrong its slope "
        "is almost 0, so a white pixel taken for black hardly moves a weight.",
        "tanh mse": "The output can be negative, which is no probability, and at 1, "
        "where white pixels belong, tanh is flat. And squared error is no -log p(x) of "
        "values that are 0 or 1.",
    },
    GREY: {
        "identity bce": "Many programs do this, and sigmoid(output) does learn the "
        "grey. But the loss is not 0 at a perfect picture: a mid-grey pixel costs "
        "log 2 even then. And it is -log of a probability for 0 and 1 only; summed up "
        "over the greys, its exponential is no distribution. So its nats mean nothing.",
        "sigmoid bce": "The sigmoid comes twice: bce applies one itself. What remains "
        "of the range is one half to about three quarters, so no pixel comes out "
        "darker than mid-grey. And for greys bce is no likelihood.",
        "tanh bce": "bce takes the output for a logit, and logits between -1 and 1 "
        "reach only greys between about one and three quarters: the pictures look "
        "washed out. And for greys bce is no likelihood.",
    },
    SIGNED: {
        "identity bce": "The loss falls without end. At x = -1 it is softplus(a) + a, "
        "which has no lowest value: the curve dives below zero and the logits run "
        "away. bce is made for x = 0 and x = 1.",
        "tanh bce": "The two ranges look alike, but bce takes the output for a logit. "
        "At x = -1 the loss can be negative, which -log of a probability never is; "
        "everything dark is driven to -1, the lightest greys to 1. (A bce that takes "
        "probabilities would need the logarithm of a negative number: nan.)",
        "sigmoid bce": "A sigmoid stays above 0 and bce applies a second one: the dark "
        "half of the range, below 0, cannot be reached at all. And for a negative x "
        "bce is no likelihood of anything.",
        "sigmoid mse": "A sigmoid stays above 0, and the background of these images is "
        "at -1: it comes out at 0, mid-grey, and the squared error of each such pixel "
        "never falls below 1. Where the loss stops is the symptom.",
    },
}


_COMBINATIONS = [
    dict(zip(_RIGHT, pairs, strict=True)) for pairs in product(*_RIGHT.values())
]


def _wrong_answers():
    """Yield one wrong answer for each wrong pair; the other kinds are right."""
    for kind, symptoms in _SYMPTOMS.items():
        for pair, message in symptoms.items():
            answer = {**_COMBINATIONS[0], kind: tuple(pair.split())}
            yield WrongAnswer(f"{pair} for {kind}", answer, message)
    yield WrongAnswer("no three pairs of the words", {}, _FORM)


def _diagnose(choices):
    """Name the symptom of the first wrong pair, or the form if that is wrong."""
    if not isinstance(choices, dict) or choices.keys() != _RIGHT.keys():
        return _FORM
    for kind, right in _RIGHT.items():
        pair = choices[kind]
        if not isinstance(pair, tuple | list) or not all(map(_is_word, pair)):
            return _FORM
        if tuple(pair) not in right:
            return _SYMPTOMS[kind].get(" ".join(pair), _FORM)
    return None


def _is_word(word):
    return isinstance(word, str)


EXERCISE = Exercise(
    id="3.2",
    title="which output and which loss for which data",
    reference=_COMBINATIONS[0],
    also_right=tuple(_COMBINATIONS[1:]),
    wrong=tuple(_wrong_answers()),
    diagnose=_diagnose,
    afterword="Other answers are right as well: squared error fits greys with any "
    "output that reaches them (tanh reaches [0, 1] too, and more). The identity is the "
    "habit of this course: the loss decides what the number means.",
    hints=(
        "Start with the loss. For which kind of data is softplus(a) - x a the negative "
        "logarithm of a probability? The other kinds are left for squared error.",
        "bce takes logits, so what goes into it must be able to be any number. And "
        "squared error needs an output that can reach every value of the data.",
        "bce goes with binary data and the identity. For the greys take the squared "
        "error, with the identity or a function whose range includes the data's.",
    ),
)
