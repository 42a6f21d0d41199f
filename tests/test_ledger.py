import re
import tomllib
from pathlib import Path

import course_utils

LAST = {"A": 13, "B": 11, "C": 14, "D": 26}
IDS = [f"{source}{n}" for source, last in LAST.items() for n in range(1, last + 1)]
VERDICTS = {"open", "holds", "holds with a condition", "wrong"}
TEXT = Path(course_utils.__file__).with_name("ledger.toml").read_text(encoding="utf-8")
ROWS = tomllib.loads(TEXT)  # refuses an id that occurs twice


def test_every_statement_of_the_sources_is_there_in_order():
    assert list(ROWS) == IDS


def test_a_row_has_known_fields():
    known = {"statement", "note", "notebook", "verdict", "tested_in"}
    for name, row in ROWS.items():
        assert {"statement", "verdict", "tested_in"} <= row.keys() <= known, name
        assert row["verdict"] in VERDICTS, name
        assert re.fullmatch("0[0-9]", row.get("notebook", "00")), name


def test_what_people_read_is_sentences():
    for name, row in ROWS.items():
        for text in (row["statement"], row.get("note", "Absent.")):
            assert re.fullmatch(r"\S(.*\S)?\.", text) and "  " not in text, name
            assert text[0].isupper() or text.startswith("p(x)"), name
        assert len(row["statement"].split()) >= 6, name


def test_a_verdict_and_the_cells_that_support_it_come_together():
    for name, row in ROWS.items():
        cells = row["tested_in"]
        assert (row["verdict"] == "open") == (cells == []), name
        assert len(set(cells)) == len(cells), name
        assert all(re.fullmatch(r"\d\d_\w+#[\w-]+", cell) for cell in cells), name


def test_no_two_rows_say_the_same():
    statements = [row["statement"] for row in ROWS.values()]
    assert len(set(statements)) == len(statements)
