"""Each rule of hygiene is broken once, and the breach is named."""

import copy

import pytest

from course_utils.app.authoring import hygiene, notebooks
from course_utils.app.authoring.execute import normalise, set_minutes

STORED = notebooks.read(notebooks.find_notebook("00"))


@pytest.fixture
def notebook():
    return copy.deepcopy(STORED)


def cell_with(notebook, text):
    return next(c for c in notebooks.code_cells(notebook) if text in c.source)


def set_output(notebook, **output):
    cell_with(notebook, "load_fashion_mnist()").outputs[0].update(output)


def set_source(notebook, text, source):
    cell_with(notebook, text).source = source


def picture(notebook):
    outputs = (o for c in notebooks.code_cells(notebook) for o in c.outputs)
    return next(o for o in outputs if "image/png" in o.get("data", {}))


def add_prose(notebook, text):
    notebook.cells[2].source += text


BREACHES = {
    "execution counts": lambda n: cell_with(n, "hint(").update(execution_count=None),
    "not 1 to": lambda n: cell_with(n, "hint(").update(execution_count=99),
    "same id": lambda n: n.cells[1].update(id=n.cells[2].id),
    "tagged 'parameters'": lambda n: cell_with(n, "seed = 0").metadata.clear(),
    "tagged 'imports'": lambda n: cell_with(n, "import jax").metadata.clear(),
    "check speaks of them": lambda n: set_source(n, "import jax", "import jax"),
    "same exercise": lambda n: cell_with(n, "hint(").metadata.update(
        tags=["exercise:0.1"]
    ),
    "widget state": lambda n: n.metadata.update(widgets={}),
    "lacks **Read**": lambda n: n.cells[0].update(source="# 00"),
    "folded answers": lambda n: [
        c.update(source=c.source.replace("<details>", "")) for c in n.cells
    ],
    "not one at the top": lambda n: add_prose(n, "\n\n# Again"),
    "follows one of level": lambda n: add_prose(n, "\n\n#### Deep"),
    "does not describe": lambda n: add_prose(n, "\n\n![plot](figures/a.png)"),
    "MiB": lambda n: picture(n)["data"].update({"image/png": "A" * 3_000_000}),
    "columns, over 80": lambda n: set_source(n, "hint(", f"x = {'1' * 77}"),
    "numbered key": lambda n: set_source(n, "hint(", "x = draw(keys[3])"),
    "lines, over 40": lambda n: set_source(n, "hint(", "x = 1\n" * 41),
    "f has": lambda n: set_source(n, "hint(", "def f():\n" + "    x = 1\n" * 31),
    "shell command": lambda n: set_source(n, "hint(", "!pip install x"),
    "magic": lambda n: set_source(n, "hint(", "%matplotlib inline"),
    "looks like a taught": lambda n: set_source(
        n, "hint(", "#from course_utils.data x"
    ),
    "not plain Python": lambda n: set_source(n, "hint(", "x?"),
    "its output is missing": lambda n: cell_with(n, "print(list(header))").update(
        outputs=[]
    ),
    "output is missing": lambda n: cell_with(n, "claim(").update(outputs=[]),
    "stored error": lambda n: set_output(n, output_type="error", ename="E"),
    "written to stderr": lambda n: set_output(n, name="stderr"),
    "not every viewer": lambda n: picture(n)["data"].update({"text/html": "<b>"}),
    "without alt text": lambda n: picture(n)["metadata"].clear(),
    "figure without": lambda n: picture(n)["data"].update({"text/plain": "<Figure>"}),
    "path of one machine": lambda n: set_output(n, text="/home/me/course/x.py"),
    "lines of output": lambda n: set_output(n, text="x" + "\nx" * 60),
    "memory address": lambda n: set_output(n, text="<f at 0x7f12ab34cd56>"),
    "changed after it was executed": lambda n: set_output(n, text="other"),
}


def test_the_stored_notebook_is_clean(notebook):
    assert hygiene.problems(notebook) == []


@pytest.mark.parametrize("words", BREACHES)
def test_a_breach_is_named(notebook, words):
    BREACHES[words](notebook)
    assert any(words in problem for problem in hygiene.problems(notebook))


def change_digit(notebook):
    cell = cell_with(notebook, "load_fashion_mnist()")
    cell.outputs[0].text = cell.outputs[0].text.replace("55000", "55001")


@pytest.mark.parametrize(
    "edit",
    [
        change_digit,
        lambda n: cell_with(n, "hint(").update(outputs=[]),
        lambda n: picture(n)["data"].update({"image/png": "AAAA"}),
        lambda n: n.cells[1].update(source=n.cells[1].source + " "),
        lambda n: n.cells.pop(5),
        lambda n: n.cells[5].metadata.update(tags=["new"]),
    ],
)
def test_no_edit_escapes_the_digest(notebook, edit):
    assert notebooks.digest(notebook) == notebook.metadata["course"]["digest"]
    edit(notebook)
    assert notebooks.digest(notebook) != notebook.metadata["course"]["digest"]
    assert any("git restore" in problem for problem in hygiene.problems(notebook))


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "under 1 min"), (31, "1 min"), (61, "1.5 min")]
)
def test_measured_minutes_replace_those_in_the_header(notebook, seconds, text):
    set_minutes(notebook, seconds)
    assert f"**Run** {text} · **Exercises**" in notebook.cells[0].source


def test_a_header_without_minutes_is_refused(notebook):
    notebook.cells[0].source = "# 00"
    with pytest.raises(ValueError, match="Run"):
        set_minutes(notebook, 3)


def test_what_differs_from_machine_to_machine_is_removed(notebook):
    cell = cell_with(notebook, "load_fashion_mnist()")
    whole = cell.outputs[0].text
    first, second = copy.deepcopy(cell.outputs[0]), copy.deepcopy(cell.outputs[0])
    first["text"], second["text"] = whole[:7], whole[7:]
    cell.outputs = [first, second]
    cell.metadata["execution"] = {"iopub.status.busy": "now"}
    notebook.metadata["language_info"]["version"] = "3.99"
    notebook.metadata["kernelspec"]["display_name"] = "my kernel"
    notebook.metadata["widgets"] = {}
    normalise(notebook)
    assert notebook == STORED
