"""The article's training iteration in Keras 3 on TensorFlow, one `tf.function` a step.

Reads one JSON request a line on standard input, {"iterations": N}, and answers with one JSON line,
{"milliseconds": [one number an iteration], "losses": {...}}. Data are read once, from the IDX files of MNIST.
"""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from mnist import read_training_set

BATCH, LATENT, LABELS, PIXELS = 64, 8, 10, 28 * 28
DROPOUT, SLOPE = 0.3, 0.3


def activation(x):
    return layers.Dropout(DROPOUT)(layers.LeakyReLU(negative_slope=SLOPE)(x))


def make_encoder():
    x, y = keras.Input((28, 28, 1)), keras.Input((LABELS,))
    h = activation(layers.Conv2D(32, 3, strides=2, padding="same")(x))
    h = layers.MaxPooling2D(2, padding="same")(h)
    h = activation(layers.Conv2D(64, 3, padding="same")(h))
    h = layers.concatenate([layers.Flatten()(h), y])
    h = activation(layers.Dense(64)(h))
    return keras.Model([x, y], [layers.Dense(LATENT)(h), layers.Dense(LATENT)(h)])


def make_decoder():
    z, y = keras.Input((LATENT,)), keras.Input((LABELS,))
    h = activation(layers.Dense(7 * 7 * 128)(layers.concatenate([z, y])))
    h = layers.UpSampling2D(2)(layers.Reshape((7, 7, 128))(h))
    h = activation(layers.Conv2D(64, 5, padding="same")(h))
    h = layers.Conv2D(32, 3, padding="same")(h)
    h = activation(layers.UpSampling2D(2)(h))
    return keras.Model([z, y], layers.Conv2D(1, 5, padding="same", activation="sigmoid")(h))


class LabelPlanes(layers.Layer):
    """Labels as constant planes of an image's size."""

    def call(self, y, like):
        planes = tf.reshape(y, [-1, 1, 1, LABELS])
        return tf.broadcast_to(planes, [tf.shape(y)[0], like.shape[1], like.shape[2], LABELS])


def make_discriminator():
    x, y = keras.Input((28, 28, 1)), keras.Input((LABELS,))
    h = layers.MaxPooling2D(2, padding="same")(layers.Conv2D(128, 7, strides=2, padding="same")(x))
    h = activation(h)
    h = layers.concatenate([h, LabelPlanes()(y, h)])
    h = activation(layers.MaxPooling2D(2, padding="same")(layers.Conv2D(64, 3, padding="same")(h)))
    similarity = layers.Conv2D(16, 3, padding="same")(h)
    d = layers.Dense(1, activation="sigmoid")(layers.Flatten()(activation(h)))
    return keras.Model([x, y], [d, similarity])


encoder, decoder, discriminator = make_encoder(), make_decoder(), make_discriminator()
optimizers = {
    "encoder": keras.optimizers.RMSprop(1e-3, epsilon=1e-10),
    "decoder": keras.optimizers.RMSprop(3e-4, epsilon=1e-10),
    "discriminator": keras.optimizers.RMSprop(1e-3, epsilon=1e-10),
}
optimizers["encoder"].build(encoder.trainable_variables)
optimizers["decoder"].build(decoder.trainable_variables)
# L_GAN does not reach the similarity branch.
moved = [v for layer in discriminator.layers for v in layer.trainable_variables if tuple(v.shape) not in ((3, 3, 64, 16), (16,))]
optimizers["discriminator"].build(moved)


def sample(mean, log_var):
    return mean + tf.exp(tf.clip_by_value(log_var / 2, -2.0, 2.0)) * tf.random.normal(tf.shape(mean))


def gan_loss(d_real, d_rec, d_prior):
    log = lambda p: tf.reduce_sum(tf.math.log(p + 1e-10))
    return -0.25 * (log(d_real) + 2 * log(1 - d_prior) + log(1 - d_rec)) / PIXELS


@tf.function(reduce_retracing=True)
def discriminator_step(x, y, z_prior):
    mean, log_var = encoder([x, y], training=True)
    fakes = decoder([tf.concat([sample(mean, log_var), z_prior], 0), tf.concat([y, y], 0)], training=True)
    with tf.GradientTape() as tape:
        d, _ = discriminator([tf.concat([x, fakes], 0), tf.concat([y, y, y], 0)], training=True)
        gan = gan_loss(*tf.split(d, 3))
    optimizers["discriminator"].apply_gradients(zip(tape.gradient(gan, moved), moved))
    return gan


@tf.function(reduce_retracing=True)
def joint_step(x, y, z_prior):
    d_real, similarity_real = discriminator([x, y], training=True)
    with tf.GradientTape(persistent=True) as tape:
        mean, log_var = encoder([x, y], training=True)
        two = tf.concat([y, y], 0)
        fakes = decoder([tf.concat([sample(mean, log_var), z_prior], 0), two], training=True)
        d, similarity = discriminator([fakes, two], training=True)
        d_rec, d_prior = tf.split(d, 2)
        clipped = tf.clip_by_value(log_var, -2.0, 2.0)
        prior = -0.5 * tf.reduce_sum(1 + clipped - mean**2 - tf.exp(clipped)) / PIXELS
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.sigmoid(similarity_real), logits=similarity[:BATCH]
        )
        likelihood = tf.reduce_sum(cross_entropy) / PIXELS
        gan = gan_loss(d_real, d_rec, d_prior)
        encoder_loss, decoder_loss = likelihood + prior, likelihood - gan
    phi, theta = encoder.trainable_variables, decoder.trainable_variables
    encoder_gradients = tape.gradient(encoder_loss, phi)
    decoder_gradients = tape.gradient(decoder_loss, theta)
    optimizers["encoder"].apply_gradients(zip(encoder_gradients, phi))
    optimizers["decoder"].apply_gradients(zip(decoder_gradients, theta))
    return tf.stack([likelihood, prior, gan, encoder_loss, decoder_loss])


images, labels = read_training_set(sys.argv[1])
images = images.astype(np.float32)[..., None] / 255
one_hot = np.eye(LABELS, dtype=np.float32)[labels]
batches = iter(
    tf.data.Dataset.from_tensor_slices((images, one_hot))
    .shuffle(len(images), seed=1)
    .repeat()
    .batch(BATCH, drop_remainder=True)
    .prefetch(4)
)


def draw():
    x, y = next(batches)
    return x, y, tf.random.normal([BATCH, LATENT])


def iteration():
    """One discriminator step and three joint steps, as the article's thresholds have it; losses are read back."""
    x, y, z = draw()
    gan = float(discriminator_step(x, y, z))
    assert gan < 1.0, "L_GAN above the article's threshold: the schedule would differ"
    for _ in range(3):
        losses = joint_step(x, y, z).numpy()
        assert losses[2] < 0.4, "L_GAN above the article's threshold: the schedule would differ"
        x, y, z = draw()
    return gan, losses


for _ in range(3):
    iteration()
print(json.dumps({"ready": True, "versions": {"keras": keras.__version__, "tensorflow": tf.__version__}}), flush=True)
for line in sys.stdin:
    milliseconds = []
    for _ in range(json.loads(line)["iterations"]):
        start = time.perf_counter()
        gan, losses = iteration()
        milliseconds.append((time.perf_counter() - start) * 1000)
    names = ["likelihood", "prior", "gan", "encoder", "decoder"]
    print(json.dumps({"milliseconds": milliseconds, "losses": dict(zip(names, map(float, losses)))}), flush=True)
