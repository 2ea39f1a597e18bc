#!/usr/bin/env python3
"""Judges exported images by classifiers that share nothing with Stylograph's:
python3 scripts/score-outside.py TRAIN-IMAGES TRAIN-LABELS [--keep RESULTS] NAME=FOLDER...

The first two are the IDX files of the training images; each FOLDER is what an evaluation exported, under the NAME that its result is
kept by in the folder RESULTS. Trains two networks in PyTorch (another framework and optimiser than the reference classifier's): a plain CNN after
LeNet-5 with dropout, and a residual network with batch normalisation on images that are turned, scaled, sheared and shifted. Says how good
each is on the exported real test images, and compares the shares of samples and of transferred images it gives the asked label with what
evaluation.json reports. Exits with 1 where a share differs by more than a point. Needs torch and numpy; takes about ten minutes of one core.
"""

import argparse
import json
import os
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

EPOCHS = 5
BATCH = 128
TOLERANCE = 0.01


def read_idx(path):
    with open(path, "rb") as file:
        _, _, _, dims = file.read(4)
        shape = struct.unpack(f">{dims}I", file.read(4 * dims))
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


class Block(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.skip = nn.Conv2d(inside, outside, 1, stride=2, bias=False)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def residual(labels):
    stem = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(
        *stem, Block(16, 32), Block(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, labels)
    )


def plain(labels):
    def stage(inside, outside):
        return [nn.Conv2d(inside, outside, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]

    head = [nn.Flatten(), nn.Linear(64 * 49, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, labels)]
    return nn.Sequential(*stage(1, 32), *stage(32, 64), *head)


# Maker, highest learning rate, whether images are altered.
NETWORKS = {"plain CNN": (plain, 0.03, False), "residual network": (residual, 0.1, True)}


def altered(x):
    """Turned by up to 10 degrees, scaled by a tenth, sheared by 0.15 and shifted by two pixels of 28, as hands would."""
    count = len(x)

    def spread(width, *shape):
        return (torch.rand(count, *shape) - 0.5) * 2 * width

    angle, scale, shear = spread(0.175), 1 + spread(0.1), spread(0.15)
    moves = torch.zeros(count, 2, 3)
    moves[:, 0, 0] = moves[:, 1, 1] = scale * angle.cos()
    moves[:, 0, 1] = shear - angle.sin()
    moves[:, 1, 0] = angle.sin()
    moves[:, :, 2] = spread(2 / 14, 2)
    return F.grid_sample(x, F.affine_grid(moves, x.shape, align_corners=False), align_corners=False)


def tensor_of(images):
    return torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)


def train(make, rate, alter, images, labels):
    torch.manual_seed(1)
    x, y = tensor_of(images), torch.from_numpy(labels.astype(np.int64))
    model = make(int(labels.max()) + 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))[: len(x) // BATCH * BATCH]
        for chosen in order.view(-1, BATCH):
            seen = altered(x[chosen]) if alter else x[chosen]
            optimizer.zero_grad()
            F.cross_entropy(model(seen), y[chosen]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def agreement(model, folder, name):
    images = tensor_of(read_idx(os.path.join(folder, f"{name}-images.idx")))
    labels = read_idx(os.path.join(folder, f"{name}-labels.idx"))
    seen = torch.cat([model(part).argmax(1) for part in images.split(1000)]).numpy()
    return float((seen == labels).mean())


def judge(model, folder):
    """Accuracies measured by an independent classifier, next to the reported ones."""
    with open(os.path.join(folder, "evaluation.json"), encoding="utf-8") as file:
        evaluation = json.load(file)
    reported = {
        "samples": evaluation["conditionalAccuracy"],
        "transfers": evaluation["styleTransfer"]["accuracy"],
    }
    pairs = {
        name: {"found": agreement(model, folder, name), "reported": share} for name, share in reported.items()
    }
    return {"real": agreement(model, folder, "real"), **pairs}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("images")
    parser.add_argument("labels")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--keep")
    given = parser.parse_args()
    images, labels = read_idx(given.images), read_idx(given.labels)
    worst = 0.0
    for network, (make, rate, alter) in NETWORKS.items():
        model = train(make, rate, alter, images, labels)
        for named in given.folders:
            name, folder = named.split("=", 1)
            scores = judge(model, folder)
            print(f"{network}: {100 * scores['real']:.2f} % of the real test images right")
            for what in ("samples", "transfers"):
                found, reported = scores[what]["found"], scores[what]["reported"]
                worst = max(worst, abs(found - reported))
                print(f"{name} {what}: {100 * found:.2f} % as asked, the report says {100 * reported:.2f} %")
            if given.keep:
                file = os.path.join(given.keep, f"{name}-{network.replace(' ', '-')}.json")
                os.makedirs(given.keep, exist_ok=True)
                with open(file, "w", encoding="utf-8") as out:
                    json.dump({"model": name, "by": network, **scores}, out, indent=1)
                    out.write("\n")
    sys.exit(1 if worst > TOLERANCE else 0)


main()
