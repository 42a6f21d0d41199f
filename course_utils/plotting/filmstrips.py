"""Filmstrips, and sliders where a person sits at the kernel."""

import html
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from IPython.display import display

from course_utils.live import is_live
from course_utils.plotting.grids import GAP, PAGE, image_grid
from course_utils.plotting.style import png_base64, show


def filmstrip(frames: Iterable, labels: Sequence[str], alt: str) -> None:
    """Show frames [h,w] or [h,w,3] one after the other, each below its label."""
    images = _stacked(frames)
    columns = max(1, min(8, PAGE // (images.shape[-2] + GAP)))
    show(image_grid(images, titles=labels, columns=columns), alt)


def _stacked(frames: Iterable) -> np.ndarray:
    images = np.stack([np.asarray(frame) for frame in frames])
    return images[..., None] if images.ndim == 3 else images


def explore(render: Callable, name: str, values: Iterable, alt: str) -> None:
    """Show what `render` makes of a value: a filmstrip, and live also a slider.

    Args:
        render: maps a value to an image [h,w] or [h,w,3], as `image_grid` takes them.
        name: of the quantity.
        values: numbers or strings, at least two; the filmstrip shows eight of them at
            most, from the first to the last.
        alt: a sentence that says what the filmstrip shows.

    Raises:
        ValueError: fewer than two values, or as `image_grid` and `show`.
    """
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"there is nothing to explore in {len(values)} values")
    labels = [value if isinstance(value, str) else f"{value:g}" for value in values]
    chosen = np.linspace(0, len(values) - 1, min(len(values), 8)).round().astype(int)
    titles = [labels[i] for i in chosen]
    titles[0] = f"{name}\n{titles[0]}"
    filmstrip([render(values[i]) for i in chosen], titles, alt)
    if is_live():
        _slider(render, name, list(zip(labels, values, strict=True)), alt)


def _slider(render: Callable, name: str, options: list, alt: str) -> None:
    import ipywidgets  # only here: nothing about widgets may happen when not live

    slider = ipywidgets.SelectionSlider(
        options=options, description=name, continuous_update=False
    )
    picture = ipywidgets.HTML()  # ipywidgets.Image has no alt text

    def draw(_=None) -> None:
        png = png_base64(image_grid(_stacked([render(slider.value)])))
        shown = html.escape(f"{alt} Now {name} is {slider.label}.")
        source = f"data:image/png;base64,{png}"
        picture.value = f'<img alt="{shown}" src="{source}">'

    draw()
    slider.observe(draw, names="value")
    display(ipywidgets.VBox([slider, picture]))
