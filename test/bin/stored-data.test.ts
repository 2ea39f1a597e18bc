import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Run, StylographClient } from '../../src/client/index.ts';
import { type Service, startServiceIn } from './support.ts';

/**
 * A data folder that the version of 2026-11-27 wrote: an uploaded dataset, runs of a server (finished, paused, cancelled), two runs
 * of the command line in journals, two models with aliases. `model.zip` is an archive that it exported.
 */
const FIXTURES = fileURLToPath(new URL('../fixtures/earlier-data/', import.meta.url));

interface ExpectedRun {
  id: string;
  name: string;
  state: string;
  seed: number;
  tags: string[];
  modelId: string | null;
  iteration: number;
  iterations: number;
}

const EXPECTED = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as {
  dataset: string;
  model: string;
  digest: string;
  aliases: string[];
  runs: ExpectedRun[];
  journals: ExpectedRun[];
  events: [id: string, type: string][];
  metrics: { series: Record<string, [number, number | null][]> };
};

let folder: string;
let service: Service;
let client: StylographClient;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylograph-earlier-'));
  execFileSync('tar', ['-xzf', join(FIXTURES, 'data-folder.tar.gz'), '-C', folder]);
  service = await startServiceIn(folder);
  client = new StylographClient({ url: service.url });
});

after(async () => {
  assert.equal(await service.stop(), 0);
  await rm(folder, { recursive: true });
});

const described = (run: Run) => ({
  id: run.id,
  name: run.name,
  state: run.state,
  seed: run.seed,
  tags: run.tags,
  modelId: run.modelId ?? null,
  iteration: run.progress.iteration,
  iterations: run.config.iterations,
});

const named = ({ id, name, state, seed, tags, modelId, iteration, iterations }: ExpectedRun) => ({
  id,
  name,
  state,
  seed,
  tags,
  modelId,
  iteration,
  iterations,
});

test('runs of an earlier server keep their records, events and metrics', async () => {
  for (const expected of EXPECTED.runs) {
    assert.deepEqual(described(await client.runs.get(expected.id)), named(expected));
  }
  const [finished] = EXPECTED.runs;
  const { items } = await client.runs.events(finished!.id, { limit: 200 });
  assert.deepEqual(
    items.map(({ id, type }) => [id, type]),
    EXPECTED.events,
  );
  assert.deepEqual((await client.runs.metrics(finished!.id)).series, EXPECTED.metrics.series);
});

test('runs of the earlier command line are imported from their journals once', async () => {
  for (const expected of EXPECTED.journals) {
    assert.deepEqual(described(await client.runs.get(expected.id)), named(expected));
    assert.equal(existsSync(join(folder, 'runs', expected.id, 'journal.jsonl')), false);
    const { items } = await client.runs.events(expected.id, { limit: 200 });
    assert.equal(items[0]!.type, 'state');
    assert.ok(items.some(({ type }) => type === 'metrics'));
  }
  const { items } = await client.runs.list({ limit: 50 });
  assert.equal(items.length, EXPECTED.runs.length + EXPECTED.journals.length);
});

test('an earlier model keeps its digest and aliases, and draws', async () => {
  for (const reference of [EXPECTED.model, ...EXPECTED.aliases]) {
    const model = await client.models.get(reference);
    assert.equal(model.id, EXPECTED.model);
    assert.equal(model.digest, EXPECTED.digest);
  }
  const { images } = await client.generate({ label: 'ring', seed: 7, model: EXPECTED.model });
  assert.equal(images.length, 1);
});

test('an earlier paused run resumes from its checkpoint', async () => {
  const paused = EXPECTED.runs.find(({ state }) => state === 'paused')!;
  await client.runs.resume(paused.id);
  let run = await client.runs.get(paused.id);
  while (run.progress.iteration <= paused.iteration && run.state !== 'failed') {
    await sleep(100);
    run = await client.runs.get(paused.id);
  }
  assert.equal(run.state, 'running', run.error?.message);
  const { items } = await client.runs.events(paused.id, { limit: 200 });
  const iterations = items.flatMap(({ type, data }) =>
    type === 'metrics' && 'iteration' in data ? [data.iteration] : [],
  );
  assert.deepEqual(
    iterations,
    [...new Set(iterations)].sort((a, b) => Number(a) - Number(b)),
  );
  await client.runs.cancel(paused.id);
});

test('an earlier archive imports with the digest that it states', async () => {
  const other = await mkdtemp(join(tmpdir(), 'stylograph-import-'));
  const second = await startServiceIn(other);
  try {
    const archive = await readFile(join(FIXTURES, 'model.zip'));
    const model = await new StylographClient({ url: second.url }).models.import(archive);
    assert.equal(model.id, EXPECTED.model);
    assert.equal(model.digest, EXPECTED.digest);
  } finally {
    await second.stop();
    await rm(other, { recursive: true });
  }
});
