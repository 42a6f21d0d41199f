import json
import shutil

import numpy as np
import pytest

from course_utils import losses, recipes
from course_utils.checkpoints import CheckpointError, read_metadata
from course_utils.data import load_fashion_mnist, read_verified, to_unit
from course_utils.live import Stopped
from course_utils.models.autoencoder import dense_autoencoder
from course_utils.recipes import RECIPES, checkpoint_path, load

DATA = recipes.data_dir()
TINY = recipes.Recipe(
    build=lambda rngs: dense_autoencoder(2, width=8, rngs=rngs),
    objective=losses.reconstruction_loss,
    prepare=to_unit,
    measure=recipes.measure_autoencoder,
    num_steps=40,
    batch_size=16,
    scan=10,
)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A recipe that takes a second, in a data folder of its own."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    monkeypatch.setenv("COURSE_DATA", str(folder))
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    return tmp_path / "resume.safetensors"


@pytest.mark.parametrize("name", RECIPES)
def test_a_checkpoint_is_registered_small_and_says_what_it_is(name):
    path = checkpoint_path(name)
    limit = 2 if name == "features" else 4
    assert len(read_verified(f"checkpoints/{path.name}")) <= limit * 2**20
    metadata = read_metadata(path)
    assert metadata["recipe"] == name
    assert metadata["seconds"] <= 60 * 60  # wall clock, on a busy machine
    assert {"metrics", "versions", "data"} <= metadata.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_checkpoint_is_as_good_as_it_says(name, monkeypatch):
    monkeypatch.setattr(recipes, "BOUND_SAMPLES", 5)  # 500 take a minute
    monkeypatch.setattr(recipes, "BOUND_IMAGES", 50)
    test = load_fashion_mnist().test
    x = RECIPES[name].prepare(test.images)
    found = RECIPES[name].measure(load(name), x, test.labels)
    said = read_metadata(checkpoint_path(name))["metrics"]
    assert found.keys() == {k for k in said if not k.startswith("train_")}
    for key in found.keys() - {"bound", "bound_error"}:
        assert found[key] == pytest.approx(said[key], rel=0.01), key
    if "bound" in found:
        assert said["elbo"] < found["bound"] < said["bound"]


def test_the_reference_vae_needs_at_most_107_nats():
    metrics = read_metadata(checkpoint_path("vae-conv"))["metrics"]
    assert -metrics["bound"] <= 107 and metrics["bound_error"] < 1


@pytest.mark.parametrize("name", ["pixel-lstm", "row-lstm", "diagonal-bilstm"])
def test_a_reference_pixel_model_is_below_the_tables_and_has_not_overfitted(name):
    metrics = read_metadata(checkpoint_path(name))["metrics"]
    assert metrics["nll"] < 104 and metrics["nll_error"] < 1
    assert metrics["nll"] - metrics["train_nll"] < 4


def test_the_classifier_knows_its_garments():
    metrics = read_metadata(checkpoint_path("features"))["metrics"]
    assert metrics["accuracy"] >= 0.915


def test_a_mirrored_batch_holds_each_image_or_its_mirror_image():
    x = to_unit(load_fashion_mnist().test.images[:20])
    batch = recipes.flipped({"x": x, "label": np.arange(20)}, 20, seed=0)(0)
    same = [(a == x[i]).all() for a, i in zip(batch["x"], batch["label"], strict=True)]
    mirrored = [
        (a == x[i, :, ::-1]).all()
        for a, i in zip(batch["x"], batch["label"], strict=True)
    ]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 0 < sum(mirrored) < 20


def test_train_writes_a_checkpoint_that_load_accepts(tiny, capsys):
    metadata = recipes.train("tiny", tiny)
    assert not tiny.exists()
    assert metadata["metrics"]["mse"] < 0.2
    model = load("tiny")
    test = load_fashion_mnist().test
    mse = recipes.measure_autoencoder(model, to_unit(test.images), test.labels)["mse"]
    assert mse == pytest.approx(metadata["metrics"]["mse"], rel=0.01)
    assert read_verified("checkpoints/tiny.safetensors")
    assert "tiny: test mse" in recipes.describe("tiny")


@pytest.mark.slow
def test_training_that_was_stopped_is_resumed(tiny, monkeypatch):
    whole = recipes.train("tiny")
    stopped = []

    def stop_halfway(step, state, batch_at, num_steps, *args, **kwargs):
        if stopped:
            return real(step, state, batch_at, num_steps, *args, **kwargs)
        stopped.append(True)
        real(step, state, batch_at, 20, *args, **kwargs)
        raise Stopped

    real = recipes.fit
    monkeypatch.setattr(recipes, "fit", stop_halfway)
    with pytest.raises(KeyboardInterrupt):
        recipes.train("tiny", tiny)
    assert tiny.exists()
    assert recipes.train("tiny", tiny)["metrics"] == whole["metrics"]


def test_a_renamed_checkpoint_is_refused(tiny, monkeypatch):
    recipes.train("tiny")
    monkeypatch.setitem(RECIPES, "other", TINY)
    checkpoint_path("tiny").rename(checkpoint_path("other"))
    with pytest.raises(CheckpointError, match="recipe 'other'.*recipe 'tiny'"):
        load("other")


def test_a_missing_checkpoint_is_described_not_raised(tiny):
    assert "missing" in recipes.describe("tiny")
    with pytest.raises(CheckpointError, match="missing"):
        load("tiny")


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(KeyError, match="'vae'; there are features"):
        load("vae")


def test_the_registry_lists_no_other_checkpoint():
    registry = json.loads((DATA / "registry.json").read_text(encoding="utf-8"))
    listed = {name for name in registry if name.startswith("checkpoints/")}
    assert listed == {f"checkpoints/{name}.safetensors" for name in RECIPES}


@pytest.mark.slow
def test_measures_notice_a_worse_model():
    images, labels = load_fashion_mnist().test
    x = to_unit(images[:1000])
    model = load("features")
    good = recipes.measure_classifier(model, x, labels[:1000])
    model.out.bias[...] = model.out.bias[...] + 3 * np.eye(10)[0]
    bad = recipes.measure_classifier(model, x, labels[:1000])
    assert bad["accuracy"] < good["accuracy"] and bad["nll"] > good["nll"]
