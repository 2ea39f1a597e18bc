import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dataset, LabelledImages } from '../../../src/core/contracts/dataset.ts';
import type { FigureSheet } from '../../../src/core/contracts/figures.ts';
import { resolveConfig } from '../../../src/core/contracts/presets.ts';
import { tf } from '../../../src/engine/index.ts';
import { architectureOf } from '../../../src/model/architecture.ts';
import {
  createNetworks,
  disposeNetworks,
  exportNetworks,
  servedDecoder,
} from '../../../src/model/networks.ts';
import { openDrawings } from '../../../src/training/drawing/figure-sheets.ts';

const image = { width: 16, height: 16, channels: 1 as const, labels: ['standing', 'lying', 'absent'] };

/** Twelve images that alternate between the first two labels; the third has none. */
const test12: LabelledImages = {
  count: 12,
  images: Uint8Array.from({ length: 12 * 256 }, (_, i) => (i * 37) % 256),
  labels: Uint8Array.from({ length: 12 }, (_, i) => i % 2),
};
const dataset = { test: test12 } as Dataset;

const configOf = (latentDim: number) =>
  resolveConfig('article', {
    latentDim,
    networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
    figures: { grid: 3 },
  });

function someModel(latentDim: number) {
  const config = configOf(latentDim);
  const networks = createNetworks(architectureOf(image, config), config, 5);
  const { weights } = exportNetworks(networks);
  const decoder = servedDecoder(networks);
  disposeNetworks(networks);
  return { record: { image, config }, served: weights, decoder };
}

async function sheetsOf(latentDim: number, labelled = dataset): Promise<FigureSheet[]> {
  const { record, served } = someModel(latentDim);
  const drawings = await openDrawings({ record, served, dataset: labelled, seed: 3 });
  const sheets: FigureSheet[] = [];
  for await (const sheet of drawings.sheets()) sheets.push(sheet);
  drawings.dispose();
  return sheets;
}

test("a finished run yields every figure of the article, determined by test images and the run's seed", async () => {
  const sheets = await sheetsOf(4);
  assert.deepEqual(
    sheets.map((sheet) => ('label' in sheet ? `${sheet.kind} ${sheet.label}` : sheet.kind)),
    [
      'reconstructions',
      'labels',
      'manifold 0',
      'manifold 1',
      'manifold 2',
      'scatter 0',
      'scatter 1',
      'scatter 2',
      'scatter-all',
    ],
  );
  const [reconstructions, labels] = sheets;
  assert.ok(reconstructions?.kind === 'reconstructions' && labels?.kind === 'labels');
  assert.deepEqual(reconstructions.originals, test12.images.subarray(0, 2560));
  assert.deepEqual([reconstructions.reconstructions.length, labels.count], [2560, 30]);
  assert.deepEqual(await sheetsOf(4), sheets);
});

test('the style transfer sheet has images of one label and a row of results for every label', async () => {
  const lastLabel = { test: { ...test12, labels: new Uint8Array(12).fill(2) } } as Dataset;
  const sheet = (await sheetsOf(4, lastLabel)).find(({ kind }) => kind === 'style-transfer');
  assert.ok(sheet?.kind === 'style-transfer');
  assert.deepEqual([sheet.label, sheet.columns, sheet.pixels.length], [2, 10, 3 * 10 * 256]);
  assert.deepEqual(sheet.originals, test12.images.subarray(0, 2560));
});

test('a latent of one dimension yields no scatter', async () => {
  assert.ok((await sheetsOf(1)).every(({ kind }) => !kind.startsWith('scatter')));
});

test("a film's frame has every label's manifold by the snapshot's decoder, and leaks no tensors", async () => {
  const { record, served, decoder } = someModel(4);
  const drawings = await openDrawings({ record, served, dataset, seed: 3 });
  const frame = drawings.frame(decoder);
  assert.equal(frame.length, 3 * 9 * 256);
  // The same decoder serves the figures: their manifolds' corners are the frame's, a rounding of a byte apart.
  for await (const sheet of drawings.sheets()) {
    if (sheet.kind !== 'manifold') continue;
    const ours = frame.subarray(sheet.label * 9 * 256, sheet.label * 9 * 256 + 256);
    const theirs = sheet.pixels.subarray(0, 256);
    assert.ok(ours.every((level, i) => Math.abs(level - theirs[i]!) <= 1));
  }
  const before = tf.memory().numTensors;
  drawings.frame(decoder);
  assert.equal(tf.memory().numTensors, before);
  drawings.dispose();
});
