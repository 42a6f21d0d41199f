"""What `author verify` knows about claims: margins, mutants, the table."""

import json
import math
import re

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_utils import claims
from course_utils.app.authoring import margins, mutants, notebooks
from course_utils.app.authoring.execute import execute

LEARNER = notebooks.learner_notebooks()


def entry(value, holds=True, **bounds):
    return {"claim": "large", "low": value, "high": value, "holds": holds, **bounds}


def runs(seeds, others=(), **bounds):
    named = {f"seed {i}": [entry(v, **bounds)] for i, v in enumerate(seeds)}
    named |= {f"jax {i}": [entry(v, **bounds)] for i, v in enumerate(others)}
    return named


# --- margins


def test_a_margin_is_counted_in_deviations_over_the_seeds():
    (margin,) = margins.margins(runs([9, 10, 11], above=7), "large")
    assert margin == ("above 7", 10, 1, 3)
    (margin,) = margins.margins(runs([9, 10, 11], below=7), "large")
    assert margin.spreads == -3


def test_both_sides_of_a_range_have_a_margin():
    found = margins.margins(runs([9, 10, 11], above=0, below=12), "large")
    assert [m.spreads for m in found] == [10, 2]


def test_another_machine_widens_the_spread():
    (margin,) = margins.margins(runs([9, 10, 11], others=[9, 13], above=0), "large")
    assert margin.spread == pytest.approx(np.std([9, 9, 13], ddof=1))
    (margin,) = margins.margins(runs([10, 10], others=[10], above=0), "large")
    assert margin.spreads == math.inf


def test_last_digits_are_no_spread_and_facts_have_no_margin():
    (margin,) = margins.margins(runs([1, 1 + 1e-9], above=0), "large")
    assert (margin.spread, margin.spreads) == (0, math.inf)
    fact = {"seed 0": [{"claim": "large", "holds": True}]}
    assert margins.margins(fact, "large") == []


def test_a_claim_that_is_near_or_refuted_somewhere_is_named():
    assert margins.too_near(runs([9, 10, 11], above=6)) == []
    assert margins.too_near(runs([9, 10, 11], above=8)) == ["large"]
    refuted = runs([9, 9, 9], above=1) | {"one thread": [entry(9, False, above=1)]}
    assert margins.too_near(refuted) == ["large"]


def test_a_recorded_claim_goes_on_when_it_fails(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(claims, "claim", claims.claim)
    file = tmp_path / "claims.jsonl"
    margins.record_claims(str(file))
    claims.claim("two", np.array([1.5, 2.5]), above=1, below=2, row="A1")
    claims.claim("one is one", True)
    first, second = map(json.loads, file.read_text().splitlines())
    assert first == {
        "claim": "A1: two", "low": 1.5, "high": 2.5, "above": 1, "below": 2,
        "holds": False,
    }  # fmt: skip
    assert second == {"claim": "one is one", "holds": True}
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("[false] A1: two (measured 2.5")
    assert printed[1] == "[ok] one is one"


# --- mutants


def tiny(tmp_path, *sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    execute(notebook, tmp_path)
    return notebook


@pytest.mark.slow
def test_a_mutant_has_to_refute_its_claim(tmp_path):
    start = "from course_utils.claims import claim\nx = 3"
    notebook = tiny(tmp_path, start, 'claim("big", x, above=2)', "x += 1")
    notebook.cells[1].id = "big"

    def wrong(**changes):
        listed = [{"claims": ["big"], "what": "less", **changes}]
        return mutants.unrefuted(notebook, listed)

    assert wrong(run="x = 1") == []
    assert wrong(old="x, above", new="x - 2, above") == []
    assert wrong(start=notebook.cells[0].id, old="x = 3", new="x = 0") == []
    assert wrong(run="x = 9") == ["less: big: still true"]
    assert wrong(run="y") == ["less: big: NameError: name 'y' is not defined"]
    assert wrong(old="z", new="") == ["less: 'z' is not in the cell"]
    assert mutants.unrefuted(notebook, []) == ["no mutant: big"]
    other = [{"claims": ["small"], "what": "-", "run": "x = 1"}]
    assert "no such claim: small" in mutants.unrefuted(notebook, other)


@pytest.mark.parametrize("path", LEARNER, ids=lambda p: p.stem)
def test_every_claim_has_a_mutant_and_a_row_of_the_table(path):
    """`author verify` runs the mutants and makes the table."""
    made = set(mutants.claims_by_cell(notebooks.read(path)))
    assert {name for m in mutants.read(path.name[:2]) for name in m["claims"]} == made
    text = margins.table_path(path.name[:2]).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines
    ]
    assert {row[0].replace("\\|", "|") for row in rows} == made
    for name, bound, _, _, spreads, why in rows:
        assert why, name
        for number in spreads.split(" / ") if bound != "a fact" else []:
            assert number == "\u221e" or float(number) >= margins.NEAREST, name


@pytest.mark.slow
@pytest.mark.parametrize("path", LEARNER[:3], ids=lambda p: p.stem)
def test_the_mutants_of_quick_lessons_refute_their_claims(path):
    """Those of 03 and 04 take minutes: `author verify` runs them."""
    found = mutants.unrefuted(notebooks.read(path), mutants.read(path.name[:2]))
    assert found == []


def test_claims_of_exercises_are_none_of_the_notebook(tmp_path):
    cell = new_code_cell("", metadata={"tags": ["exercise:1.1"]})
    cell.outputs = [new_output("stream", text="[ok] exercise 1.1\n")]
    assert mutants.claims_by_cell(new_notebook(cells=[cell])) == {}
