import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { isAlive } from '../../src/platform/processes/proc.ts';
import { connectRedis } from '../../src/platform/redis/connection.ts';
import { launchPrivateRedis, startPrivateRedis } from '../../src/platform/redis/private-redis.ts';
import { until } from '../runs/support.ts';

const server = process.env.REDIS_SERVER ?? '';
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylograph-redis-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a private Redis that is killed is restarted with its data', async () => {
  const dataDir = join(folder, 'a');
  mkdirSync(dataDir);
  const problems: string[] = [];
  const privateRedis = await startPrivateRedis({
    dataDir,
    server,
    onProblem: (message) => problems.push(message),
  });
  assert.equal(privateRedis.reused, false);
  const redis = connectRedis(privateRedis.target, 'patient');
  await redis.set('kept', 'yes');
  assert.equal(((await redis.config('GET', 'maxmemory-policy')) as string[])[1], 'noeviction');
  assert.equal(((await redis.config('GET', 'appendfsync')) as string[])[1], 'always');

  const { pid } = privateRedis;
  process.kill(pid, 'SIGKILL');
  assert.equal(await redis.get('kept'), 'yes');
  await until('the restart', async () => privateRedis.pid !== pid);
  assert.match(problems.join(), /is being restarted with its stored data/);
  redis.disconnect();
  await privateRedis.close();
  // The process id of a child stays in use until this process has handled its exit.
  await until('its exit', async () => {
    try {
      return !process.kill(privateRedis.pid, 0);
    } catch {
      return true;
    }
  });
});

test('a Redis left behind by a killed parent is reused', async () => {
  const dataDir = join(folder, 'b');
  mkdirSync(dataDir);
  const module = new URL('../../src/platform/redis/private-redis.ts', import.meta.url).href;
  const script = `
    const { startPrivateRedis } = await import(${JSON.stringify(module)});
    const { pid } = await startPrivateRedis(${JSON.stringify({ dataDir, server })});
    process.stdout.write(String(pid), () => process.kill(process.pid, 'SIGKILL'));`;
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  const redis = await startPrivateRedis({ dataDir, server });
  assert.deepEqual([redis.reused, String(redis.pid)], [true, String(stdout)]);
  await redis.close();
});

test('a data folder whose path is too long for a socket gets a socket elsewhere', async () => {
  const dataDir = join(folder, 'x'.repeat(120));
  mkdirSync(dataDir);
  const redis = await startPrivateRedis({ dataDir, server });
  assert.ok('path' in redis.target && redis.target.path.length < 108);
  await redis.close();
  assert.ok(!existsSync(dirname(redis.target.path)));
});

test('a Redis that does not start is reported with a remedy', async () => {
  await assert.rejects(
    startPrivateRedis({ dataDir: join(folder, 'c'), server: join(folder, 'no-such-server') }),
    {
      code: 'redis_unavailable',
      message: /did not start[\s\S]*REDIS_URL/,
    },
  );
});

test('closing a Redis that did not start sends no signal', async () => {
  const dataDir = join(folder, 'd');
  const { redis, started } = launchPrivateRedis({ dataDir, server: join(folder, 'no-such-server') });
  await assert.rejects(started, { code: 'redis_unavailable' });
  assert.equal(redis.pid, 0);
  // A signal to process 0 would kill this test.
  await redis.close();
});

test('a Redis that is closed while it starts leaves no process behind', async () => {
  const dataDir = join(folder, 'e');
  const pidFile = join(folder, 'e.pid');
  const { redis, started } = launchPrivateRedis({ dataDir, server: hangingServer(pidFile) });
  const refused = assert.rejects(started, { code: 'shutting_down' });
  const pid = await until(
    'its process',
    async () => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')),
  );
  await redis.close();
  await refused;
  assert.ok(!isAlive(pid, 'ours'));
});

/** A program that writes its process id to a file, then neither serves nor exits. */
function hangingServer(pidFile: string): string {
  const program = `${pidFile}.sh`;
  writeFileSync(
    program,
    `#!/bin/sh\necho $$ > ${pidFile}.new && mv ${pidFile}.new ${pidFile}\nexec tail -f /dev/null\n`,
    { mode: 0o700 },
  );
  return program;
}
