import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Dataset, LabelledImages } from '../../../src/core/contracts/dataset.ts';
import { Evaluation } from '../../../src/core/contracts/evaluation.ts';
import { resolveConfig } from '../../../src/core/contracts/presets.ts';
import { architectureOf } from '../../../src/model/architecture.ts';
import { createNetworks, disposeNetworks, exportNetworks } from '../../../src/model/networks.ts';
import { type FolderStore, openFolderStore } from '../../../src/store/index.ts';
import { evaluateModel } from '../../../src/training/evaluation/evaluate.ts';
import {
  ensureClassifier,
  findClassifier,
  planFor,
} from '../../../src/training/evaluation/reference-classifier.ts';

const SIDE = 16;
const LABELS = ['across', 'upright', 'slanted', 'rare'];

/** A coloured line in the direction of its label. Its position and colour follow from `number`. */
function line(label: number, number: number): Uint8Array {
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  const offset = 2 + (number % 11);
  for (let at = 2; at < SIDE - 2; at++) {
    const [x, y] = [
      [at, offset],
      [offset, at],
      [at, (at + offset) % SIDE],
      [at, SIDE - 1 - at],
    ][label]! as [number, number];
    pixels.set([255, 40 + ((number * 37) % 200), (number * 71) % 256], (y * SIDE + x) * 3);
  }
  return pixels;
}

/** @param counts number of images per label @param from number of the first image */
function part(counts: readonly number[], from: number): LabelledImages {
  const labels = counts.flatMap((count, label) => new Array<number>(count).fill(label));
  const images = Buffer.concat(labels.map((label, at) => line(label, from + at)));
  return { count: labels.length, images, labels: Uint8Array.from(labels) };
}

function dataset(testCounts: readonly number[], digest: string): Dataset {
  const split = {
    train: part([60, 60, 60, 9], 0),
    validation: part([8, 8, 8, 1], 500),
    test: part(testCounts, 900),
  };
  const info = {
    id: 'lines-00000000',
    name: 'Lines',
    labels: LABELS.map((name, index) => ({ index, name, count: 1 })),
    width: SIDE,
    height: SIDE,
    channels: 3 as const,
    split: { train: split.train.count, validation: split.validation.count, test: split.test.count },
    digest: digest.repeat(64),
    warnings: [],
    createdAt: '2026-11-26T00:00:00.000Z',
  };
  return { info, ...split };
}

let folder: string;
let store: FolderStore;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylograph-reference-'));
  store = await openFolderStore(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

const lines = dataset([8, 8, 8, 1], 'a');

test('a dataset without a classifier gets one once, and only the same images find it', async () => {
  const logs: string[] = [];
  const options = { store, log: async (message: string) => void logs.push(message) };
  assert.equal(await findClassifier(lines.info, store), undefined);
  await ensureClassifier(lines, options);
  const classifier = await findClassifier(lines.info, store);
  assert.ok(classifier && classifier.testAccuracy > 0.7, `${classifier?.testAccuracy}`);
  assert.match(logs[0]!, /Training one, once/);
  assert.match(logs.at(-1)!, /recognises [\d.]+ % of real test images/);
  const logged = logs.length;
  await ensureClassifier(lines, options);
  assert.equal(logs.length, logged);
  assert.equal(await findClassifier(dataset([8, 8, 8, 1], 'b').info, store), undefined);
});

test('training is reproducible, and an aborted one stores no classifier', async () => {
  const other = await openFolderStore(join(folder, 'other'));
  const log = async (): Promise<void> => undefined;
  const stop = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(ensureClassifier(lines, { store: other, signal: stop, log }), /stopped/);
  assert.equal(await findClassifier(lines.info, other), undefined);
  await ensureClassifier(lines, { store: other, log });
  assert.equal(
    (await findClassifier(lines.info, other))?.digest,
    (await findClassifier(lines.info, store))?.digest,
  );
});

test('the number of training steps is bounded for any number and size of images', () => {
  for (const [count, side] of [
    [9, 16],
    [1_000, 28],
    [100_000, 64],
  ] as const) {
    const info = { ...lines.info, width: side, height: side };
    const { steps, batchSize, round } = planFor({ info, train: { ...lines.train, count } });
    assert.ok(batchSize <= count && round >= 1 && round <= steps);
    assert.ok(steps * batchSize * side ** 2 <= 120_000 * 28 ** 2);
  }
});

/** An untrained model: these tests only check that it can be measured. */
function untrainedModel() {
  const config = resolveConfig('article', {
    latentDim: 3,
    networks: { encoder: [4, 4, 8], decoder: [8, 6, 4], discriminator: [6, 5, 4] },
  });
  const image = { width: SIDE, height: SIDE, channels: 3 as const, labels: LABELS };
  const networks = createNetworks(architectureOf(image, config), config, 1);
  const { weights } = exportNetworks(networks);
  disposeNetworks(networks);
  return { record: { image, config }, weights };
}

test('an evaluation with few colour images is complete and its notes say how rough it is', async () => {
  const evaluation = await evaluateModel({
    ...untrainedModel(),
    dataset: lines,
    dataDir: folder,
    store,
    samples: 200,
  });
  Evaluation.parse(evaluation);
  assert.equal(evaluation.styleTransfer.slantCorrelation, null);
  assert.equal(evaluation.diversityRatioPerLabel[3], null);
  assert.match(evaluation.notes!.join(' '), /25 test images.*not measured in colour/);
});

test('a dataset with too few test images is not evaluated, and the error gives the reason and the remedy', async () => {
  const few = dataset([3, 3, 3, 1], 'c');
  await ensureClassifier(few, { store, log: async () => assert.fail('nothing to train') });
  await assert.rejects(evaluateModel({ ...untrainedModel(), dataset: few, dataDir: folder, store }), {
    code: 'evaluation_unavailable',
    message: /it has 10 test images.*Upload more images/,
  });
});
