"""What the README says can be typed and clicked exists."""

import re

import pytest

from course_utils.app import cli
from course_utils.app.authoring.notebooks import learner_notebooks
from course_utils.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = set(re.findall(r"python3? -m course_utils (\w+)", README))


def test_the_two_commands_are_there():
    assert {"lab", "test"} <= COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_of_the_readme_is_understood(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: course {command}")


def test_every_command_is_in_the_readme():
    listed = cli._parser().format_help().split("{")[1].split("}")[0].split(",")
    assert set(listed) == COMMANDS


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_a_link_of_the_readme_leads_somewhere(link):
    assert link.startswith("https://") or (ROOT / link).exists()


def test_the_map_says_which_notebooks_are_ready():
    ready = re.findall(r"\(notebooks/(\d\d_\w+\.ipynb)\)[^|]*\|[^|]*\| ready", README)
    assert ready == [path.name for path in learner_notebooks()]
