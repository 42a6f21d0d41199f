"""As a new user: JupyterLab from command one, notebook 00 run to the end.

Optional: skipped where no Chromium is installed. Set COURSE_SCREENSHOTS to a folder to
keep pictures of what was seen.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import chromium
import pytest

from course_utils.paths import ROOT

pytestmark = pytest.mark.skipif(
    chromium.find() is None, reason="no Chromium here (Debian: apt install chromium)"
)

NAME = "00_start_here.ipynb"
COMMANDS = "window.jupyterapp.commands"
PANEL = f"""[...(window.jupyterapp?.shell.widgets('main') ?? [])]
    .find(widget => widget.context?.path === '{NAME}')"""
CELLS = f"{PANEL}.content.widgets.filter(cell => cell.model.type === 'code')"


@pytest.fixture
def lab(tmp_path):
    """Start JupyterLab as the README says; yield the address it prints."""
    log = tmp_path / "lab.log"
    command = [sys.executable, "-m", "course_utils", "lab", "--no-browser"]
    options = ["--LabApp.expose_app_in_browser=True", "--allow-root", "--port=0"]
    # Settings and workspaces of whoever runs the test stay out of it, and untouched.
    private = {f"JUPYTER_{k}": str(tmp_path / k) for k in ("CONFIG_DIR", "RUNTIME_DIR")}
    private["COURSE_WORK"] = str(tmp_path / "work")
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


@pytest.mark.slow
def test_notebook_00_runs_to_the_end_in_jupyterlab(lab, tmp_path):
    pictures = Path(os.environ.get("COURSE_SCREENSHOTS", tmp_path))
    pictures.mkdir(exist_ok=True)
    with chromium.page(tmp_path / "profile") as page:
        page.call("Page.navigate", url=lab)
        chromium.wait_until(lambda: page.run(f"!!({PANEL})?.content"))
        page.run(f"{PANEL}.context.ready.then(() => {PANEL}.sessionContext.ready)")
        page.screenshot(pictures / "opened.png")
        page.run(f"{CELLS}.forEach(cell => cell.model.clearExecution())")
        page.run(f"{COMMANDS}.execute('notebook:run-all-cells').then(() => true)")
        counts = page.run(f"{CELLS}.map(cell => cell.model.executionCount)")
        assert counts == list(range(1, len(counts) + 1))
        outputs = page.run(f"{CELLS}.flatMap(cell => cell.model.outputs.toJSON())")
        assert not [o for o in outputs if o["output_type"] == "error"]
        assert not [o for o in outputs if o.get("name") == "stderr"]
        assert sum("image/png" in o.get("data", {}) for o in outputs) >= 4
        explore = f"{CELLS}.find(c => c.model.sharedModel.source.includes('explore('))"
        page.run(f"{PANEL}.content.scrollToCell({explore}, 'start')")
        chromium.wait_until(
            lambda: page.run("!!document.querySelector('.noUi-handle')")
        )
        page.screenshot(pictures / "slider.png")
        before = page.run("document.querySelector('.jupyter-widgets img').src")
        page.run("document.querySelector('.noUi-handle').focus()")
        for kind in ("keyDown", "keyUp"):
            page.call("Input.dispatchKeyEvent", type=kind, key="ArrowRight")
        chromium.wait_until(
            lambda: (
                page.run("document.querySelector('.jupyter-widgets img').src") != before
            )
        )
        page.run(f"{COMMANDS}.execute('docmanager:save').then(() => true)")
        page.screenshot(pictures / "moved.png")
    work, published = tmp_path / "work" / NAME, ROOT / "notebooks" / NAME
    assert work.exists() and work.read_bytes() != published.read_bytes()
