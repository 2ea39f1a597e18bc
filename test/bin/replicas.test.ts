import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Run, type RunRequest, StylographClient } from '../../src/client/index.ts';
import { writeSmallMnist } from '../data/mnist-files.ts';
import { noS3, startS3 } from '../store/s3-server.ts';
import { startNetworkRedis, startWorkerMachine } from './replicas-support.ts';
import { startServiceIn } from './support.ts';

/** Two API servers and two workers, each with its own folder as on four machines, share one Redis and one S3 bucket. */

/** Long enough to lose a machine in the middle of a run. */
const CONFIG: NonNullable<RunRequest['config']> = {
  iterations: 400,
  // Checkpoints of the warm-up are not evaluated.
  warmupIterations: 399,
  checkpointEvery: 20,
  metricsEvery: 10,
  sampleEvery: 100,
  batchSize: 8,
  latentDim: 2,
  networks: { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] },
  figures: { frames: 2, grid: 2 },
};

const idsOf = (items: Run[]): string[] => items.map(({ id }) => id).sort();

async function until<T>(what: string, ask: () => Promise<T | false | undefined>): Promise<T> {
  const deadline = Date.now() + 1_500_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    assert.ok(Date.now() < deadline, `timed out waiting for ${what}`);
    await sleep(100);
  }
}

test('two API servers and two workers share runs, events, figures and models', {
  skip: noS3,
  timeout: 3_600_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-replicas-'));
  // These stop before Redis and the bucket.
  const machines: { stop(): Promise<unknown> }[] = [];
  t.after(() => Promise.all(machines.map((machine) => machine.stop())));
  const s3 = await startS3(t);
  const REDIS_URL = await startNetworkRedis(t, join(folder, 'redis'));
  const env = { ...s3.env, REDIS_URL, STORE_URL: s3.location('shared') };
  const startApi = async (name: string) => {
    await writeSmallMnist(join(folder, name));
    const service = await startServiceIn(join(folder, name), { ...env, ROLE: 'api' });
    machines.push(service);
    return { url: service.url, client: new StylographClient({ url: service.url }) };
  };
  const [one, two] = await Promise.all([startApi('api-1'), startApi('api-2')]);
  const workers = await Promise.all(
    ['worker-1', 'worker-2'].map(async (name) => {
      await writeSmallMnist(join(folder, name));
      return await startWorkerMachine(join(folder, name), env);
    }),
  );
  machines.push(...workers);
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  const finished = (id: string) =>
    until(`${id} to end`, async () => {
      const run = await two.client.runs.get(id);
      return ['succeeded', 'failed', 'cancelled'].includes(run.state) && run;
    });
  const statesOf = async (id: string): Promise<unknown[]> => {
    const states: unknown[] = [];
    for await (const { type, data } of one.client.runs.follow(id))
      if (type === 'state') states.push(data.state);
    return states;
  };
  const bytes = async (url: string): Promise<Buffer> => {
    const answer = await fetch(url);
    assert.equal(answer.status, 200, url);
    return Buffer.from(await answer.arrayBuffer());
  };
  const same = async (path: string): Promise<void> =>
    assert.deepEqual(await bytes(`${one.url}${path}`), await bytes(`${two.url}${path}`), path);

  // Runs posted to either server are trained by both workers at once and listed by both servers.
  const create = (api: typeof one, seed: number) =>
    api.client.runs.create({ seed, preset: 'quick', config: CONFIG });
  const first = await create(one, 1);
  await until('a checkpoint', async () => (await two.client.runs.checkpoints(first.id)).items.length > 0);
  const [busy, idle] = workers[0]!.isTraining() ? workers : [workers[1]!, workers[0]!];
  const second = await create(two, 2);
  await until('both workers to train', async () => busy!.isTraining() && idle!.isTraining());
  const listed = await Promise.all([one, two].map(({ client }) => client.runs.list()));
  for (const { items } of listed) assert.deepEqual(idsOf(items), [first.id, second.id]);

  // A machine is lost. A cancellation frees the other worker, which resumes the lost run from the bucket. The weights are
  // bit-identical to those of an undisturbed run.
  await busy!.kill();
  await one.client.runs.cancel(second.id);
  assert.equal((await finished(second.id)).state, 'cancelled');
  const run = await finished(first.id);
  assert.deepEqual([run.state, run.error], ['succeeded', undefined]);
  const again = await finished((await create(one, 1)).id);
  const [interrupted, whole] = await Promise.all(
    [run, again].map(({ modelId }) => two.client.models.get(modelId!)),
  );
  assert.equal(interrupted!.digest, whole!.digest);
  assert.deepEqual(await statesOf(first.id), ['queued', 'running', 'queued', 'running', 'succeeded']);

  // Both servers return the same events, figures and films.
  const events = await Promise.all(
    [one, two].map(async ({ client }) => {
      const all = [];
      for await (const event of client.runs.follow(run.id)) all.push(event);
      return all;
    }),
  );
  assert.deepEqual(events[0], events[1]);
  assert.equal(events[0]!.at(-1)?.type, 'end');
  const iterations = events[0]!.flatMap(({ type, data }) => (type === 'metrics' ? [data.iteration] : []));
  assert.deepEqual(
    iterations,
    Array.from({ length: CONFIG.iterations! / 10 }, (_, i) => 10 * (i + 1)),
  );
  const { items: figures } = await two.client.runs.figures(run.id);
  assert.ok(figures.length > 5);
  for (const { file } of figures.slice(0, 3)) await same(`/runs/${run.id}/figures/${file}`);
  await same(`/runs/${run.id}/films/3.gif`);

  // Both servers list the same models. The second one follows an alias that moves on the first, and no request fails.
  await same('/models');
  const [newest, older] = [again.modelId!, run.modelId!];
  await one.client.models.setAlias('mine', older);
  await until('the alias on the other server', async () =>
    two.client.models.get('mine').then(
      () => true,
      () => false,
    ),
  );
  await same(`/generate?label=3&seed=1&model=${older}`);
  await two.client.models.setAlias('mine', newest);
  const servedBy = async ({ url }: typeof one): Promise<string | null> => {
    const answer = await fetch(`${url}/generate?label=3&model=mine`);
    assert.equal(answer.status, 200);
    return answer.headers.get('x-model-id');
  };
  for (const api of [two, one]) await until('the swap', async () => (await servedBy(api)) === newest);
  await one.client.models.rollBack('mine');
  for (const api of [one, two]) await until('the rollback', async () => (await servedBy(api)) === older);

  // A run that one server deletes is deleted for the other, and in the bucket.
  await two.client.runs.delete(run.id);
  await assert.rejects(
    one.client.runs.get(run.id),
    (error: { code?: string }) => error.code === 'run_not_found',
  );
  const left = readdirSync(s3.bucketFolder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.parentPath.includes(`runs/${run.id}`),
  );
  assert.deepEqual(left, []);

  // While the store is down, loaded models still answer and other calls return 503 with Retry-After.
  await s3.stop();
  for (const api of [one, two]) {
    assert.equal(await servedBy(api), older);
    const models = await fetch(`${api.url}/models`);
    assert.deepEqual([models.status, models.headers.get('retry-after')], [503, '5']);
  }
  await s3.start();
  await same('/models');
});
