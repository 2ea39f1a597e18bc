import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { StylographClient } from '../../src/client/index.ts';
import { folders } from '../data/upload/labelled-pictures.ts';
import { type Service, startServiceIn } from './support.ts';

/** A user uploads images, trains on them and calls the model with the names of their folders as labels. */
let folder: string;
let service: Service;
let client: StylographClient;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stylograph-own-'));
  service = await startServiceIn(folder);
  client = new StylographClient({ url: service.url });
});
after(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

const LABELS = ['cat', 'dog', '1'];
const small = {
  batchSize: 8,
  networks: { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] } as never,
  figures: { frames: 2, grid: 3 } as never,
};

test('a ZIP of folders with 32×32 colour images becomes a dataset, a trained and evaluated model, and images by label name', {
  timeout: 900_000,
}, async () => {
  const zip = zipSync(await folders(LABELS, 81, { ink: [250, 120, 40] }));
  const dataset = await client.datasets.add({
    name: 'Beasts',
    files: [{ name: 'beasts.zip', bytes: new Blob([Buffer.from(zip)]) }],
  });
  // Integer names sort first.
  assert.deepEqual(
    dataset.labels.map(({ name }) => name),
    ['1', 'cat', 'dog'],
  );
  assert.deepEqual([dataset.width, dataset.channels], [32, 3]);

  const config = { iterations: 6, warmupIterations: 2, checkpointEvery: 3, metricsEvery: 3, ...small };
  const run = await client.runs.create({ preset: 'quick', dataset: 'beasts', seed: 5, config });
  assert.equal(run.dataset, dataset.id);
  await assert.rejects(client.datasets.delete(dataset.id), { code: 'dataset_in_use' });
  const logs: string[] = [];
  for await (const event of client.runs.follow(run.id)) {
    if (event.type === 'log') logs.push(event.data.message);
  }
  const ended = await client.runs.get(run.id);
  assert.equal(ended.state, 'succeeded', JSON.stringify(ended.error ?? logs));
  await checkEvaluation(ended.evaluation, logs);
  await checkNames();
  const films = (await (await fetch(`${service.url}/runs/${run.id}/films`)).json()) as {
    items: { name: string }[];
  };
  assert.deepEqual(
    films.items.map(({ name }) => name),
    ['1', 'cat', 'dog'],
  );
  await client.datasets.delete(dataset.id);
});

async function checkEvaluation(
  evaluation: Awaited<ReturnType<StylographClient['runs']['get']>>['evaluation'],
  logs: string[],
): Promise<void> {
  assert.ok(evaluation, logs.join('\n'));
  assert.ok(logs.some((text) => /reference classifier of beasts-\w+ recognises/.test(text)));
  assert.ok(evaluation.classifier.testAccuracy > 0.6, 'it tells horizontal from vertical bars');
  assert.equal(evaluation.styleTransfer.slantCorrelation, null);
  assert.match(evaluation.notes!.join(' '), /21 test images.*not measured in colour/s);
}

async function checkNames(): Promise<void> {
  const { url } = service;
  const bytes = async (path: string): Promise<Buffer> => {
    const response = await fetch(`${url}${path}`);
    assert.equal(response.status, 200, `${path}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  };
  const dog = await bytes('/generate?label=dog&seed=3');
  const { width, height, channels } = await sharp(dog).metadata();
  assert.deepEqual([width, height, channels], [32, 32, 3]);
  assert.deepEqual(await bytes('/generate?label=2&seed=3'), dog);
  // A name wins over an index: "1" is the first label.
  const one = await bytes('/generate?label=1&seed=3');
  assert.deepEqual(await bytes('/generate?label=0&seed=3'), one);
  const post = async (path: string, body: object): Promise<Record<string, never>> => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Record<string, never>;
  };
  const png = dog.toString('base64');
  const { results } = await post('/style-transfer', {
    images: [{ png }],
    labels: ['dog'],
    targets: ['cat', 1],
  });
  const [first] = results as unknown as { source: { label: string }; images: { label: string }[] }[];
  assert.deepEqual([first!.source.label, ...first!.images.map(({ label }) => label)], ['dog', 'cat', '1']);
  const { latents } = await post('/encode', { images: [{ png }] });
  const [read] = latents as unknown as { label: string; labelScores: Record<string, number> }[];
  assert.deepEqual(Object.keys(read!.labelScores), ['1', 'cat', 'dog']);
  await bytes('/manifold?label=cat&size=2');
  await post('/interpolate', { from: { label: 'cat', seed: 1 }, to: { label: 'dog', seed: 2 }, steps: 3 });
  const wrong = await fetch(`${url}/generate?label=bird`);
  assert.match(
    ((await wrong.json()) as { detail: string }).detail,
    /no label "bird"; its labels are "1", "cat", "dog"\./,
  );
}
