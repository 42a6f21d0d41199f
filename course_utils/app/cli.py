"""The `course` command: lab, doctor, run, test, train, bench, grade, author."""

import argparse
import json
import os
import sys
from glob import glob
from pathlib import Path

from course_utils.app.environment import cache_folder
from course_utils.app.testing import QUICK, STEPS, compilation_cache, run_steps
from course_utils.paths import ROOT


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console lacks many letters
            stream.reconfigure(errors="backslashreplace")
    args, rest = _parser().parse_known_args(argv)
    if rest and args.run is not lab:
        _parser().error(f"unknown arguments: {' '.join(rest)}")
    if args.run not in (lab, run):  # learners' kernels alone reuse what was compiled
        for name in compilation_cache():
            os.environ.pop(name, None)
    try:
        return args.run(args, rest) or 0
    except KeyError as error:  # its text would be shown in quotes
        print(f"course {args.command}: {error.args[0]}")
    except (OSError, ValueError) as error:
        print(f"course {args.command}: {error}")
    except KeyboardInterrupt:
        print(f"\ncourse {args.command}: stopped")
        return 130
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name, run, text):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("lab", lab, "open the course in JupyterLab (further options go to JupyterLab)")
    add("doctor", doctor, "check this computer and environment")
    command = add("run", run, "run a notebook without a browser and leave an HTML page")
    command.add_argument("number", help="such as 00")
    command.add_argument("--output", type=Path, help="where the page goes")
    command = add("test", test, "prove everything: format, lint, tests, notebooks")
    steps = ", ".join(STEPS | QUICK)
    command.add_argument("steps", nargs="*", help=f"some of: {steps}")
    command = add(
        "train", train, "make reference models again; list them if none is named"
    )
    command.add_argument("names", nargs="*", help="of recipes, such as vae-conv")
    command = add("bench", bench, "measure how two ways to the same result compare")
    _add_bench_options(command)
    command = add("grade", grade, "grade submitted notebooks into a JUnit report")
    command.add_argument("files", nargs="+")
    command.add_argument("--report", type=Path, default=Path("grades.xml"))
    text = "seconds of processor time per exercise"
    command.add_argument("--timeout", type=float, default=60, help=text)
    command = add("author", author, "for authors: keep notebooks and package in step")
    _add_author_options(command)
    return parser


def _add_bench_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", choices=["sampling"], help="of the benchmark")
    command.add_argument("--images", type=int, default=64, help="how many are drawn")
    command.add_argument("--size", type=int, default=28, help="their height and width")
    command.add_argument("--json", action="store_true", help="print one line of JSON")


def _add_author_options(command: argparse.ArgumentParser) -> None:
    actions = ["sync", "execute", "solutions", "verify", "stops"]
    command.add_argument("action", choices=actions)
    command.add_argument("numbers", nargs="*", help="notebooks; all if none is named")
    command.add_argument("--seeds", default="0,1,2,3,4", help="for verify")
    command.add_argument("--also", nargs="*", default=[], help="verify: other Pythons")
    text = "stops: how many in each notebook"
    command.add_argument("--presses", type=int, default=10, help=text)


def lab(args: argparse.Namespace, rest: list[str]) -> int:
    """Open the learner's copies of the notebooks in JupyterLab, at the first one."""
    from jupyterlab.labapp import LabApp

    from course_utils.app.workspace import prepare_workspace

    work = prepare_workspace()
    root = ROOT if work.is_relative_to(ROOT) else work
    first = (work / "00_start_here.ipynb").relative_to(root).as_posix()
    # Nothing is fetched at run time: this switches the question about news off.
    paths = [
        str(Path(__file__).with_name("jupyter")),
        os.environ.get("JUPYTER_CONFIG_PATH"),
    ]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    os.environ.update(compilation_cache())
    options = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{first}",
    ]
    LabApp.launch_instance([*options, *rest])
    return 0


def doctor(args: argparse.Namespace, rest: list[str]) -> int:
    """Check this computer and environment."""
    from course_utils.app import doctor as checks

    return checks.main()


def run(args: argparse.Namespace, rest: list[str]) -> int:
    """Run a notebook and leave an HTML page."""
    from course_utils.app.authoring.notebooks import find_notebook
    from course_utils.app.execution import run_and_export

    path = find_notebook(args.number)
    target = args.output or Path(f"{path.stem}.html").resolve()
    return run_and_export(path, target, env=compilation_cache())


def train(args: argparse.Namespace, rest: list[str]) -> int:
    """Train reference models again, or list them."""
    from course_utils import recipes

    for name in args.names or recipes.RECIPES:
        if args.names:
            print(f"{name}: Ctrl-C stops; the same command resumes", flush=True)
            recipes.train(name, cache_folder() / "training" / f"{name}.safetensors")
        print(recipes.describe(name), flush=True)
    return 0


def bench(args: argparse.Namespace, rest: list[str]) -> int:
    """Measure something and print it."""
    from course_utils.app.bench import sampling

    found = sampling.measure(args.images, args.size)
    print(json.dumps(found) if args.json else sampling.table(found))
    return 0


def grade(args: argparse.Namespace, rest: list[str]) -> int:
    """Grade submitted notebooks."""
    from course_utils.app.grading import grade

    # Windows shells leave *.ipynb to the program.
    found = [Path(name) for text in args.files for name in sorted(glob(text)) or [text]]
    return grade(found, args.report, args.timeout)


def author(args: argparse.Namespace, rest: list[str]) -> int:
    """Run one of the authors' tools."""
    from course_utils.app.authoring import execute, notebooks, sync
    from course_utils.app.authoring.stops import press_stops
    from course_utils.app.authoring.verify import verify

    numbers = args.numbers or [p.name[:2] for p in notebooks.learner_notebooks()]
    if args.action == "stops":
        return 1 if sum(press_stops(n, args.presses) for n in numbers) else 0
    if args.action == "verify":
        seeds = [int(seed) for seed in args.seeds.split(",")]
        faults = [verify(number, seeds, args.also) for number in numbers]
        return 1 if sum(faults) else 0
    if args.action == "execute":
        execute.execute_notebooks(args.numbers)
    elif args.action == "solutions":
        execute.write_solutions(args.numbers)
    else:
        sync.sync_files(args.numbers)
    return 0


def test(args: argparse.Namespace, rest: list[str]) -> int:
    """Prove everything, or some of it."""
    return run_steps(args.steps)


if __name__ == "__main__":
    sys.exit(main())
