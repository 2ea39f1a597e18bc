import { serveRunChild } from '../../src/runs/child/process.ts';
import { fakeDataset, fakeEngine, fakeEvaluator } from './fake-training.ts';

/** A run child with fake training. */
serveRunChild({
  loadDataset: async () => fakeDataset,
  loadEngine: async () => fakeEngine,
  loadEvaluator: async () => fakeEvaluator(),
  drawSample: async () => ({ kind: 'scatter', label: 1, png: new Uint8Array([1, 2, 3]) }),
  drawFigures: async () => [],
});
