import { loadDataset } from '../data/index.ts';
import { drawSample } from '../figures/index.ts';
import { serveRunChild } from './process.ts';
import type { Trainer } from './run.ts';

/** Importing the trainer loads TensorFlow: done when a run has started, so that it can tell what is missing. */
async function loadTrainer(): Promise<Trainer> {
  const { device, tf } = await import('../engine/index.ts');
  const { servedWeights, train } = await import('../training/loop.ts');
  return { train, servedWeights, device, software: { node: process.versions.node, tfjs: tf.version_core } };
}

serveRunChild({ loadDataset, drawSample, loadTrainer });
