"""As a new user: JupyterLab from command one, notebook 00 run to the end.

Optional: skipped where no Chromium is installed. Set COURSE_SCREENSHOTS to a folder to
keep pictures of what was seen.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import chromium
import pytest

from course_utils.authoring.notebooks import ROOT

pytestmark = pytest.mark.skipif(
    chromium.find() is None, reason="no Chromium here (Debian: apt install chromium)"
)

PANEL = "window.jupyterapp.shell.currentWidget"
CELLS = f"{PANEL}.content.widgets.filter(c => c.model.type === 'code')"


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab as the README says; yield the address it prints."""
    log = tmp_path / "lab.log"
    command = [sys.executable, "-m", "course_utils", "lab", "--no-browser"]
    options = ["--LabApp.expose_app_in_browser=True", "--allow-root", "--port=0"]
    # Settings and workspaces of whoever runs the test stay out of it, and untouched.
    private = {f"JUPYTER_{k}": str(tmp_path / k) for k in ("CONFIG_DIR", "RUNTIME_DIR")}
    private["JUPYTERLAB_SETTINGS_DIR"] = str(tmp_path / "settings")
    private["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path / "workspaces")
    environment = {k: v for k, v in os.environ.items() if k != "COURSE_LIVE"} | private
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield chromium.wait_until(
            lambda: re.search(r"http://127\.0\.0\.1:\d+/lab\S*", log.read_text("utf-8"))
        )[0]
    finally:
        process.terminate()
        process.wait(30)


def test_notebook_00_runs_to_the_end_in_jupyterlab(lab, tmp_path):
    notebook = ROOT / "notebooks" / "00_start_here.ipynb"
    before = notebook.read_bytes()
    pictures = Path(os.environ.get("COURSE_SCREENSHOTS", tmp_path))
    pictures.mkdir(exist_ok=True)
    with chromium.page(tmp_path / "profile") as page:
        page.call("Page.navigate", url=lab)
        chromium.wait_until(
            lambda: page.run(f"!!(window.jupyterapp && {PANEL}?.content)")
        )
        page.run(f"{PANEL}.context.ready.then(() => {PANEL}.sessionContext.ready)")
        opened = page.run(f"{PANEL}.context.path")
        assert opened == "notebooks/00_start_here.ipynb"
        page.run(f"{CELLS}.forEach(c => c.model.clearExecution())")
        page.run("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        counts = f"JSON.stringify({CELLS}.map(c => c.model.executionCount))"
        assert None not in json.loads(page.run(counts))
        outputs = f"JSON.stringify({CELLS}.map(c => c.model.outputs.toJSON()))"
        found = [o for outputs in json.loads(page.run(outputs)) for o in outputs]
        assert not [o for o in found if o["output_type"] == "error"]
        assert not [o for o in found if o.get("name") == "stderr"]
        assert sum("image/png" in o.get("data", {}) for o in found) >= 4
        for i, anchor in enumerate((".jp-OutputArea-output img", ".widget-slider")):
            reveal = f"document.querySelector('{anchor}')?.scrollIntoView() ?? null"
            if anchor == ".widget-slider":  # cells far from view are not drawn yet
                where = f"{CELLS}.findIndex(c => c.model.sharedModel.source"
                where += ".includes('explore('))"
                page.run(f"{PANEL}.content.scrollToCell({CELLS}[{where}], 'start')")
            chromium.wait_until(
                lambda a=anchor: page.run(f"!!document.querySelector('{a}')")
            )
            page.run(reveal)
            page.screenshot(pictures / f"lab-{i}.png")
            assert (pictures / f"lab-{i}.png").stat().st_size > 20_000
    assert notebook.read_bytes() == before
