"""`course bench`: what is measured is the drawing, and nothing else."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from course_utils import recipes
from course_utils.app import cli
from course_utils.app.bench import sampling
from course_utils.sampling import Predictor


@pytest.fixture
def fakes(monkeypatch):
    """Return a function that puts predictors in place, on a clock of their own.

    A pixel costs a predictor some seconds, a number or a function of nothing; its
    first one costs 1000 more: compilation.
    """
    clock, asked = SimpleNamespace(now=0.0), []
    monkeypatch.setattr(recipes, "load", lambda name: f"the model {name}")
    monkeypatch.setattr(
        sampling, "time", SimpleNamespace(perf_counter=lambda: clock.now)
    )

    def fake(name, cost, logits_at):
        def make(model):
            assert model == "the model pixel-lstm"
            compiling = [1000]

            def advance(carry, x, i):
                clock.now += cost() if callable(cost) else cost
                clock.now += compiling.pop() if compiling else 0
                asked.append((name, i))
                return carry, logits_at(x, i)

            return Predictor(lambda shape: (), advance)

        return make

    def put(naive, stateful, cost_naive=3.0, cost_stateful=0.5):
        predictors = {
            "naive": fake("naive", cost_naive, naive),
            "stateful": fake("stateful", cost_stateful, stateful),
        }
        monkeypatch.setattr(sampling, "PREDICTORS", predictors)
        return asked

    return put


def even(x, i):
    return jnp.zeros((len(x), 1))


def test_the_first_pixels_do_not_count(fakes):
    """Each predictor compiles while it draws a row, and is timed after that."""
    asked = fakes(even, even)
    found = sampling.measure(2, 4)
    assert found["seconds"] == {"naive": 16 * 3.0, "stateful": 16 * 0.5}
    assert found["speedup"] == 6.0
    row, image = list(range(4)), list(range(16))
    assert [i for name, i in asked if name == "naive"] == row + image
    assert [i for name, i in asked if name == "stateful"] == row + image


def test_what_is_over_in_a_moment_is_drawn_again_and_the_median_counts(fakes):
    """The machine is busy with something else when the fifth pixel is drawn."""
    first_pixels = [1 / 64] * 4 + [1.0]  # the first row compiles
    asked = fakes(
        even,
        even,
        cost_naive=lambda: first_pixels.pop(0) if first_pixels else 1 / 64,
        cost_stateful=3 / 64,
    )
    found = sampling.measure(2, 4)
    assert found["seconds"] == {"naive": 0.25, "stateful": 0.75}
    drawn = [name for name, _ in asked]
    assert drawn.count("naive") == 4 + 5 * 16  # five times at the most
    assert drawn.count("stateful") == 4 + 3 * 16  # or until two seconds are over


def test_both_get_the_same_numbers_one_for_each_pixel(fakes):
    fakes(even, even)
    assert sampling.measure(64, 4)["identical"] is True
    # With numbers that a pixel or an image shares, images would be alike.
    numbers = []
    with pytest.MonkeyPatch.context() as patch:
        real = sampling.draw_states
        patch.setattr(
            sampling, "draw_states", lambda p, u: (numbers.append(u), real(p, u))[1]
        )
        sampling.measure(5, 4)
    assert len(numbers) == 4 and all((u == numbers[0]).all() for u in numbers)
    assert numbers[0].shape == (5, 4, 4) and len(jnp.unique(numbers[0])) == 80


def test_one_pixel_of_one_image_makes_them_different(fakes, capsys):
    def other(x, i):
        last = jnp.arange(len(x)) == len(x) - 1
        certain = jnp.where((i == 15) & last, 40.0, -40.0)
        return certain[:, None]

    fakes(lambda x, i: jnp.full((len(x), 1), -40.0), other)
    assert sampling.measure(3, 4)["identical"] is False
    assert cli.main(["bench", "sampling", "--images", "3", "--size", "4"]) == 0
    assert re.search(r"identical +no$", capsys.readouterr().out, re.MULTILINE)


def test_the_table(fakes, capsys):
    fakes(even, even)
    assert cli.main(["bench", "sampling", "--images", "2", "--size", "4"]) == 0
    assert capsys.readouterr().out == (
        "2 images of 4x4 from pixel-lstm\n"
        "naive        48.00 s\n"
        "stateful      8.00 s\n"
        "speedup        6.0\n"
        "identical      yes\n"
    )


@pytest.mark.slow
def test_one_line_of_json(monkeypatch, capsys):
    """With the real predictors, which draw the same images, of an untrained model."""
    model = recipes.RECIPES["pixel-lstm"].build(nnx.Rngs(0))
    monkeypatch.setattr(recipes, "load", lambda name: model)
    command = ["bench", "sampling", "--images", "6", "--size", "5", "--json"]
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and err == ""
    found = json.loads(out)
    seconds = found["seconds"]
    assert list(seconds) == ["naive", "stateful"] and min(seconds.values()) > 0
    assert found["speedup"] == pytest.approx(seconds["naive"] / seconds["stateful"])
    expected = {"name": "sampling", "images": 6, "size": 5, "model": "pixel-lstm"}
    expected |= {"identical": True, "jax": jax.__version__, "device": "cpu"}
    assert expected.items() <= found.items() and found["cores"] >= 1


def test_64_images_of_28x28_unless_told_otherwise():
    args = cli._parser().parse_args(["bench", "sampling"])
    assert (args.images, args.size, args.json) == (64, 28, False)


def test_who_watches_sees_the_rows_beside_the_result(fakes, monkeypatch, capsys):
    fakes(even, even)
    monkeypatch.setattr(sampling, "shows_progress", lambda: True)
    command = ["bench", "sampling", "--images", "2", "--size", "4", "--json"]
    assert cli.main(command) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and json.loads(out)
    assert re.search(r"naive: 100%.*4/4", err) and re.search(r"stateful: 100%", err)


@pytest.mark.parametrize("options", [("--images", "0"), ("--size", "-1")])
def test_nothing_to_draw_is_explained(options, capsys):
    assert cli.main(["bench", "sampling", *options]) == 2
    message = capsys.readouterr().out
    assert message.startswith("course bench: expected at least one image of at least")
    assert options[1] in message and message.count("\n") == 1


def test_a_missing_reference_model_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert cli.main(["bench", "sampling"]) == 2
    assert re.search("^course bench: .*pixel-lstm.*missing", capsys.readouterr().out)


def test_an_unknown_benchmark_names_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["bench", "samplign"])
    assert stopped.value.code == 2 and "'sampling'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process there")
def test_ctrl_c_ends_it_with_one_line():
    """In a process of its own, while the naive predictor draws."""
    code = """
import signal, sys
from flax import nnx
from course_utils import recipes
from course_utils.app import cli
from course_utils.app.bench import sampling
model = recipes.RECIPES["pixel-lstm"].build(nnx.Rngs(0))
recipes.load = lambda name: model
sampling.shows_progress = lambda: True
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(cli.main(["bench", "sampling", "--images", "16"]))
"""
    pipe, command = subprocess.PIPE, [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        shown = b""
        for byte in iter(lambda: process.stderr.read(1), b""):
            shown += byte
            if b" 1/28" in shown:  # the naive predictor draws, for half a minute
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, shown + err
    assert out == b"\ncourse bench: stopped\n"
    assert b"Traceback" not in err and err.count(b"\n") == 1  # of the bar
