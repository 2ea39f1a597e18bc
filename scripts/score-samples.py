#!/usr/bin/env python3
"""Scores exported images independently of Stylograph: python3 scripts/score-samples.py FOLDER [CLASSIFIER]

FOLDER is what an evaluation exports: images and labels as IDX files, and what Stylograph measured as evaluation.json.
CLASSIFIER is a file of classifiers/ (default: the one the evaluation names). Needs numpy and scipy, nothing else: the
classifier runs in numpy from the shipped weights. Prints both figures of every metric and their relative difference,
and exits with 1 when one differs by more than 1e-3.
"""

import json
import os
import struct
import sys

import numpy as np
from scipy import linalg, signal, spatial, stats

TOLERANCE = 1e-3


def read_idx(path):
    with open(path, "rb") as file:
        _, _, kind, dims = file.read(4)
        shape = struct.unpack(f">{dims}I", file.read(4 * dims))
        dtype = {0x08: np.uint8, 0x0C: np.dtype(">i4")}[kind]
        return np.frombuffer(file.read(), dtype).reshape(shape)


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
    return tensors, header["__metadata__"]


class Classifier:
    def __init__(self, path):
        self.weights, metadata = read_safetensors(path)
        self.digest = metadata["digest"]

    def convolve(self, x, layer):
        kernel = self.weights[f"classifier/{layer}/kernel"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * x.shape[3])
        out = columns @ kernel.reshape(-1, kernel.shape[3]) + self.weights[f"classifier/{layer}/bias"]
        return np.maximum(out, 0).reshape(*x.shape[:3], -1)

    @staticmethod
    def pool(x):
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))

    def dense(self, x, layer):
        return x @ self.weights[f"classifier/{layer}/kernel"] + self.weights[f"classifier/{layer}/bias"]

    def look(self, images):
        """Standardised features in float64, and the label seen in each image."""
        features, labels = [], []
        for start in range(0, len(images), 200):
            x = images[start : start + 200].astype(np.float32) / 255
            x = x.reshape(*x.shape[:3], -1)
            x = self.pool(self.convolve(self.convolve(x, "conv1"), "conv2"))
            x = self.pool(self.convolve(self.convolve(x, "conv3"), "conv4"))
            hidden = np.maximum(self.dense(x.reshape(len(x), -1), "hidden"), 0)
            features.append(hidden)
            labels.append(self.dense(hidden, "output").argmax(1))
        deviation = self.weights["standard/deviation"].astype(np.float64)
        scale = np.where(deviation < 1e-6, 1, deviation)
        values = (np.concatenate(features).astype(np.float64) - self.weights["standard/mean"]) / scale
        return values, np.concatenate(labels)


def frechet(a, b):
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(linalg.sqrtm(s @ t))
    return (mean + np.trace(s) + np.trace(t) - 2 * np.trace(root)) / a.shape[1]


def kid(a, b, subsets):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    found = []
    for rows_a, rows_b in subsets:
        x, y = a[rows_a], b[rows_b]
        n = len(x)
        within = sum((k := kernel(z, z)).sum() - np.trace(k) for z in (x, y)) / (n * (n - 1))
        found.append(within - 2 * kernel(x, y).mean())
    return np.mean(found)


def manifold(real, fake, k=5):
    n = min(5000, len(real), len(fake))
    real, fake = real[:n], fake[:n]

    def radii(x):
        return np.partition(spatial.distance.cdist(x, x), k, axis=1)[:, k]

    within_real = spatial.distance.cdist(real, fake) < radii(real)[:, None]
    within_fake = spatial.distance.cdist(fake, real) < radii(fake)[:, None]
    return {
        "precision": within_real.any(0).mean(),
        "recall": within_fake.any(0).mean(),
        "density": within_real.sum(0).mean() / k,
        "coverage": within_real.any(1).mean(),
    }


def diversity(features, labels):
    per_label = [features[labels == label] for label in np.unique(labels)]
    return np.mean([spatial.distance.pdist(rows).mean() for rows in per_label if len(rows) > 1])


def grey(images):
    planes = images.astype(np.float64) / 255
    return planes if planes.ndim == 3 else planes.mean(3)


def sharpness(images):
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    return np.median([signal.convolve2d(plane, kernel, "valid").var() for plane in grey(images)])


def ssim(a, b):
    x = np.arange(11) - 5
    window = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def smooth(plane):
        return signal.convolve2d(plane, window, "valid")

    values = []
    for p, q in zip(grey(a), grey(b)):
        mp, mq = smooth(p), smooth(q)
        vp, vq, cov = smooth(p * p) - mp**2, smooth(q * q) - mq**2, smooth(p * q) - mp * mq
        c1, c2 = 0.01**2, 0.03**2
        values.append(((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))).mean())
    return np.mean(values)


def moments(images):
    planes = grey(images)
    y, x = np.mgrid[: planes.shape[1], : planes.shape[2]]
    ink = planes.sum((1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        mx, my = ((planes * axis).sum((1, 2)) / ink for axis in (x, y))
        dx, dy = x[None] - mx[:, None, None], y[None] - my[:, None, None]
        slant = (planes * dx * dy).sum((1, 2)) / (planes * dy * dy).sum((1, 2))
    return slant, ink


def transfer_correlation(sources, results):
    found = []
    for target in range(results.shape[1]):
        column = results[:, target]
        kept = np.isfinite(sources) & np.isfinite(column)
        found.append(stats.spearmanr(sources[kept], column[kept]).statistic)
    return np.nan_to_num(found).mean()


def score(folder, classifier):
    sets = {
        name: (read_idx(f"{folder}/{name}-images.idx"), read_idx(f"{folder}/{name}-labels.idx"))
        for name in ("real", "samples", "reconstructions", "transfers")
    }
    seen = {name: classifier.look(images) for name, (images, _) in sets.items()}
    real, fake = seen["real"][0], seen["samples"][0]
    found = {
        "conditionalAccuracy": (seen["samples"][1] == sets["samples"][1]).mean(),
        "frechetDistance": frechet(real, fake),
        "kid": kid(real, fake, read_idx(f"{folder}/kid-subsets.idx")),
        **manifold(real, fake),
        "diversityRatio": diversity(fake, sets["samples"][1]) / diversity(real, sets["real"][1]),
        "sharpnessRatio": sharpness(sets["samples"][0]) / sharpness(sets["real"][0]),
    }
    decoded, labels = sets["reconstructions"]
    originals = sets["real"][0][: len(decoded)]
    found["reconstruction.mse"] = ((originals.astype(float) - decoded) ** 2).mean() / 255**2
    found["reconstruction.ssim"] = ssim(originals, decoded)
    distances = np.linalg.norm(real[: len(decoded)] - seen["reconstructions"][0], axis=1)
    found["reconstruction.featureDistance"] = distances.mean()
    found["reconstruction.labelKept"] = (seen["reconstructions"][1] == labels).mean()

    transfers, targets = sets["transfers"]
    count = len(transfers) // len(np.unique(targets))
    found["styleTransfer.accuracy"] = (seen["transfers"][1] == targets).mean()
    for name, source, result in zip(
        ("slant", "ink"), moments(sets["real"][0][:count]), moments(transfers)
    ):
        found[f"styleTransfer.{name}Correlation"] = transfer_correlation(source, result.reshape(count, -1))
    return found


def main():
    folder = sys.argv[1]
    with open(f"{folder}/evaluation.json") as file:
        stated = json.load(file)
    shipped = os.path.join(os.path.dirname(__file__), "..", "classifiers")
    path = sys.argv[2] if len(sys.argv) > 2 else f"{shipped}/{stated['classifier']['dataset']}.safetensors"
    classifier = Classifier(path)
    if classifier.digest != stated["classifier"]["digest"]:
        sys.exit(f"{path} is not the classifier that the evaluation used")
    worst = 0
    for name, value in score(folder, classifier).items():
        theirs = stated
        for part in name.split("."):
            theirs = theirs[part]
        difference = abs(value - theirs) / max(abs(theirs), 1e-9)
        worst = max(worst, difference)
        print(f"{name:32} {value:12.6f} {theirs:12.6f} {difference:9.2e}")
    print(f"largest relative difference {worst:.2e}")
    sys.exit(0 if worst <= TOLERANCE else 1)


main()
