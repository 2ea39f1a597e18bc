"""The article's training iteration in PyTorch, eager, channels last.

The protocol is that of train_keras.py.
"""

import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from mnist import read_training_set

BATCH, LATENT, LABELS, PIXELS = 64, 8, 10, 28 * 28
torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.manual_seed(1)


def activation(x):
    return F.dropout(F.leaky_relu(x, 0.3), 0.3, training=True)


def same_pool(x):
    """Max pooling 2×2 with `same` padding: the last window of an odd side holds one row or column."""
    return F.max_pool2d(x, 2, ceil_mode=True)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, stride=2), nn.Conv2d(32, 64, 3, padding=1)
        self.hidden = nn.Linear(7 * 7 * 64 + LABELS, 64)
        self.mean, self.log_var = nn.Linear(64, LATENT), nn.Linear(64, LATENT)

    def forward(self, x, y):
        h = same_pool(activation(self.conv1(F.pad(x, (0, 1, 0, 1)))))
        h = activation(self.conv2(h)).flatten(1)
        h = activation(self.hidden(torch.cat([h, y], 1)))
        return self.mean(h), self.log_var(h)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(LATENT + LABELS, 7 * 7 * 128)
        self.conv1, self.conv2 = nn.Conv2d(128, 64, 5, padding=2), nn.Conv2d(64, 32, 3, padding=1)
        self.image = nn.Conv2d(32, 1, 5, padding=2)

    def forward(self, z, y):
        h = activation(self.hidden(torch.cat([z, y], 1))).view(-1, 128, 7, 7)
        h = h.contiguous(memory_format=torch.channels_last)
        h = activation(self.conv1(F.interpolate(h, scale_factor=2)))
        h = activation(F.interpolate(self.conv2(h), scale_factor=2))
        return torch.sigmoid(self.image(h))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 128, 7, stride=2), nn.Conv2d(128 + LABELS, 64, 3, padding=1)
        self.similarity, self.head = nn.Conv2d(64, 16, 3, padding=1), nn.Linear(4 * 4 * 64, 1)

    def forward(self, x, y):
        h = activation(same_pool(self.conv1(F.pad(x, (2, 3, 2, 3)))))
        planes = y[:, :, None, None].expand(-1, -1, h.shape[2], h.shape[3])
        h = activation(same_pool(self.conv2(torch.cat([h, planes], 1))))
        return torch.sigmoid(self.head(activation(h).flatten(1))), self.similarity(h)

    def moved(self):
        """L_GAN does not reach the similarity branch."""
        return [p for name, p in self.named_parameters() if not name.startswith("similarity")]


encoder, decoder, discriminator = (
    network().to(memory_format=torch.channels_last) for network in (Encoder, Decoder, Discriminator)
)
phi, theta, psi = list(encoder.parameters()), list(decoder.parameters()), discriminator.moved()
make = lambda parameters, rate: torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=1e-5, foreach=True)
optimizers = make(phi, 1e-3), make(theta, 3e-4), make(psi, 1e-3)


def sample(mean, log_var):
    return mean + torch.exp(torch.clamp(log_var / 2, -2, 2)) * torch.randn_like(mean)


def gan_loss(d_real, d_rec, d_prior):
    log = lambda p: torch.log(p + 1e-10).sum()
    return -0.25 * (log(d_real) + 2 * log(1 - d_prior) + log(1 - d_rec)) / PIXELS


def apply(optimizer, parameters, gradients):
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient
    optimizer.step()


def discriminator_step(x, y, z_prior):
    with torch.no_grad():
        fakes = decoder(torch.cat([sample(*encoder(x, y)), z_prior]), torch.cat([y, y]))
    d, _ = discriminator(torch.cat([x, fakes]), torch.cat([y, y, y]))
    gan = gan_loss(*d.split(BATCH))
    apply(optimizers[2], psi, torch.autograd.grad(gan, psi))
    return gan.item()


def joint_step(x, y, z_prior):
    with torch.no_grad():
        d_real, similarity_real = discriminator(x, y)
    mean, log_var = encoder(x, y)
    two = torch.cat([y, y])
    fakes = decoder(torch.cat([sample(mean, log_var), z_prior]), two)
    d, similarity = discriminator(fakes, two)
    d_rec, d_prior = d.split(BATCH)
    clipped = torch.clamp(log_var, -2, 2)
    prior = -0.5 * (1 + clipped - mean**2 - torch.exp(clipped)).sum() / PIXELS
    likelihood = F.binary_cross_entropy_with_logits(
        similarity[:BATCH], torch.sigmoid(similarity_real), reduction="sum"
    ) / PIXELS
    gan = gan_loss(d_real, d_rec, d_prior)
    encoder_loss, decoder_loss = likelihood + prior, likelihood - gan
    encoder_gradients = torch.autograd.grad(encoder_loss, phi, retain_graph=True)
    decoder_gradients = torch.autograd.grad(decoder_loss, theta)
    apply(optimizers[0], phi, encoder_gradients)
    apply(optimizers[1], theta, decoder_gradients)
    return torch.stack([likelihood, prior, gan, encoder_loss, decoder_loss]).tolist()


images, labels = read_training_set(sys.argv[1])
images = torch.from_numpy(images.copy())[:, None].float().div_(255).contiguous(memory_format=torch.channels_last)
one_hot = torch.from_numpy(np.eye(LABELS, dtype=np.float32)[labels])


def endless_batches():
    while True:
        for chosen in torch.randperm(len(images)).split(BATCH):
            if len(chosen) == BATCH:
                yield images[chosen], one_hot[chosen]


batches = endless_batches()


def draw():
    x, y = next(batches)
    return x, y, torch.randn(BATCH, LATENT)


def iteration():
    """One discriminator step and three joint steps, as the article's thresholds have it; losses are read back."""
    x, y, z = draw()
    gan = discriminator_step(x, y, z)
    assert gan < 1.0, "L_GAN above the article's threshold: the schedule would differ"
    for _ in range(3):
        losses = joint_step(x, y, z)
        assert losses[2] < 0.4, "L_GAN above the article's threshold: the schedule would differ"
        x, y, z = draw()
    return gan, losses


for _ in range(3):
    iteration()
print(json.dumps({"ready": True, "versions": {"torch": torch.__version__}}), flush=True)
for line in sys.stdin:
    milliseconds = []
    for _ in range(json.loads(line)["iterations"]):
        start = time.perf_counter()
        gan, losses = iteration()
        milliseconds.append((time.perf_counter() - start) * 1000)
    names = ["likelihood", "prior", "gan", "encoder", "decoder"]
    print(json.dumps({"milliseconds": milliseconds, "losses": dict(zip(names, losses))}), flush=True)
