"""Sections 3 to 5: two stacks, garments, drawing."""
from cells import code, md

md("stacks-text", r"""
## 3. Two stacks

The cure is to treat the two directions differently. The rows above are known completely, so for them
the window need not be a triangle: any pixel of them may be used, far to the right as well. Only in the
row of the pixel itself does the order matter. So the model gets **two stacks** of maps:

* the **vertical stack** $v$ reads the rows above and nothing of the pixel's own row. Its convolutions
  need no mask at all, only a kernel that ends in time;
* the **horizontal stack** $h$ reads the pixels to the left in the pixel's own row, with masks A and B
  of a single row, and in each layer it is told what the vertical stack knows at this place.

Information goes from $v$ to $h$ and never back. If $v$ read $h$, then pixels of the own row would get
into the vertical stack, and with them later pixels into the rows below: a leak.

The authors also replaced the relu by a **gate**, which they took from the LSTM of notebook 05: half of
the features, $a$, say what to add, and the other half, $b$, whether to add it: $\tanh(a)\,\sigma(b)$.
""")

code("gated-figure", r'''
fig = draw_gated_block()
show(
    fig,
    "A gated block as boxes and arrows. The vertical stack: convolution, gate, "
    "1x1 map, added to its input. The horizontal stack: the same, but before its "
    "gate it receives what the vertical convolution found. No arrow leads back.",
)
''')

md("gated-text", r"""
A 1x1 map is a linear map of the features at one place. With $c_v$ and $c_h$ for the two convolutions,
the block computes

$$a = c_v(v), \qquad v' = v + \text{up}(\text{gate}(a)), \qquad
h' = h + \text{out}(\text{gate}(c_h(h) + \text{link}(a))) .$$

### Exercise 6.3: a gated block
""")

code("exercise-3", "def gated_block(v, h, layers):\n    ...\n", tags=["exercise:6.3"])

md("small-gated-text", r"""
The package's `MaskedConv` stores the rows of a kernel up to that of the pixel and no others, which
saves almost half of the work. Its mask says which weights of these rows count.
""")

code("small-gated", r'''
class Block(nnx.Module):
    # The layers of a gated block.

    def __init__(self, d, *, rngs):
        rows = np.ones((2, 3), bool)  # the row of v at this place, and one above
        left = causal_mask(3, "B")[1:2]  # one row: left neighbour and centre
        self.vertical = MaskedConv(d, 2 * d, rows, rngs=rngs)
        self.horizontal = MaskedConv(d, 2 * d, left, rngs=rngs)
        self.link = nnx.Linear(2 * d, 2 * d, rngs=rngs)
        self.up = nnx.Linear(d, d, rngs=rngs)
        self.out = nnx.Linear(d, d, rngs=rngs)


class SmallGated(nnx.Module):
    def __init__(self, d, num_blocks, *, rngs):
        above = np.array([[True] * 3, [False] * 3])  # the row above
        left = causal_mask(3, "A")[1:2]
        self.above = MaskedConv(1, d, above, rngs=rngs)
        self.left = MaskedConv(1, d, left, rngs=rngs)
        self.link = nnx.Linear(d, d, rngs=rngs)
        self.blocks = nnx.List([Block(d, rngs=rngs) for _ in range(num_blocks)])
        self.out = nnx.Linear(d, 1, rngs=rngs)

    def __call__(self, x):
        v = self.above(x)
        h = self.left(x) + self.link(v)
        for block in self.blocks:
            v, h = gated_block(v, h, block)
        return self.out(nnx.relu(h))

    def nll(self, x):
        return bernoulli_nll(self(x), x)
''')

md("cured-text", r"""
**Predict** the receptive field of four such blocks at row 3, column 3 of a 5x7 image. The cell flips
every pixel in turn, as in notebook 05.
""")

code("cured", r'''
some = jax.random.bernoulli(key, 0.5, (8, 5, 7, 1)).astype(jnp.float32)
models = {
    "one stack": SmallPixelCNN(16, 5, rngs=nnx.Rngs(seed)),
    "two stacks": SmallGated(16, 4, rngs=nnx.Rngs(seed)),
}
fields = {}
for name, model in models.items():
    changes = influence(lambda x, m=model: compiled(m, x), some)  # [35, 35]
    fields[name] = changes[3 * 7 + 3].reshape(5, 7)
fig = draw_receptive_fields(fields, pixel=(3, 3))
show(fig, "Two maps of 5x7 pixels: what changes the output at row 3, column 3.")
''')

md("tiny-text", r"""
**What does the blind spot cost?** In the 3x3 world the masked stack misses two pairs: pixel $(1, 0)$
does not see $(0, 2)$, and $(2, 0)$ does not see $(1, 2)$. They are the same two that the networks of
notebook 05 missed, and no training gets below the .0088 nats that they are worth. **Predict:** where
do the two models end up, when both are trained on the exact distribution?
""")

code("tiny-setup", r'''
joint = worlds.patch_joint(binary)
p = joint.ravel()  # in the order of `world`
entropy = worlds.entropy(p)


def exact_nll(model, batch, key):
    return p @ model.nll(batch["x"]), {}


def whole_world(i):
    return {"x": world}


def kl_to_world(model):
    return float(p @ np.float64(model.nll(world)) - entropy)


tiny = {
    "one stack": SmallPixelCNN(16, 4, rngs=nnx.Rngs(seed)),
    "two stacks": SmallGated(16, 3, rngs=nnx.Rngs(seed)),
}
rate = optax.cosine_decay_schedule(1e-2, 1500)
tiny_states = {n: init_state(m, optax.adam(rate)) for n, m in tiny.items()}
tiny_step = make_step(exact_nll)
''')

code("tiny-fit", r'''
for state in tiny_states.values():
    tiny_history = fit(tiny_step, state, whole_world, 1500, key)
''')

code("tiny-table", r'''
for name, model in tiny.items():
    print(f"{name:11} KL {kl_to_world(model):.4f}")
''', tags=["nbval-ignore-output"])

code("tiny-claims", r'''
cost = 0.00876  # of the two pairs; notebook 05, section 3
claim("one stack: above the cost of its blind spot", kl_to_world(tiny["one stack"]), above=cost)
claim("two stacks: below it", kl_to_world(tiny["two stacks"]), below=cost)
''', folded=True)

md("real-text", r"""
## 4. Garments

On images of 28x28 pixels a window that grows by one pixel per layer is too small to know a sleeve from
a trouser leg. The package's `PixelCNN` differs from our stack in three ways. Its first kernel is 7x7.
Its later layers are **residual blocks**: a 1x1 map to half as many features, a masked convolution of
3x3, and a 1x1 map back, the result of which is added to the block's input. And the kernels are
**dilated**: their weights lie on pixels that are not neighbours but 1, 2 or 4 pixels apart, in turn. A
dilated kernel costs no more than an ordinary one and looks further. The mask is the same.

**Predict:** notebook 05's pixel LSTM needed 109 nats after 28,800 images. With twice as many
parameters and a limited field, where does a PixelCNN stand after 19,200?
""")

code("live-setup", r'''
def black_and_white(images):
    return data.binarize(images).astype(np.float32)


x_test = black_and_white(test.images)
live = PixelCNN(32, 6, dilations=(1, 2, 4), rngs=nnx.Rngs(seed))
num_parameters = sum(w.size for w in jax.tree.leaves(nnx.state(live)))
print(f"{num_parameters:,} parameters")
rate = optax.warmup_cosine_decay_schedule(0, 3e-3, 120, 1200)
live_state = init_state(live, optax.adam(rate))
batch_at = data.batches({"x": black_and_white(train.images)}, 16, seed)
''')

code("live", r'''
start = time.perf_counter()
history = fit(make_step(nll_loss), live_state, batch_at, 1200, key)
seconds = time.perf_counter() - start
''')

code("live-score", r'''
nats = -np.float64(log_prob(live, x_test))
error = nats.std() / len(nats) ** 0.5
print(f"test: {nats.mean():.1f} nats per image, standard error {error:.1f}")
print(f"{seconds:.0f} seconds, compilation included")
''', tags=["nbval-ignore-output"])

code("live-claims", r'''
claim("below 114 nats", nats.mean(), below=114)
''', folded=True)

md("draw-text", r"""
## 5. Drawing: what has been computed can be kept

Scoring takes one call. Drawing takes 784 steps, whatever the network, and in each of them the usual
loop runs the whole model on the unfinished image. PixelCNN is said to draw as slowly as PixelRNN (C6).

Look at what the loop computes. When pixel $i$ has been drawn, the activations of all layers at pixel
$i$ can be computed, once; those at earlier pixels do not change any more, since they do not depend on
pixel $i$. So each step needs one new activation per layer, from a small window of the layer below.

### Exercise 6.4: one pixel of a convolution
""")

code("exercise-4", "def conv_at(kernel, bias, maps, row, column):\n    ...\n", tags=["exercise:6.4"])
