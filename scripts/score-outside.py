#!/usr/bin/env python3
"""Judges exported images by a classifier that shares nothing with Stylograph's:
python3 scripts/score-outside.py FOLDER TRAIN-IMAGES TRAIN-LABELS

FOLDER is what an evaluation exports; the other two are the IDX files of the training images. Trains a residual network in
PyTorch (another architecture, framework and optimiser than the reference classifier), says how good it is on the exported
real test images, and compares the share of samples and of transferred images it gives the asked label with
what evaluation.json reports. Exits with 1 when a share differs by more than a point. Needs torch and numpy.
"""

import json
import os
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

EPOCHS = 4
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


def network(labels):
    stem = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(
        *stem, Block(16, 32), Block(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, labels)
    )


def tensor_of(images):
    return torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)


def train(images, labels):
    torch.manual_seed(0)
    x, y = tensor_of(images), torch.from_numpy(labels.astype(np.int64))
    model = network(int(labels.max()) + 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = EPOCHS * (len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))[: len(x) // BATCH * BATCH]
        for chosen in order.view(-1, BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def agreement(model, folder, name):
    images = tensor_of(read_idx(os.path.join(folder, f"{name}-images.idx")))
    labels = read_idx(os.path.join(folder, f"{name}-labels.idx"))
    seen = torch.cat([model(part).argmax(1) for part in images.split(1000)]).numpy()
    return float((seen == labels).mean())


def main():
    folder, images, labels = sys.argv[1:4]
    with open(os.path.join(folder, "evaluation.json"), encoding="utf-8") as file:
        reported = json.load(file)
    model = train(read_idx(images), read_idx(labels))
    print(f"real test images: {100 * agreement(model, folder, 'real'):.2f} % right")
    pairs = {
        "samples": reported["conditionalAccuracy"],
        "transfers": reported["styleTransfer"]["accuracy"],
    }
    worst = 0.0
    for name, told in pairs.items():
        found = agreement(model, folder, name)
        worst = max(worst, abs(found - told))
        print(f"{name}: {100 * found:.2f} % as asked, the report says {100 * told:.2f} %")
    sys.exit(1 if worst > TOLERANCE else 0)


main()
