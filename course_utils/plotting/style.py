"""The course's style, and `show`: every figure leaves as a small PNG with alt text."""

import base64
import io

from IPython import get_ipython
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

DPI = 100

plt.rcParams.update(
    {
        # Petroff 2021, arXiv:2107.02270: six colours, which Matplotlib before 3.11 does
        # not have by name.
        "axes.prop_cycle": plt.cycler(
            color=["#5790fc", "#f89c20", "#e42536", "#964a8b", "#9c9ca1", "#7a21dd"],
            marker=["o", "s", "^", "D", "v", "X"],
        ),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "figure.constrained_layout.use": True,
        "figure.dpi": DPI,
        "figure.figsize": (7.0, 4.0),
        "font.size": 11,
        "legend.frameon": False,
        "lines.markersize": 7,
    }
)


def show(fig: Figure, alt: str) -> None:
    """Display a figure as a PNG of at most 128 colours, and close it.

    The output's plain text is `Figure: ` and the alt text, which is also stored as the
    image's metadata. Outside IPython that line is printed instead.

    Args:
        fig: the figure; markers on long lines are thinned out.
        alt: a sentence that says what there is to see, for those who cannot see it.

    Raises:
        ValueError: the alt text is missing or says nothing.
    """
    alt = _checked_alt(alt)
    _thin_markers(fig)
    data = {"image/png": png_base64(fig), "text/plain": f"Figure: {alt}"}
    plt.close(fig)  # or the inline backend would show it once more, without alt text
    if get_ipython() is None:
        print(data["text/plain"])
    else:
        display(data, raw=True, metadata={"image/png": {"alt": alt}})


def _checked_alt(alt: str) -> str:
    words = alt.split()
    placeholder = ("figure", "image", "picture")
    if len(alt) < 20 or len(words) < 4 or words[0].lower().strip(":") in placeholder:
        raise ValueError(
            "the alt text must describe what there is to see, in a sentence of at "
            f"least 20 characters that does not begin with 'Figure'; found {alt!r}"
        )
    return " ".join(words)


def _thin_markers(fig: Figure) -> None:
    """Leave about ten markers on lines so long that they would hide the line."""
    for line in (line for axes in fig.axes for line in axes.lines):
        points = len(line.get_xdata())
        joined = line.get_linestyle() != "None"  # else the markers are the data
        if points > 40 and joined and line.get_markevery() is None:
            line.set_markevery(points // 10)


def png_base64(fig: Figure) -> str:
    """Return the figure as a PNG in base64 that depends on nothing but the figure."""
    drawn, reduced = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", facecolor="white")
    image = Image.open(drawn).convert("RGB")
    # Maximum coverage keeps rare colours (a marker, a cat's green eyes), which the
    # median cut gives up; k-means then pulls the palette to the frequent ones.
    image = image.quantize(128, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
    image.save(reduced, format="png", optimize=True)
    return base64.b64encode(reduced.getvalue()).decode("ascii")
