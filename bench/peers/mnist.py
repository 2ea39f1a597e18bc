"""MNIST's training set from its IDX files, plain or gzipped."""

import gzip
import os

import numpy as np


def read_idx(folder, name):
    for path, opened in ((os.path.join(folder, name), open), (os.path.join(folder, name + ".gz"), gzip.open)):
        if os.path.exists(path):
            with opened(path, "rb") as file:
                data = file.read()
            dimensions = data[3]
            shape = np.frombuffer(data, ">u4", dimensions, 4)
            return np.frombuffer(data, np.uint8, -1, 4 + 4 * dimensions).reshape(shape)
    raise FileNotFoundError(f"{name} is not in {folder}")


def read_training_set(folder):
    return read_idx(folder, "train-images-idx3-ubyte"), read_idx(folder, "train-labels-idx1-ubyte")
