"""Judge one exercise of one submission: what `course grade` runs in a process.

`python -m course_utils.app.worker JOB RESULT`: the job is a JSON file with the
exercise's id, the clean notebook's `setup` and the submitted `cells`, all as source
text; the outcome is written to the result. Reading notebooks is left to the caller,
because it would double the time that this process takes to start.
"""

import json
import sys
from pathlib import Path
from unittest import mock

from course_utils.exercises import engine
from course_utils.exercises.describe import describe_error
from course_utils.exercises.judge import Outcome


def run_job(exercise_id: str, setup: list[str], cells: list[str]) -> Outcome:
    """Run the cells of an exercise after the clean setup, and judge what it checks."""
    namespace = {"__name__": "__main__"}
    try:
        for source in setup:
            exec(source, namespace)
    except Exception as error:  # the fault of whoever grades
        text = (
            f"The clean notebook's imports fail here: {type(error).__name__}: {error}"
        )
        return Outcome("raised", f"{text}. Try `python3 -m course_utils doctor`.")
    for exercise in engine.siblings(exercise_id):
        if callable(exercise.reference):
            namespace[exercise.reference.__name__] = exercise.reference
    answers = []

    def record(given_id, answer):
        answers.extend([answer] if given_id == exercise_id else [])
        return answer

    namespace["check"] = record
    try:
        with mock.patch.object(engine, "check", record):  # for those who import it anew
            for source in cells:
                exec(compile(source, f"<exercise {exercise_id}>", "exec"), namespace)
    except Exception as error:
        return Outcome("raised", describe_error(error))
    if not answers:
        return Outcome("not attempted", f'check("{exercise_id}", ...) was not called.')
    return engine.judge_answer(engine.find(exercise_id), answers[-1])


if __name__ == "__main__":
    job, result = map(Path, sys.argv[1:])
    outcome = run_job(**json.loads(job.read_text(encoding="utf-8")))
    result.write_text(json.dumps(outcome._asdict()), encoding="utf-8")
