"""Exercise 0.3: how many binary images of 3x3 there are."""

from course_utils.exercises.exercise import Exercise, WrongAnswer

EXERCISE = Exercise(
    id="0.3",
    title="how many binary images of 3x3 there are",
    reference=512,
    wrong=(
        WrongAnswer("the pixels", 9, "9 is the number of pixels, not of images."),
        WrongAnswer(
            "2 times 9",
            18,
            "18 adds up the choices of the pixels. They are combined: every choice of "
            "one pixel goes with every choice of the others, so they multiply.",
        ),
        WrongAnswer(
            "9 to the power 2",
            81,
            "81 is 9 to the power 2: base and exponent are swapped. Each of the 9 "
            "pixels doubles the number of images.",
        ),
        WrongAnswer(
            "the free parameters",
            511,
            "511 is how many probabilities one may choose freely, since they must sum "
            "to one. The question is how many images there are.",
        ),
        WrongAnswer(
            "^ for a power",
            2 ^ 9,
            "In Python, 2 ^ 9 compares bits (exclusive or). The power is 2 ** 9.",
        ),
        WrongAnswer(
            "grey pixels",
            256**9,
            "256 counts the grey levels of a byte. These pixels are black or white.",
        ),
        WrongAnswer(
            "a 2x2 image", 16, "16 is the answer for 2x2. Here 9 pixels count."
        ),
    ),
    hints=(
        "One pixel makes 2 images. Add a second pixel: each of them splits in two.",
        "Nine doublings.",
    ),
)
