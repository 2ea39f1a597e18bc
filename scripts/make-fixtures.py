"""Computes the fixtures of test/model/fixtures.test.ts with TensorFlow and Keras, independently of src/.

    python3 -m venv .venv && .venv/bin/pip install tensorflow-cpu==2.21.0
    .venv/bin/python scripts/make-fixtures.py

Networks, losses, gradients and three RMSProp updates of the article from given weights, dropout off, in float64 where
TensorFlow allows it, for a narrow network on 28x28 images (and the article's latent of 8). The test regenerates the same
weights and inputs from the formula in `values`, so that the fixture holds results only.
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

F = tf.float64
BATCH, LATENT, LABELS, SIDE = 4, 8, 10, 28
ENC, DEC, DIS = (4, 6, 8), (8, 6, 4), (6, 5, 4)
PIXELS = SIDE * SIDE


def values(name, shape, scale):
    """Deterministic numbers in (-scale, scale): fractional parts of a sine, keyed by the name."""
    key = sum((i + 1) * ord(c) for i, c in enumerate(name)) % 9973
    n = int(np.prod(shape))
    s = np.sin(np.arange(1, n + 1) * 12.9898 + key) * 43758.5453
    return ((s - np.floor(s)) * 2 - 1).reshape(shape) * scale


def specs():
    flat, units = 7 * 7 * ENC[1], 7 * 7 * DEC[0]
    layers = {
        "encoder/conv1": [3, 3, 1, ENC[0]],
        "encoder/conv2": [3, 3, ENC[0], ENC[1]],
        "encoder/hidden": [flat + LABELS, ENC[2]],
        "encoder/mean": [ENC[2], LATENT],
        "encoder/log-var": [ENC[2], LATENT],
        "decoder/hidden": [LATENT + LABELS, units],
        "decoder/conv1": [5, 5, DEC[0], DEC[1]],
        "decoder/conv2": [3, 3, DEC[1], DEC[2]],
        "decoder/image": [5, 5, DEC[2], 1],
        "discriminator/conv1": [7, 7, 1, DIS[0]],
        "discriminator/conv2": [3, 3, DIS[0] + LABELS, DIS[1]],
        "discriminator/similarity": [3, 3, DIS[1], DIS[2]],
        "discriminator/head": [4 * 4 * DIS[1], 1],
    }
    out = {}
    for name, shape in layers.items():
        fan = int(np.prod(shape[:-2])) * (shape[-2] + shape[-1])
        out[name + "/kernel"] = values(name + "/kernel", shape, (6 / fan) ** 0.5)
        out[name + "/bias"] = values(name + "/bias", shape[-1:], 0.1)
    return out


W = {name: tf.Variable(value, dtype=F) for name, value in specs().items()}
lrelu = lambda v: tf.nn.leaky_relu(v, 0.3)
conv = lambda n, v, s=1: tf.nn.conv2d(v, W[n + "/kernel"], s, "SAME") + W[n + "/bias"]
dense = lambda n, v: v @ W[n + "/kernel"] + W[n + "/bias"]
pool = lambda v: tf.nn.max_pool2d(v, 2, 2, "SAME")
up = lambda v: tf.repeat(tf.repeat(v, 2, axis=1), 2, axis=2)


def encoder(x, y):
    h = pool(lrelu(conv("encoder/conv1", x, 2)))
    h = lrelu(conv("encoder/conv2", h))
    h = lrelu(dense("encoder/hidden", tf.concat([tf.reshape(h, [BATCH, -1]), y], 1)))
    return dense("encoder/mean", h), dense("encoder/log-var", h)


def decoder(z, y):
    h = lrelu(dense("decoder/hidden", tf.concat([z, y], 1)))
    h = up(tf.reshape(h, [BATCH, 7, 7, DEC[0]]))
    h = lrelu(conv("decoder/conv1", h))
    h = lrelu(up(conv("decoder/conv2", h)))
    return conv("decoder/image", h)


def discriminator(x, y):
    h = lrelu(pool(conv("discriminator/conv1", x, 2)))
    planes = tf.tile(y[:, None, None, :], [1, 7, 7, 1])
    h = lrelu(pool(conv("discriminator/conv2", tf.concat([h, planes], 3))))
    flat = tf.reshape(lrelu(h), [BATCH, -1])
    return tf.sigmoid(dense("discriminator/head", flat)), conv("discriminator/similarity", h)


X = tf.constant((values("x", [BATCH, SIDE, SIDE, 1], 1) + 1) / 2, F)
LABEL = [3, 0, 9, 3]
Y = tf.one_hot(LABEL, LABELS, dtype=F)
Z_PRIOR = tf.constant(values("z-prior", [BATCH, LATENT], 2), F)
EPSILON = tf.constant(values("epsilon", [BATCH, LATENT], 2), F)


def losses():
    mu, log_var = encoder(X, Y)
    z = mu + tf.exp(tf.clip_by_value(log_var / 2, -2, 2)) * EPSILON
    rec_logits = decoder(z, Y)
    rec, prior = tf.sigmoid(rec_logits), tf.sigmoid(decoder(Z_PRIOR, Y))
    (d, dl), (d_rec, dl_rec), (d_prior, _) = (discriminator(v, Y) for v in (X, rec, prior))
    c = tf.clip_by_value(log_var, -2, 2)
    log = lambda v: tf.math.log(v + 1e-10)
    return {
        "prior": -0.5 * tf.reduce_sum(1 + c - mu**2 - tf.exp(c)) / PIXELS,
        "likelihood": tf.reduce_sum(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.sigmoid(dl), logits=dl_rec)
        ) / PIXELS,
        "likelihood-mse": tf.reduce_sum((dl - dl_rec) ** 2) / PIXELS,
        "gan": -0.25 * tf.reduce_sum(log(d) + 2 * log(1 - d_prior) + log(1 - d_rec)) / PIXELS,
        "pixel": tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=X, logits=rec_logits)) / PIXELS,
        "kl": -0.5 * tf.reduce_sum(1 + log_var - mu**2 - tf.exp(log_var)),
    }


def variables(network):
    return [v for n, v in W.items() if n.startswith(network + "/") and "/similarity/" not in n]


def names(network):
    return [n for n in W if n.startswith(network + "/") and "/similarity/" not in n]


def summary(tensors, network):
    """Norm, sum and a few entries of each tensor: enough to catch any error, small enough to keep."""
    out = {}
    for name, tensor in zip(names(network), tensors):
        flat = np.asarray(tensor).ravel()
        probe = values("probe/" + name, flat.shape, 1)
        out[name] = {"norm": float(np.linalg.norm(flat)), "projection": float(flat @ probe), "head": flat[:6].tolist()}
    return out


def gradients(likelihood):
    with tf.GradientTape(persistent=True) as tape:
        l = losses()
        l_enc, l_dec = l[likelihood] + l["prior"], l[likelihood] - l["gan"]
        l_dis = l["gan"]
    return {
        "encoder": tape.gradient(l_enc, variables("encoder")),
        "decoder": tape.gradient(l_dec, variables("decoder")),
        "discriminator": tape.gradient(l_dis, variables("discriminator")),
    }


RATES = {"encoder": 1e-3, "decoder": 3e-4, "discriminator": 1e-3}
fixture = {
    "made_with": {"tensorflow": tf.__version__, "numpy": np.__version__},
    "losses": {k: float(v) for k, v in losses().items()},
    "gradients": {},
    "updates": [],
}
for likelihood in ("likelihood", "likelihood-mse"):
    found = gradients(likelihood)
    fixture["gradients"][likelihood] = {n: summary(g, n) for n, g in found.items()}

# Three alternations of the article: a discriminator step, then a joint step, with TF 1's RMSProp (ms from ones).
MS = {name: np.ones(v.shape) for name, v in W.items()}


def step(networks):
    found = gradients("likelihood")
    for network in networks:
        for name, g in zip(names(network), found[network]):
            MS[name] = 0.9 * MS[name] + 0.1 * np.asarray(g) ** 2
            W[name].assign(W[name] - RATES[network] * g / tf.sqrt(MS[name] + 1e-10))


for _ in range(3):
    step(["discriminator"])
    step(["encoder", "decoder"])
    fixture["updates"].append(
        {n: summary([W[k] for k in names(n)], n) for n in ("encoder", "decoder", "discriminator")}
    )

path = pathlib.Path(__file__).parent.parent / "test/fixtures/article-steps.json"
path.write_text(json.dumps(fixture, indent=1) + "\n")
print(f"wrote {path.name}: {path.stat().st_size} bytes")
