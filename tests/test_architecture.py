"""Who may import whom (pyproject.toml's contracts), and how large things may be."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import course_utils
from course_utils.paths import ROOT

PACKAGE = Path(course_utils.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_imports_keep_the_contracts():
    path = str(ROOT / "pyproject.toml")
    assert lint_imports(path, no_cache=True) == 0, "run lint-imports to see which"


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("data/idx.py", "course_utils.losses"),
        ("losses.py", "course_utils.models.vae"),
        ("metrics/chunks.py", "course_utils.models.vae"),
        ("training/loop.py", "course_utils.data"),
        ("plotting/grids.py", "course_utils.models"),
        ("recipes.py", "course_utils.app.cli"),
        ("exercises/judge.py", "course_utils.app"),
        ("stray.py", "numpy"),
    ],
)
def test_a_broken_contract_is_found(module, imported, tmp_path):
    """In a copy of the package, whole at first, with one import too many.

    Or with a module that nobody has placed.
    """
    package = tmp_path / "course_utils"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    assert contracts_of(tmp_path)[0] == 0
    with (package / module).open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef late():\n    import {imported}\n")
    code, printed = contracts_of(tmp_path)
    assert code == 1 and ("BROKEN" in printed or "stray" in printed), printed


def contracts_of(folder):
    """Return exit code and output of the contracts of the package in a folder."""
    code = (
        "import sys; from importlinter.cli import lint_imports;"
        f"sys.exit(lint_imports({str(ROOT / 'pyproject.toml')!r}, no_cache=True))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return run.returncode, run.stdout


def test_the_package_itself_re_exports_nothing():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imports = (ast.Import, ast.ImportFrom)
    assert not [node for node in ast.walk(tree) if isinstance(node, imports)]


def test_modules_have_at_most_200_lines_of_code_and_functions_30():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert lines_of_code(tree, path) <= 200, path
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                assert lines_of_code(node, path) <= 30, f"{path}: {node.name}"


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


def test_public_functions_say_what_they_take():
    """What they return is ruff's to check (ANN201)."""
    missing = []
    for path in FILES:
        if "notebook_" in str(path):
            continue  # what learners write has no annotations
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for owner in [tree, *(n for n in tree.body if isinstance(n, ast.ClassDef))]:
            for function in owner.body:
                if isinstance(function, ast.FunctionDef) and is_public(function):
                    missing += [
                        f"{path.relative_to(PACKAGE)}: {function.name}({arg.arg})"
                        for arg in [*function.args.args, *function.args.kwonlyargs]
                        if arg.annotation is None and arg.arg != "self"
                    ]
    assert missing == []


def is_public(function):
    return not function.name.startswith("_") or function.name in (
        "__init__",
        "__call__",
    )
