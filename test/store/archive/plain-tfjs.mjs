/**
 * Uses an exported model over HTTP with TensorFlow.js alone, without code of this project.
 * The argument is the address of the unpacked folder, standard input is {latents, images, labels, classes, shape} as JSON.
 * Prints JSON.
 */
import * as tf from '@tensorflow/tfjs';

const [, , address] = process.argv;
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { latents, images, labels, classes, shape } = JSON.parse(Buffer.concat(chunks).toString('utf8'));

await tf.setBackend('cpu');
const decoder = await tf.loadLayersModel(`${address}/tfjs/decoder/model.json`);
const encoder = await tf.loadLayersModel(`${address}/tfjs/encoder/model.json`);
const y = tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat();
const z = tf.tensor2d(latents);
const x = tf.tensor(images, [labels.length, ...shape]).div(255);
const pixels = decoder.predict([z, y]).mul(255).round();
const [mean, logVar] = encoder.predict([x, y]);
process.stdout.write(
  JSON.stringify({
    backend: tf.getBackend(),
    shape: pixels.shape,
    pixels: Array.from(pixels.dataSync()),
    mean: Array.from(mean.dataSync()),
    logVar: Array.from(logVar.dataSync()),
  }),
);
