import { readFileSync } from 'node:fs';
import { loadDataset } from '../data/index.ts';
import { drawSample } from '../figures/index.ts';
import type { Evaluate } from './evaluate.ts';
import { serveRunChild } from './process.ts';
import type { Trainer } from './run.ts';

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Importing the trainer loads TensorFlow: done when a run has started, so that it can tell what is missing. */
async function loadTrainer(): Promise<Trainer> {
  const { device, servedWeights, train } = await import('../training/loop.ts');
  return {
    train,
    servedWeights,
    device,
    software: { stylograph: ownVersion(), node: process.versions.node },
  };
}

/** Imported when training is over. */
async function loadEvaluate(dataDir: string): Promise<Evaluate> {
  const { evaluateModel } = await import('../evaluation/index.ts');
  return (options) => evaluateModel({ ...options, dataDir });
}

serveRunChild({ loadDataset, drawSample, loadTrainer, loadEvaluate });
