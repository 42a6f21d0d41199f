"""The doctor finds each injected fault, names one fix and never stops half-way."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import jupyter_client.kernelspec
import psutil
import pytest

from course_utils import data
from course_utils.app import doctor
from course_utils.app.doctor import BAD, NOTE, OK, Finding


def test_this_environment_is_healthy(capsys):
    # Memory, disk and cores are the machine's, so [--] may stand there.
    assert doctor.main() == 0
    lines = capsys.readouterr().out.splitlines()
    marks = [line[:4] for line in lines if not line.startswith("     fix: ")]
    assert marks[:-1].count(OK) >= len(doctor.CHECKS) - 3
    assert BAD not in marks
    assert len(marks) == len(doctor.CHECKS) + 1


def test_every_check_is_run():
    checks = {
        value for name, value in vars(doctor).items() if name.startswith("check_")
    }
    assert checks == set(doctor.CHECKS)


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([Finding(OK, "fine")], 0),
        ([Finding(OK, "fine"), Finding(NOTE, "slow", "wait")], 0),
        ([Finding(BAD, "broken", "mend it"), Finding(OK, "fine")], 1),
    ],
)
def test_exit_code_and_lines(monkeypatch, capsys, findings, code):
    checks = [lambda finding=finding: finding for finding in findings]
    monkeypatch.setattr(doctor, "CHECKS", checks)
    assert doctor.main() == code
    output = capsys.readouterr().out
    for finding in findings:
        assert f"{finding.mark} {finding.text}\n" in output
        assert not finding.fix or f"     fix: {finding.fix}\n" in output
    assert output.endswith("1 to fix\n" if code else "is here.\n")


def test_the_output_is_ascii_and_one_line_a_check(monkeypatch, capsys):
    finding = Finding(BAD, "kernel: /home/\u017dofie\nsecond line", "r\u00e9parer")
    monkeypatch.setattr(doctor, "CHECKS", [lambda: finding])
    doctor.main()
    output = capsys.readouterr().out
    assert output.isascii()
    assert len(output.splitlines()) == 3


def test_a_check_that_cannot_run_is_a_problem(monkeypatch, capsys):
    def check_memory():
        raise OSError("no such device")

    monkeypatch.setattr(doctor, "CHECKS", [check_memory, lambda: Finding(OK, "next")])
    assert doctor.main() == 1
    output = capsys.readouterr().out
    assert "[!!] memory: OSError: no such device" in output
    assert "[ok] next" in output


@pytest.mark.parametrize(
    ("version", "mark"),
    [((3, 10), BAD), ((3, 11), OK), ((3, 13), OK), ((3, 14), NOTE), ((4, 0), NOTE)],
)
def test_python_version(monkeypatch, version, mark):
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(version_info=(*version, 5)))
    assert doctor.check_python().mark == mark


@pytest.mark.parametrize(("maxsize", "mark"), [(2**31 - 1, BAD), (2**63 - 1, OK)])
def test_bits(monkeypatch, maxsize, mark):
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(maxsize=maxsize))
    assert doctor.check_bits().mark == mark


def test_a_package_outside_its_range(monkeypatch):
    problem = "jax 0.9 is installed, not >=0.10"
    monkeypatch.setattr(doctor, "unmet", lambda texts: [problem, "x is not installed"])
    finding = doctor.check_packages()
    assert finding.mark == BAD
    assert finding.text == f"packages: {problem}; x is not installed"
    assert finding.fix


def test_packages_without_a_clone(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert doctor.check_packages().mark == NOTE


@pytest.mark.parametrize(
    ("prefix", "words"), [(".venv", "delete"), ("conda", "pip install -r")]
)
def test_the_repair_fits_the_environment(monkeypatch, prefix, words):
    monkeypatch.setattr(doctor.sys, "prefix", str(doctor.ROOT / prefix))
    assert words in doctor.reinstall()


@pytest.mark.parametrize("name", ["load_fashion_mnist", "load_photo"])
def test_damaged_data(monkeypatch, name):
    def fail():
        raise data.DataError("x.gz is truncated: get it again with git restore")

    monkeypatch.setattr(data, name, fail)
    finding = doctor.check_data()
    assert finding.mark == BAD
    assert "x.gz is truncated" in finding.text
    assert "git restore" in finding.text


@pytest.mark.parametrize(("total", "mark"), [(2.9e9, NOTE), (3.1e9, OK)])
def test_memory(monkeypatch, total, mark):
    memory = SimpleNamespace(total=total, available=1.25e9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    finding = doctor.check_memory()
    assert finding.mark == mark
    assert f"{total / 1e9:.1f} GB, 1.2 of them free" in finding.text


@pytest.mark.parametrize(("free", "mark"), [(0.9e9, NOTE), (1.1e9, OK)])
def test_disk(monkeypatch, free, mark):
    usage = SimpleNamespace(free=free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage)
    assert doctor.check_disk().mark == mark


@pytest.mark.parametrize(("cores", "mark"), [(None, NOTE), (1, NOTE), (2, OK)])
def test_cores(monkeypatch, cores, mark):
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: cores)
    assert doctor.check_cores().mark == mark


def test_a_wrong_result_of_the_compiler(monkeypatch):
    monkeypatch.setattr(jax, "jit", lambda function: lambda n: 285)
    finding = doctor.check_jit()
    assert finding.mark == BAD
    assert "285 instead of 286" in finding.text


@pytest.mark.parametrize(
    ("system", "fix"), [("nt", "Visual C++"), ("posix", "requirements.lock")]
)
def test_jax_that_cannot_be_loaded(monkeypatch, system, fix):
    monkeypatch.setitem(sys.modules, "jax", None)  # importing it raises ImportError
    monkeypatch.setattr(doctor, "os", SimpleNamespace(name=system))
    monkeypatch.setattr(doctor.sys, "prefix", "elsewhere")
    finding = doctor.check_jit()
    assert finding.mark == BAD
    assert fix in finding.fix


def kernel(monkeypatch, program, resource_dir="/usr/share/jupyter/kernels/python3"):
    """Let the kernel "python3" start a program; return what the doctor finds."""
    spec = SimpleNamespace(argv=[program, "-m", "x"], resource_dir=resource_dir)
    manager = SimpleNamespace(get_kernel_spec=lambda name: spec)
    monkeypatch.setattr(jupyter_client.kernelspec, "KernelSpecManager", lambda: manager)
    return doctor.check_kernel()


@pytest.mark.parametrize("program", [sys.executable, "python", "python3"])
def test_a_kernel_of_this_environment(monkeypatch, program):
    assert kernel(monkeypatch, program).mark == OK


def test_a_kernel_of_another_environment(monkeypatch, tmp_path):
    # As in any virtual environment: a link to one and the same Python.
    other = tmp_path / "bin" / Path(sys.executable).name
    other.parent.mkdir()
    try:
        other.symlink_to(sys.executable)
    except OSError:
        pytest.skip("links are not allowed here")
    finding = kernel(monkeypatch, str(other))
    assert finding.mark == BAD
    assert str(other) in finding.text
    assert finding.fix.endswith("-m ipykernel install --user")
    finding = kernel(monkeypatch, str(other), f"{sys.prefix}/share/jupyter/kernels")
    assert finding.fix.endswith("-m ipykernel install --sys-prefix")


def test_no_kernel_at_all(monkeypatch):
    def refuse(name):
        raise jupyter_client.kernelspec.NoSuchKernel(name)

    manager = SimpleNamespace(get_kernel_spec=refuse)
    monkeypatch.setattr(jupyter_client.kernelspec, "KernelSpecManager", lambda: manager)
    finding = doctor.examine(doctor.check_kernel)
    assert finding.mark == BAD
    assert finding.text.startswith("kernel: NoSuchKernel")


@pytest.mark.parametrize("missing", ["ipywidgets", "jupyterlab_widgets"])
def test_no_widgets(monkeypatch, missing):
    def find_spec(name):
        return None if name == missing else name

    monkeypatch.setattr(doctor.importlib.util, "find_spec", find_spec)
    assert doctor.check_widgets().mark == NOTE


def test_importing_it_imports_nothing_that_may_be_broken():
    """A broken package must not keep the doctor from saying so."""
    code = "import sys, course_utils.app.doctor; print(*sys.modules)"
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert not {"jax", "numpy", "psutil", "jupyter_client"} & set(output.split())
