import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../../../src/platform/processes/proc.ts';
import { startPrivateRedis } from '../../../src/platform/redis/private-redis.ts';
import { ping, socketPath } from '../../../src/platform/redis/redis-process.ts';
import { FolderRuns, type FolderRunsOptions } from '../../../src/runs/folder/folder-runs.ts';
import { openFolderStore } from '../../../src/store/index.ts';
import { newRun, statesIn, until, withCode, workplace } from '../support.ts';

const childModule = fileURLToPath(new URL('../fake-child.ts', import.meta.url));
const program = fileURLToPath(new URL('../command-process.ts', import.meta.url));
const server = process.env.REDIS_SERVER!;

async function dataFolder(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'stylograph-folder-'));
  t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  const open = async (onLost: FolderRunsOptions['onLost'] = () => undefined): Promise<FolderRuns> =>
    FolderRuns.open({
      dataDir,
      store: await openFolderStore(dataDir),
      redisServer: server,
      childModule,
      onLost,
    });
  /** Another process that opens the folder and trains a run; it says "trains ID". */
  const command = async (...args: string[]) => {
    const child = fork(program, [dataDir, server, childModule, ...args], { stdio: 'inherit' });
    t.after(() => child.kill('SIGKILL'));
    const [id] = (await once(child, 'message')) as [string];
    return { child, id };
  };
  const redisRuns = async () => (await ping(socketPath(join(dataDir, 'redis')))) !== undefined;
  return { dataDir, open, command, redisRuns };
}

test('a command trains exactly the run that was asked for, pauses it on request, and ends its Redis', async (t) => {
  const { open, redisRuns } = await dataFolder(t);
  const folder = await open();
  const first = (await folder.runs.create(newRun())).run;
  const config = { iterations: 10_000, checkpointEvery: 10_000 };
  const { id } = (await folder.runs.create(newRun(config))).run;
  const training = await folder.train(id);
  await assert.rejects(folder.train(id), withCode('invalid_state'));
  await until('an iteration', async () => (await folder.runs.get(id)).progress.iteration > 0);
  await folder.runs.request(id, 'pause');
  await training.done;
  const { state, error } = await folder.runs.get(id);
  assert.deepEqual([state, error], ['paused', undefined]);
  assert.equal((await folder.runs.get(first.id)).state, 'queued');
  await folder.close();
  assert.equal(await redisRuns(), false);

  const again = await open();
  assert.equal((await again.runs.get(id)).state, 'paused');
  assert.deepEqual(statesIn(await again.events.read(id, { limit: 9_999 })), [
    'queued',
    'running',
    'pausing',
    'paused',
  ]);
  await again.close();
});

test('the second command on a folder uses the Redis of the first, which stays until the last has ended', {
  timeout: 120_000,
}, async (t) => {
  const { dataDir, open, command, redisRuns } = await dataFolder(t);
  const { child, id } = await command();
  const folder = await open();
  assert.equal((await folder.runs.get(id)).state, 'running');
  assert.equal(folder.serverPid, undefined);
  await assert.rejects(
    startPrivateRedis({ dataDir, server }),
    /A command \(process \d+\) uses this data folder/,
  );

  await folder.runs.request(id, 'cancel');
  await once(child, 'exit');
  assert.equal((await folder.runs.get(id)).state, 'cancelled');
  assert.ok(await redisRuns());
  const owner = join(dataDir, 'redis', 'owner');
  await until(
    'the next owner',
    async () => existsSync(owner) && readFileSync(owner, 'utf8').startsWith(`${process.pid} `),
  );
  await folder.close();
  assert.equal(await redisRuns(), false);
});

test('a run whose command was killed is found paused, by a command that was there and by one that comes', {
  timeout: 120_000,
}, async (t) => {
  const { open, command } = await dataFolder(t);
  const watcher = await command();
  const folder = await open();
  watcher.child.kill('SIGKILL');
  const found = await until('the pause', async () => {
    const run = await folder.runs.get(watcher.id);
    return run.state === 'paused' && run;
  });
  assert.equal(found.error?.code, 'child_died');
  await folder.close();

  const killed = await command();
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  const next = await open();
  assert.equal((await next.runs.get(killed.id)).state, 'paused');
  assert.equal((await next.runs.request(killed.id, 'resume')).error, undefined);
  await next.close();
});

test('a command on the folder of a server uses its Redis, and learns that it ended', async (t) => {
  const { dataDir, open } = await dataFolder(t);
  const module = new URL('../../../src/platform/redis/private-redis.ts', import.meta.url).href;
  const script = `
    const { startPrivateRedis } = await import(${JSON.stringify(module)});
    const redis = await startPrivateRedis(${JSON.stringify({ dataDir, server })});
    process.on('message', async () => { await redis.close(); process.exit(0); });
    process.send('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'message');
  let lost: Error | undefined;
  const folder = await open((error) => {
    lost = error;
  });
  assert.equal(folder.serverPid, child.pid);
  child.send('end');
  await once(child, 'exit');
  await until('the message', async () => lost !== undefined);
  assert.match(lost!.message, /server of this data folder \(process \d+\) and its Redis have ended/);
  assert.ok(!isAlive(child.pid!, 'ours'));
  await folder.close();
});

test('a run of a living command stays its own, and a run of a dead one is paused once', async (t) => {
  const place = await workplace(t);
  const { id } = (await place.runs.create(newRun())).run;
  const fence = await place.runs.takeForCommand(id, '1 2');
  await place.runs.pauseAbandoned(() => true);
  assert.equal((await place.runs.get(id)).state, 'running');
  await assert.rejects(place.runs.takeForCommand(id, '3 4'), withCode('invalid_state'));
  assert.equal(await place.runs.queue.getWaitingCount(), 0);
  await place.runs.pauseAbandoned(() => false);
  await place.runs.pauseAbandoned(() => false);
  assert.equal((await place.runs.get(id)).state, 'paused');
  await assert.rejects(place.runs.checkFence(id, fence), withCode('fence_lost'));
  assert.deepEqual(statesIn(await place.events.read(id, { limit: 99 })), ['queued', 'running', 'paused']);
});
