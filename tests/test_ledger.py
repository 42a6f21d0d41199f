import re
import tomllib
from pathlib import Path

import pytest

import course_utils

LAST = {"A": 13, "B": 11, "C": 14, "D": 26}
IDS = [f"{source}{n}" for source, last in LAST.items() for n in range(1, last + 1)]
VERDICTS = {"open", "holds", "holds with a condition", "wrong"}
TEXT = Path(course_utils.__file__).with_name("ledger.toml").read_text(encoding="utf-8")
ROWS = tomllib.loads(TEXT)  # refuses an id that occurs twice

each_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def test_every_statement_of_the_sources_is_there_in_order():
    assert list(ROWS) == IDS


@each_row
def test_a_row_has_known_fields(row):
    assert {"statement", "verdict", "tested_in"} <= row.keys()
    assert row.keys() <= {"statement", "note", "notebook", "verdict", "tested_in"}
    assert row["verdict"] in VERDICTS
    assert re.fullmatch("0[0-9]", row.get("notebook", "00"))


@each_row
def test_what_people_read_is_sentences(row):
    texts = [row["statement"], row.get("note", "Absent.")]
    for text in texts:
        assert re.fullmatch(r"\S(.*\S)?\.", text) and "  " not in text
        assert text[0].isupper() or text.startswith("p(x)")
    assert len(row["statement"].split()) >= 6


@each_row
def test_a_verdict_and_the_cells_that_support_it_come_together(row):
    cells = row["tested_in"]
    assert (row["verdict"] == "open") == (cells == [])
    assert len(set(cells)) == len(cells)
    assert all(re.fullmatch(r"\d\d_\w+#[\w-]+", cell) for cell in cells)


def test_no_two_rows_say_the_same():
    statements = [row["statement"] for row in ROWS.values()]
    assert len(set(statements)) == len(statements)
