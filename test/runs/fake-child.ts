import { serveRunChild } from '../../src/runs/child/process.ts';
import { someEvaluator } from '../training/evaluation/some.ts';
import { fakeDataset, fakeTrainer } from './fake-training.ts';

/** A run child with training that only takes time. */
serveRunChild({
  loadDataset: async () => fakeDataset,
  drawSample: async () => ({ kind: 'scatter', label: 1, png: new Uint8Array([1, 2, 3]) }),
  loadEvaluator: async () => someEvaluator(),
  drawFigures: async () => [],
  loadTrainer: async () => fakeTrainer,
  engineFacts: () => undefined,
  traceRun: () => Promise.reject(new Error('no traces here')),
});
