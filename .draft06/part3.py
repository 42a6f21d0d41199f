"""Sections 5 (rest) to 10."""
from cells import code, md

md("cached-text", r"""
`MaskedConv.advance` does this and keeps just the rows that its kernel reaches. The models of the
package carry what their layers keep from pixel to pixel, as the recurrent models did, so that
`stateful(model)` draws with it. **Predict:** how much faster than `naive(model)`, for 16 images? And
how many of the 12,544 pixels will differ?
""")

code("two-samplers", r'''
uniforms = jax.random.uniform(jax.random.fold_in(key, 3), (16, 28, 28))
seconds, images = {}, {}
for name, predictor in ("naive", naive(live)), ("stateful", stateful(live)):
    next(draw_states(predictor, uniforms))  # one row, so that all is compiled
    start = time.perf_counter()
    images[name] = np.asarray(draw_images(predictor, uniforms))
    seconds[name] = time.perf_counter() - start
for name in seconds:
    print(f"{name:9} {seconds[name]:.2f} seconds")
print(f"{seconds['naive'] / seconds['stateful']:.0f} times faster")
different = (images["naive"] != images["stateful"]).sum()
print(f"{different} of 12,544 pixels differ")
''', tags=["nbval-ignore-output"])

code("samplers-claim", r'''
claim("the same images from the same numbers", different, below=1, row="C6")
''', folded=True)

md("samplers-after", r"""
Not a pixel differs, so nothing has been approximated. Drawing still takes 784 steps, one after
another, with every network of the family: in this sense C6 is right. But a step of a PixelCNN need not
be a pass over the image, and what is slow is mostly the usual loop.
""")

md("temperature-text", r"""
## 6. Temperature

Samples of language models are often drawn at a **temperature** $T$ below one: each conditional
probability is raised to the power $1/T$ and normalised again. Likely values become likelier.

### Exercise 6.5: temperature
""")

code("exercise-5", "def at_temperature(logits, temperature):\n    ...\n", tags=["exercise:6.5"])

md("temperature-predict", r"""
**Predict:** what becomes of the sum over all images of a tiny world at $T = 0.5$? What becomes of the
nats of test images? And which temperature draws the images that look best to you?
""")

code("temperatures", r'''
temperatures = (0.5, 0.8, 1.0, 1.2)
rows, scores, sums = [], {}, {}
few_uniforms = uniforms[:10]
for T in temperatures:
    predictor = tempered(stateful(gated), T)
    rows.append(np.asarray(draw_images(predictor, few_uniforms)))
    logits = jnp.concatenate([gated(x) for x in np.split(x_test[:1000], 10)])
    scores[T] = bernoulli_nll(at_temperature(logits, T), x_test[:1000]).mean()
    tiny_logits = at_temperature(tiny["two stacks"](world), T)
    sums[T] = np.exp(-np.float64(bernoulli_nll(tiny_logits, world))).sum()
    print(f"T = {T}: sum {sums[T]:.4f}, test images {scores[T]:.1f} nats")
fig = image_grid(np.concatenate(rows), columns=10, row_titles=[f"T = {T}" for T in temperatures])
show(fig, "Four rows of ten drawings from the same numbers, one row per temperature.")
''', tags=["nbval-ignore-output"])

md("temperature-after", r"""
Every temperature gives a distribution: each factor is normalised, so the product is. Only $T = 1$ is
the model, and it has the fewest nats. At lower temperatures the drawings become cleaner and more
alike. Clean samples are not evidence of a good model; nor is the change a small one, since
$\prod_i p(x_i \mid x_{<i})^{1/T}$, normalised pixel by pixel, is not $p(x)^{1/T}$ normalised over
images.
""")

# still to write: completion; labels (p(x|y) as a classifier by Bayes' rule beside 02's
# accuracies .648 and that of the logistic regression); grey levels; likelihood against
# looks (pixelcnn, gated, pixel-lstm, VAE side by side); codec of 200 images with the
# stateful PixelCNN; clinic 6.6; measured (C6, C7, C8); quiz; deeper: logistic mixture, VQ.
