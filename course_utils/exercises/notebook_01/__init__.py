"""Exercises of notebook 01: counting, joint tables, and context tables."""

from course_utils.exercises.clinic import verdict_exercise
from course_utils.exercises.notebook_01.chain_rule import NEXT_PIXEL
from course_utils.exercises.notebook_01.contexts import CLINIC, TABLE_NLL
from course_utils.exercises.notebook_01.counting import BUFFER_SHUFFLE
from course_utils.exercises.notebook_01.tables import INDEPENDENT, MARGINAL

EXERCISES = (
    BUFFER_SHUFFLE,
    MARGINAL,
    INDEPENDENT,
    NEXT_PIXEL,
    TABLE_NLL,
    verdict_exercise(CLINIC),
)
