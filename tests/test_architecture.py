"""Who may import whom: the direction of dependencies, and the sizes, as tests."""

import ast
import re
from pathlib import Path

import pytest

import course_utils

PACKAGE = Path(course_utils.__file__).parent
# What may import anything: they tie the course together, and nothing imports them.
TOP = {"cli", "authoring", "bench", "exercises", "doctor", "grading", "execution"}
TOP |= {"workspace"}
# Everything else imports no sibling but these.
ALLOWED = {
    # The bootstrap: standard library until the environment stands, then the command.
    "__main__": {"cli", "environment", "requirements"},
    "metrics": {"metrics"},
    "models": {"models", "layers"},
    "plotting": {"plotting", "live"},
    # The loop saves and restores what it trains, shows how far it is, hears Stop.
    "training": {"training", "checkpoints", "live"},
    # A recipe is all that one trained model takes, from its data to its file.
    "features": {"models", "layers", "losses", "training", "data"},
    "recipes": {"models", "layers", "losses", "training", "data"}
    | {"checkpoints", "features", "metrics"},
}


def imports(path):
    """Yield the modules of every import statement in a file, functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            yield node.module
            if node.module == "course_utils":
                yield from (f"course_utils.{alias.name}" for alias in node.names)


def unit(path):
    """Return the name of the module or subpackage that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def broken_rules(path):
    """Return what a file imports against the rules."""
    name, broken = unit(path), []
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "matplotlib" and name != "plotting":
            broken.append("only plotting imports matplotlib")
        if parts[0] != "course_utils" or len(parts) < 2:
            continue
        if name not in TOP and parts[1] not in ALLOWED.get(name, set()):
            broken.append(f"{name} must not import {parts[1]}")
        if name == "exercises" and parts[1] in {"authoring", "bench", "cli"}:
            broken.append(f"exercises must not import {parts[1]}")
    return broken


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    assert broken_rules(path) == []


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("data.py", "from course_utils.losses import x", "data must not import losses"),
        ("data.py", "def f():\n    import course_utils.app.cli", "must not import cli"),
        ("data.py", "from course_utils import plotting", "must not import plotting"),
        ("losses.py", "import matplotlib.pyplot as plt", "only plotting"),
        (
            "models/vae.py",
            "from course_utils.losses import x",
            "must not import losses",
        ),
        (
            "exercises/a.py",
            "from course_utils.app.authoring import x",
            "import authoring",
        ),
    ],
)
def test_a_broken_rule_is_found(monkeypatch, tmp_path, name, source, words):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(source, encoding="utf-8")
    assert any(words in rule for rule in broken_rules(path))


def test_the_package_itself_re_exports_nothing():
    assert list(imports(PACKAGE / "__init__.py")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_size(path):
    """At most 200 lines of code a module and 30 a function, docstrings not counted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert lines_of_code(tree, path) <= 200
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert lines_of_code(node, path) <= 30, node.name


def lines_of_code(node, path):
    """Count the lines that are no blank, comment or docstring.

    In the exercises of a notebook, strings alone on a line (hints, messages) are prose.
    """
    source = path.read_text(encoding="utf-8").split("\n")
    last = getattr(node, "end_lineno", len(source))
    lines = set(range(getattr(node, "lineno", 1), last + 1))
    for child in ast.walk(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            lines -= set(range(child.lineno, child.end_lineno + 1))
    uncounted = re.compile(r"""\s*(#.*|f?(["']).*\2[,)]*)?""")
    if "notebook_" in str(path):
        return sum(not uncounted.fullmatch(source[i - 1]) for i in lines)
    return sum(bool(source[i - 1].split("#")[0].strip()) for i in lines)
