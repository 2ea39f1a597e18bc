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

test('it keeps what it was told over its death, after which it is started again', async () => {
  const dataDir = join(folder, 'a');
  mkdirSync(dataDir);
  const troubles: string[] = [];
  const redisServer = await startPrivateRedis({
    dataDir,
    server,
    onTrouble: (message) => troubles.push(message),
  });
  assert.equal(redisServer.reused, false);
  const redis = connectRedis(redisServer.target, 'patient');
  await redis.set('kept', 'yes');
  assert.equal(((await redis.config('GET', 'maxmemory-policy')) as string[])[1], 'noeviction');
  assert.equal(((await redis.config('GET', 'appendfsync')) as string[])[1], 'always');

  const { pid } = redisServer;
  process.kill(pid, 'SIGKILL');
  assert.equal(await redis.get('kept'), 'yes');
  await until('another process', async () => redisServer.pid !== pid);
  assert.match(troubles.join(), /it is restarted with its stored data/);
  redis.disconnect();
  await redisServer.close();
  // An ended child has its number until this process has been told of its end.
  await until('its end', async () => {
    try {
      return !process.kill(redisServer.pid, 0);
    } catch {
      return true;
    }
  });
});

test('one that a killed parent left behind is used again', async () => {
  const dataDir = join(folder, 'b');
  mkdirSync(dataDir);
  const module = new URL('../../src/platform/redis/private-redis.ts', import.meta.url).href;
  const script = `
    const { startPrivateRedis } = await import(${JSON.stringify(module)});
    const { pid } = await startPrivateRedis(${JSON.stringify({ dataDir, server })});
    process.stdout.write(String(pid), () => process.kill(process.pid, 'SIGKILL'));`;
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  const found = await startPrivateRedis({ dataDir, server });
  assert.deepEqual([found.reused, String(found.pid)], [true, String(stdout)]);
  await found.close();
});

test('a path too long for a socket is no hindrance', async () => {
  const dataDir = join(folder, 'x'.repeat(120));
  mkdirSync(dataDir);
  const redis = await startPrivateRedis({ dataDir, server });
  assert.ok('path' in redis.target && redis.target.path.length < 108);
  await redis.close();
  assert.ok(!existsSync(dirname(redis.target.path)));
});

test('a server that does not start says why', async () => {
  await assert.rejects(
    startPrivateRedis({ dataDir: join(folder, 'c'), server: join(folder, 'no-such-server') }),
    {
      code: 'redis_unavailable',
      message: /did not start[\s\S]*REDIS_URL/,
    },
  );
});

test('one that did not start is closed without a signal to anybody', async () => {
  const dataDir = join(folder, 'd');
  const { redis, started } = launchPrivateRedis({ dataDir, server: join(folder, 'no-such-server') });
  await assert.rejects(started, { code: 'redis_unavailable' });
  assert.equal(redis.pid, 0);
  // A signal to process 0 would end this one.
  await redis.close();
});

test('one that is closed while it starts leaves no process behind', async () => {
  const dataDir = join(folder, 'e');
  const told = join(folder, 'e.pid');
  const { redis, started } = launchPrivateRedis({ dataDir, server: neverServing(told) });
  const refused = assert.rejects(started, { code: 'shutting_down' });
  const pid = await until('its process', async () => existsSync(told) && Number(readFileSync(told, 'utf8')));
  await redis.close();
  await refused;
  assert.ok(!isAlive(pid, 'ours'));
});

/** A server that writes down its process id and then neither serves nor ends. */
function neverServing(told: string): string {
  const program = `${told}.sh`;
  writeFileSync(
    program,
    `#!/bin/sh\necho $$ > ${told}.new && mv ${told}.new ${told}\nexec tail -f /dev/null\n`,
    { mode: 0o700 },
  );
  return program;
}
