"""Taught cells equal the package, and any difference is found."""

import inspect

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.app.authoring.sync import (
    out_of_sync,
    sync,
    taught_import,
    taught_source,
)
from course_utils.data import binarize

MARK = "# from course_utils.data import binarize"
TAUGHT = f"{MARK}\n{inspect.getsource(binarize).rstrip()}"


def notebook_with(source):
    return new_notebook(cells=[new_code_cell(source)])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (TAUGHT, "from course_utils.data import binarize"),
        (
            "# from course_utils.data import a, b\n",
            "from course_utils.data import a, b",
        ),
        ("from course_utils.data import binarize", None),
        ("# from numpy import mean\n", None),
        ("x = 1\n# from course_utils.data import binarize", None),
        ("", None),
    ],
)
def test_the_mark_is_the_first_line(source, expected):
    assert taught_import(source) == expected


def test_the_packaged_text_is_in_sync():
    assert out_of_sync(notebook_with(TAUGHT)) == []
    assert sync(notebook_with(TAUGHT)) == 0


@pytest.mark.parametrize(
    "edited",
    [
        TAUGHT.replace(">=", ">"),
        TAUGHT + "\n# a comment more",
        TAUGHT.replace('"""Return', '"""return'),
        TAUGHT + "\n",
        MARK,
    ],
)
def test_any_edit_is_found_and_repaired(edited):
    assert edited != TAUGHT
    notebook = notebook_with(edited)
    assert len(out_of_sync(notebook)) == 1
    assert sync(notebook) == 1
    assert notebook.cells[0].source == TAUGHT


def test_several_definitions_share_a_cell():
    first = "# from course_utils.data import binarize, to_unit"
    source = taught_source(first)
    assert source.startswith(first + "\ndef binarize(")
    assert "\n\n\ndef to_unit(" in source


@pytest.mark.parametrize("name", ["data import gone", "gone import binarize"])
def test_a_definition_that_is_gone_is_an_error(name):
    with pytest.raises((ImportError, AttributeError), match="gone"):
        taught_source(f"# from course_utils.{name}")
