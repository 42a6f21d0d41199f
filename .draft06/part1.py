"""Sections 1 to 3 of notebook 06: masks, the blind spot, two stacks."""
from cells import code, md

md("title", r"""
# 06 · PixelCNN

*Can a convolution write an image pixel by pixel?*

**Read** 90 min · **Run** 3 min · **Exercises** 50 min

The recurrent networks of notebook 05 carry a state from pixel to pixel, so even an image that is
known completely has to be read step by step: 784, 28 or 55 steps, one after another. A convolution
has no state. It looks through a small window, at all places at once. If the window shows nothing but
earlier pixels, a stack of convolutions gives every conditional probability of the chain rule in a
single call, whose length is the number of layers and not the number of pixels.

That is **PixelCNN** (van den Oord, Kalchbrenner and Kavukcuoglu 2016,
[arXiv:1601.06759](https://arxiv.org/abs/1601.06759)). Its window has a hole, which the gated version
closes (van den Oord and others 2016, [arXiv:1606.05328](https://arxiv.org/abs/1606.05328)). We build
both, and then draw images from them hundreds of times faster than the usual loop does, without
changing a pixel.
""")

md("objectives", r"""
## What you will be able to do (in brackets: the exercise)

1. Mask a convolution so that it looks at earlier pixels only (6.1).
2. Say which pixels a stack of masked convolutions never sees, however deep it is (6.2).
3. Build a gated block of two stacks that sees them all (6.3).
4. Compute one pixel of a convolution, so that drawing costs one step per pixel (6.4).
5. Change the temperature of a model, and say what that costs (6.5).
6. Find the one faulty program among four, and the instrument that convicts it (6.6).
""")

md("mask-text", r"""
## 1. A window that looks back

An ordinary 3x3 convolution computes each number of its output from nine pixels of its input: the
pixel at the same place and its eight neighbours. Four of the neighbours come earlier in raster
order, four come later. If the output is to give the probability of a pixel, the later four must not
count, and neither must the pixel itself. So their weights are set to zero, and stay zero: the kernel
is multiplied by a **mask** of ones and zeros each time it is used.

A second layer is another matter. What the first layer has computed at a pixel knows the earlier
pixels only, so the second layer may look at that place as well. Hence two masks: **A** for the layer
that is given the image, without the centre, and **B** for all later layers, with it.

### Exercise 6.1: the masks
""")

code("exercise-1", r'''
def causal_mask(size, kind):
    ...
''', tags=["exercise:6.1"])  # the stub comes from the reference

md("masks-after", r"""
Here are both for a kernel of 5x5. The cross is the pixel whose probability is computed.
""")

code("masks", r'''
both = {f"mask {kind}": causal_mask(5, kind) for kind in "AB"}
fig = draw_receptive_fields(both, pixel=(2, 2))
show(fig, "Two grids of 5x5 weights: which of them each mask lets through.")
''')

md("model-text", r"""
**The model** is a stack: one convolution with mask A, some with mask B, and at the end a linear map at each pixel, from the features to the log-odds of white. Flax's
convolution takes a mask of the kernel's shape.
""")

code("model", r'''
def masked_conv(in_features, features, kind, *, rngs, size=3):
    mask = causal_mask(size, kind)[:, :, None, None]
    mask = np.broadcast_to(mask, (size, size, in_features, features))
    return nnx.Conv(in_features, features, (size, size), mask=mask, rngs=rngs)


class SmallPixelCNN(nnx.Module):
    # Logits of all pixels, each from earlier pixels, in one call.

    def __init__(self, features, num_layers, first="A", later="B", *, rngs):
        self.first = masked_conv(1, features, first, rngs=rngs)
        later_ones = [
            masked_conv(features, features, later, rngs=rngs)
            for _ in range(num_layers - 1)
        ]
        self.later = nnx.List(later_ones)
        self.out = nnx.Linear(features, 1, rngs=rngs)

    def __call__(self, x):
        x = self.first(x)
        for conv in self.later:
            x = conv(nnx.relu(x))
        return self.out(nnx.relu(x))

    def nll(self, x):
        return bernoulli_nll(self(x), x)
''')

md("sum-text", r"""
As in notebook 05, large random weights and the 512 images of 3x3 pixels tell whether these are
probabilities. **Predict** the total probability for three stacks: mask A first and B after it; B
everywhere; A everywhere.
""")

code("sums", r'''
world = worlds.all_images(3, 3).astype(np.float32)  # [512, 3, 3, 1]
totals = {}
for masks in ("AB", "BB", "AA"):
    model = SmallPixelCNN(8, 3, *masks, rngs=nnx.Rngs(seed))
    model = with_large_weights(model, key)
    totals[masks] = np.exp(-np.float64(model.nll(world))).sum()
    print(f"first {masks[0]}, then {masks[1]}: {totals[masks]:.4f}")
''', tags=["nbval-ignore-output"])

code("sums-claims", r'''
claim("A, then B: the images sum to one", abs(totals["AB"] - 1), below=1e-4)
claim("A everywhere: so they do", abs(totals["AA"] - 1), below=1e-4)
claim("B everywhere: they do not", abs(np.log(totals["BB"])), above=0.3)
''', folded=True)

md("sums-after", r"""
With B first, each pixel sees itself. With A everywhere nothing is wrong with the sum, and yet such a
stack is poor: each of its three layers moves back by at least one pixel, so the output never sees its
left neighbour. The sum finds what a model must not see. It does not notice what a model fails to see.
For that we have to look at the receptive field.
""")

md("blind-text", r"""
## 2. The blind spot

Each layer widens the window by one pixel to the left, to the right and upwards. **Predict,** and draw
it on paper: after three layers, which pixels of the window can the output depend on? Is any earlier
pixel missing? And what becomes of the missing ones after ten layers?

### Exercise 6.2: what a stack sees

Compute it, layer by layer. A pixel is seen by the stack if some chain of permitted weights leads from
it to the output.
""")

code("exercise-2", "def seen_by_stack(num_layers, size):\n    ...\n", tags=["exercise:6.2"])

code("stacks", r'''
depths = (1, 3, 5)
stacks = {}
for n in depths:  # put into one frame, 6 rows by 11 columns
    seen = seen_by_stack(n, 3)
    stacks[f"{n} layers"] = np.pad(seen, ((5 - n, 0), (5 - n, 5 - n)))
fig = draw_receptive_fields(stacks, pixel=(5, 5))
show(fig, "Three maps of 6x11 pixels: what stacks of 1, 3 and 5 layers see.")
for n in (1, 3, 5, 10, 30):
    seen = seen_by_stack(n, 3)
    earlier = n * (2 * n + 1) + n  # pixels of the window before the output
    print(f"{n:2} layers: {earlier - seen.sum():4} of {earlier:4} not seen")
''')

md("stacks-after", r"""
Depth makes the window larger, and the hole grows with it. On the right side each layer can go one
pixel to the right only if it goes up a row as well: within a row, mask B looks left. So the pixels
above and to the right, beyond the diagonal, stay hidden, whatever the number of layers. This is the
**blind spot**, a quarter of the window in the limit.
""")
