"""The bootstrap makes, repairs and reuses its environment, and explains its failures.

pip and venv are imitated: no test needs a network or installs anything.
"""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils import __main__ as bootstrap
from course_utils.app import environment
from course_utils.paths import ROOT

PACKAGE = ROOT / "course_utils"
NO_NETWORK = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by "
    "'NewConnectionError(... Temporary failure in name resolution')'\n"
    "ERROR: Could not find a version that satisfies the requirement jax==0.12\n"
    "ERROR: No matching distribution found for jax==0.12\n"
)
UNPACKING = "Installing collected packages: jax, flax\n"


class Machine:
    """A machine on which venv and pip do what a test says; it keeps the commands."""

    def __init__(self, clone):
        self.clone, self.venv = clone, clone / ".venv"
        self.version = "3.12"
        self.commands = []  # the commands of the last start, shortened
        self.pip_lines = [UNPACKING]  # what pip prints; an exception is raised there
        self.pip_code = 0
        self.handed = None

    def popen(self, command, **_):
        """Imitate subprocess.Popen for the steps of an installation."""
        if "venv" in command:
            return self._make_venv(Path(command[-1]))
        assert command[:4] == [str(self.python), "-m", "pip", "install"]
        known = ("-r", "-e", "--dry-run")
        self.commands.append("pip " + next(flag for flag in known if flag in command))
        lines = [line for line in self.pip_lines if line != UNPACKING]
        dry = "--dry-run" in command
        return Process(lines if dry else self.pip_lines, self.pip_code)

    def _make_venv(self, venv):
        self.commands.append("venv")
        self.venv = venv
        self.python.parent.mkdir(parents=True)  # fails unless the old one is gone
        self.python.touch()
        (venv / "pyvenv.cfg").touch()
        return Process([], 0)

    @property
    def python(self):
        return environment.interpreter(self.venv)

    def ask_version(self, command, **_):
        """Imitate subprocess.check_output for the question of the version."""
        if not Path(command[0]).exists():
            raise FileNotFoundError(command[0])
        return self.version + "\n"

    def start(self, *argv):
        """Type the command; return its exit code."""
        self.commands.clear()
        self.handed = None
        return bootstrap.main(list(argv) or ["lab"])

    def hand_over(self, python, argv):
        self.handed = python, argv
        return 42

    @property
    def stamp(self):
        return (self.venv / environment.STAMP).read_text(encoding="utf-8")


class Process:
    """A finished process as subprocess.Popen would give it."""

    def __init__(self, lines, code):
        self.stdout = self._read(lines)
        self.returncode = code

    def _read(self, lines):
        for line in lines:
            if isinstance(line, BaseException):
                raise line
            yield line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wait(self, timeout):
        return self.returncode

    def terminate(self):
        pass


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with a clone of a course whose packages this Python does not have."""
    clone = make_clone(tmp_path / "clone", ["no-such-package>=1"])
    machine = Machine(clone)
    monkeypatch.setattr(bootstrap, "ROOT", clone)
    monkeypatch.setattr(bootstrap, "hand_over", machine.hand_over)
    monkeypatch.setattr(subprocess, "Popen", machine.popen)
    monkeypatch.setattr(subprocess, "check_output", machine.ask_version)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(environment.platform, "machine", lambda: "arm64")
    usage = SimpleNamespace(free=9e9)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda folder: usage)
    return machine


def make_clone(clone, dependencies):
    """Write the files of a clone that the bootstrap reads."""
    clone.mkdir()
    (clone / "pyproject.toml").write_text(
        f"[project]\ndependencies = {json.dumps(dependencies)}\n"
        "optional-dependencies.test = []\n",
        encoding="utf-8",
    )
    (clone / "requirements.lock").write_text("jax==0.12\n", encoding="utf-8")
    return clone


FROM_NOTHING = ["venv", "pip -r", "pip -e"]
UPDATE = ["pip -r", "pip -e"]


# --- An old Python, and no command --------------------------------------------------


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 10, 13)])
def test_an_old_python_is_told_what_to_do(monkeypatch, capsys, version):
    old = SimpleNamespace(version_info=version, stderr=sys.stderr)
    monkeypatch.setattr(bootstrap, "sys", old)
    assert bootstrap.main(["lab"]) == 1
    message = capsys.readouterr().err
    assert f"Python 3.11 or newer; you are running 3.{version[1]}." in message
    assert "-m course_utils lab" in message


def test_an_old_python_can_read_the_bootstrap():
    """And what it imports at once: the standard library, and where the clone is."""
    for name in ("__init__", "paths"):
        source = (PACKAGE / f"{name}.py").read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 6))
    source = (PACKAGE / "__main__.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    for node in ast.walk(tree):
        # An annotation is evaluated there: list[str] or int | None would fail.
        for annotation in (
            getattr(node, "annotation", None),
            getattr(node, "returns", 0),
        ):
            assert not annotation or isinstance(annotation, ast.Name)
    first = [
        node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {alias.name for node in first for alias in node.names}
    assert names == {"importlib.util", "os", "subprocess", "sys", "Path", "ROOT"}


@pytest.mark.parametrize("argv", [[], ["-h"], ["--help"]])
def test_without_a_command_it_shows_the_two_and_installs_nothing(machine, capsys, argv):
    assert bootstrap.main(argv) == 0
    output = capsys.readouterr().out
    assert "-m course_utils lab" in output
    assert "-m course_utils test" in output
    assert not machine.venv.exists()


# --- An environment that has everything ---------------------------------------------


def stub_cli(monkeypatch):
    """Replace the command line by one that returns what it got."""
    calls = []
    stub = SimpleNamespace(main=lambda argv: calls.append(argv) or 7)
    monkeypatch.setitem(sys.modules, "course_utils.app.cli", stub)
    monkeypatch.setattr(sys.modules["course_utils"], "cli", stub, raising=False)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    return calls


def test_an_environment_with_the_packages_is_used_as_it_is(
    monkeypatch, machine, tmp_path
):
    clone = make_clone(tmp_path / "ready", ["pytest>=1"])
    monkeypatch.setattr(bootstrap, "ROOT", clone)
    calls = stub_cli(monkeypatch)
    assert machine.start("test", "unit") == 7
    assert calls == [["test", "unit"]]
    assert machine.commands == []
    assert machine.handed is None
    assert not (clone / ".venv").exists()
    # Notebooks run in another folder and must import this clone.
    assert os.environ["PYTHONPATH"] == f"{clone}{os.pathsep}elsewhere"


@pytest.mark.parametrize("dependencies", [["pytest>=9999"], ["pytest<1"]])
def test_a_package_outside_its_range_is_not_good_enough(
    monkeypatch, machine, tmp_path, dependencies
):
    clone = make_clone(tmp_path / "ready", dependencies)
    monkeypatch.setattr(bootstrap, "ROOT", clone)
    assert machine.start() == 42
    assert machine.commands == FROM_NOTHING


def test_an_installed_package_without_a_clone_runs_where_it_is(monkeypatch, machine):
    (machine.clone / "pyproject.toml").unlink()
    calls = stub_cli(monkeypatch)
    assert machine.start("doctor") == 7
    assert calls == [["doctor"]]


def test_neither_a_clone_nor_a_package(monkeypatch, machine, capsys):
    (machine.clone / "pyproject.toml").unlink()
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    assert machine.start() == 1
    assert "type the command in a whole clone" in capsys.readouterr().err


# --- Making and reusing .venv --------------------------------------------------------


def test_the_first_start_installs_and_the_second_asks_no_index(machine):
    assert machine.start("test", "unit") == 42
    assert machine.commands == FROM_NOTHING
    assert machine.handed == (machine.python, ["test", "unit"])
    assert machine.start() == 42
    assert machine.commands == []
    assert machine.handed == (machine.python, ["lab"])


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_file_brings_the_packages_up_to_date(machine, name):
    machine.start()
    with (machine.clone / name).open("a", encoding="utf-8") as file:
        file.write("# a change\n")
    assert machine.start() == 42
    assert machine.commands == UPDATE
    machine.start()
    assert machine.commands == []


def test_a_moved_clone_is_installed_anew(monkeypatch, machine):
    machine.start()
    clone = machine.clone.rename(machine.clone.with_name("moved"))
    machine.clone, machine.venv = clone, clone / ".venv"
    monkeypatch.setattr(bootstrap, "ROOT", clone)
    assert machine.start() == 42
    assert machine.commands == ["pip --dry-run", *FROM_NOTHING]
    machine.start()
    assert machine.commands == []


def test_a_moved_clone_works_without_a_network(monkeypatch, machine, capsys):
    machine.start()
    clone = machine.clone.rename(machine.clone.with_name("moved"))
    machine.clone, machine.venv = clone, clone / ".venv"
    monkeypatch.setattr(bootstrap, "ROOT", clone)
    machine.pip_lines, machine.pip_code = [NO_NETWORK], 1
    assert machine.start() == 42
    assert machine.commands == ["pip --dry-run"]
    assert "going on with the packages" in capsys.readouterr().out


def test_a_broken_interpreter_is_replaced(machine):
    machine.start()
    machine.python.unlink()
    assert machine.start() == 42
    assert machine.commands == FROM_NOTHING


def test_another_python_under_the_environment_means_a_new_one(machine):
    machine.start()
    machine.version = "3.13"
    machine.start()
    assert machine.commands == FROM_NOTHING


@pytest.mark.parametrize("content", [b"", b"junk", b"3.12\n", b"\xff\n\n"])
def test_a_damaged_stamp_is_no_stamp(machine, content):
    machine.start()
    (machine.venv / environment.STAMP).write_bytes(content)
    assert machine.start() == 42
    assert machine.commands == FROM_NOTHING
    machine.start()
    assert machine.commands == []


def test_an_environment_that_someone_else_made_is_left_alone(machine, capsys):
    machine.venv.mkdir()
    (machine.venv / "pyvenv.cfg").touch()
    (machine.venv / "precious").touch()
    assert machine.start() == 1
    assert "was not made by this command: activate it" in capsys.readouterr().err
    assert (machine.venv / "precious").exists()
    assert machine.commands == []


def test_an_activated_environment_is_not_pulled_from_under_its_python(
    monkeypatch, machine, capsys
):
    machine.start()
    environment.write_stamp(machine.venv, ["unfinished"])
    monkeypatch.setattr(sys, "prefix", str(machine.venv))
    assert machine.start() == 1
    assert "type deactivate" in capsys.readouterr().err
    assert machine.python.exists()


def test_a_read_only_clone_gets_its_environment_in_the_cache(
    monkeypatch, machine, capsys
):
    monkeypatch.setattr(environment, "is_writable", lambda folder: False)
    monkeypatch.setattr(environment, "cache_folder", lambda: machine.clone.parent / "c")
    assert machine.start() == 42
    assert machine.venv.parent == machine.clone.parent / "c"
    assert "is read-only" in capsys.readouterr().out
    machine.start()
    assert machine.commands == []
    assert machine.handed[0] == machine.python
    assert not (machine.clone / ".venv").exists()


def test_a_complete_environment_in_a_read_only_clone_is_used(monkeypatch, machine):
    machine.start()  # the teacher's
    monkeypatch.setattr(environment, "is_writable", lambda folder: False)
    machine.start()  # a student's
    assert machine.commands == []
    assert machine.handed[0] == environment.interpreter(machine.clone / ".venv")


def test_what_is_writable(tmp_path):
    assert environment.is_writable(tmp_path)
    assert not environment.is_writable(tmp_path / "no such folder")


# --- Interruptions and failures ------------------------------------------------------


@pytest.mark.parametrize("before", [[], [UNPACKING]])
def test_an_interrupted_installation_starts_again(machine, capsys, before):
    machine.pip_lines = [*before, KeyboardInterrupt()]
    assert machine.start() == 130
    assert "Nothing is broken" in capsys.readouterr().err
    assert machine.handed is None
    machine.pip_lines = [UNPACKING]
    assert machine.start() == 42
    assert machine.commands == FROM_NOTHING


def test_an_update_interrupted_while_unpacking_starts_from_nothing(machine):
    machine.start()
    (machine.clone / "requirements.lock").write_text("jax==0.13\n", encoding="utf-8")
    machine.pip_lines = [UNPACKING, KeyboardInterrupt()]
    assert machine.start() == 130
    machine.pip_lines = [UNPACKING]
    assert machine.start() == 42
    assert machine.commands == FROM_NOTHING


def test_an_update_without_a_network_leaves_the_old_packages_in_use(machine, capsys):
    machine.start()
    (machine.clone / "requirements.lock").write_text("jax==0.13\n", encoding="utf-8")
    machine.pip_lines, machine.pip_code = [NO_NETWORK], 1
    assert machine.start() == 42
    output = capsys.readouterr().out
    assert "no network" in output
    assert "going on with the packages of the last complete installation" in output
    machine.pip_lines, machine.pip_code = [UNPACKING], 0
    machine.start()
    assert machine.commands == UPDATE  # the old packages did not pass for the new


def test_an_update_that_fails_half_way_is_not_used(machine):
    machine.start()
    (machine.clone / "requirements.lock").write_text("jax==0.13\n", encoding="utf-8")
    machine.pip_lines, machine.pip_code = [UNPACKING, "ERROR: odd\n"], 1
    assert machine.start() == 1
    assert machine.handed is None
    assert machine.stamp == "unfinished"


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        (NO_NETWORK, "no network"),
        ("ProxyError('Cannot connect to proxy.')", "no network"),
        ("ERROR: No matching distribution found for jaxlib==0.12", "Python 3.12"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        (NO_NETWORK + "ERROR: [Errno 28] No space left on device", "the disk is full"),
        ("OSError: [Errno 13] Permission denied: 'x'", "close Jupyter"),
        ("OSError: [WinError 5] Access is denied: 'x.pyd'", "close Jupyter"),
        ("Windows Long Path support enabled", "path is too long"),
        ("SSLError(... CERTIFICATE_VERIFY_FAILED ...)", "certificates"),
        ("ERROR: something nobody has seen", "delete .venv"),
    ],
)
def test_a_failure_is_explained(machine, capsys, printed, advice):
    machine.pip_lines = [line + "\n" for line in printed.splitlines()]
    machine.pip_code = 1
    assert machine.start() == 1
    message = capsys.readouterr().err
    assert advice in message.splitlines()[0]
    assert printed.splitlines()[-1] in message
    assert "Traceback" not in message
    log = machine.venv / "install.log"
    assert f"(all of it: {log})" in message
    assert log.read_text(encoding="utf-8") == printed.rstrip("\n")
    assert machine.stamp == "unfinished"
    assert machine.handed is None


def test_a_full_disk_cannot_keep_a_log(monkeypatch, machine, capsys):
    write = Path.write_text

    def write_text(path, *args, **kwargs):
        if path.name == "install.log":
            raise OSError(28, "No space left on device")
        return write(path, *args, **kwargs)

    machine.pip_lines, machine.pip_code = ["[Errno 28] No space left\n"], 1
    monkeypatch.setattr(Path, "write_text", write_text)
    assert machine.start() == 1
    message = capsys.readouterr().err
    assert "the disk is full" in message
    assert "all of it" not in message


def test_a_real_step_that_fails_is_reported(tmp_path):
    code = "print('first'); print('ERROR: [Errno 28] x'); print('last'); exit(3)"
    with pytest.raises(environment.InstallError, match="the disk is full") as caught:
        environment.run(tmp_path, [sys.executable, "-c", code])
    assert "ERROR: [Errno 28] x" in str(caught.value)
    log = (tmp_path / "install.log").read_text(encoding="utf-8")
    assert log == "first\nERROR: [Errno 28] x\nlast"


def test_an_operating_system_error_has_no_traceback(monkeypatch, machine, capsys):
    (machine.clone / "requirements.lock").unlink()
    assert machine.start() == 1
    assert "requirements.lock" in capsys.readouterr().err


def test_two_starts_at_once(machine, capsys):
    with environment.one_at_a_time(machine.venv):
        assert machine.start() == 1
        assert "another start is installing" in capsys.readouterr().err
        assert machine.commands == []
    assert machine.start() == 42


def intel_mac(monkeypatch):
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")


def full_disk(monkeypatch):
    usage = SimpleNamespace(free=1.9e9)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda folder: usage)


def without(name):
    def patch(monkeypatch):
        find = environment.importlib.util.find_spec
        monkeypatch.setattr(
            environment.importlib.util,
            "find_spec",
            lambda n: None if n == name else find(n),
        )

    return patch


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (intel_mac, "Colab, Codespaces or a Linux container"),
        (lambda m: m.setattr(environment.sys, "maxsize", 2**31 - 1), "needs 64-bit"),
        (full_disk, "1.9 GB free and 2 are needed"),
        (without("venv"), "apt install python3-venv"),
        (without("ensurepip"), "apt install python3-venv"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_done(
    monkeypatch, machine, capsys, fault, advice
):
    fault(monkeypatch)
    assert machine.start() == 1
    assert advice in capsys.readouterr().err
    assert machine.commands == []


# --- Handing over --------------------------------------------------------------------

STUB_CLI = """
import json, os, sys, time

def main(argv):
    try:
        seen = [argv, sys.prefix, os.getcwd(), os.environ["PYTHONPATH"]]
        print(json.dumps(seen), flush=True)
        if argv[0] == "wait":
            time.sleep(30)
    except KeyboardInterrupt:
        return 9
    return int(argv[-1])
"""


@pytest.fixture
def real_clone(tmp_path):
    """A clone with the real bootstrap, a stub of the rest and a stamped .venv."""
    clone = make_clone(tmp_path.resolve() / "a clone", ["no-such-package>=1"])
    package = clone / "course_utils"
    (package / "app").mkdir(parents=True)
    bootstrap = ("__init__", "__main__", "paths", "app/__init__")
    for name in (*bootstrap, "app/environment", "app/requirements"):
        shutil.copy(PACKAGE / f"{name}.py", package / f"{name}.py")
    (package / "app" / "cli.py").write_text(STUB_CLI, encoding="utf-8")
    venv = clone / ".venv"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True
    )
    environment.write_stamp(venv, environment.wanted_stamp(venv, clone))
    return clone


def start_really(clone, *argv):
    # Whoever runs the tests in the background has Ctrl-C ignored, and a child inherits
    # that, unless a handler stands while it is started.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "course_utils", *argv],
            cwd=clone,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_arguments_folder_and_exit_code_pass_through(real_clone):
    with start_really(real_clone, "run", "two words", "5") as process:
        argv, prefix, folder, path = json.loads(process.stdout.read())
    assert argv == ["run", "two words", "5"]
    assert Path(prefix) == real_clone / ".venv"
    assert Path(folder) == real_clone
    assert path.split(os.pathsep)[0] == str(real_clone)
    assert process.returncode == 5


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a single process there")
def test_ctrl_c_reaches_the_command(real_clone):
    with start_really(real_clone, "wait") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
    assert process.returncode == 9


def test_on_windows_the_command_decides_about_ctrl_c(monkeypatch):
    waits = iter([KeyboardInterrupt(), 3])

    def wait():
        result = next(waits)
        if isinstance(result, BaseException):
            raise result
        return result

    def popen(command, env):
        assert command[-2:] == ["run", "04"]
        assert env["PYTHONPATH"].startswith(str(ROOT))
        return SimpleNamespace(wait=wait)

    windows = SimpleNamespace(name="nt", environ=os.environ, pathsep=os.pathsep)
    monkeypatch.setattr(bootstrap, "os", windows)
    monkeypatch.setattr(subprocess, "Popen", popen)
    assert bootstrap.hand_over(Path("python.exe"), ["run", "04"]) == 3


@pytest.mark.skipif(os.name == "nt", reason="a script for bash")
def test_continuous_integration_types_the_second_command(tmp_path):
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\necho "$PWD: $@"\nexit 6\n', encoding="utf-8")
    python.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [ROOT / ".ci" / "run"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert result.stdout == f"{ROOT}: -m course_utils test\n"
    assert result.returncode == 6
