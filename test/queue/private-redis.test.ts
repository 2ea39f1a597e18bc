import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectRedis } from '../../src/queue/connection.ts';
import { startPrivateRedis } from '../../src/queue/private-redis.ts';

const server = process.env.REDIS_SERVER ?? '';
let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'stylograph-redis-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('it keeps what it was told over a restart, and is used again when it was left behind', async () => {
  const dataDir = join(folder, 'a');
  mkdirSync(dataDir);
  const first = await startPrivateRedis({ dataDir, server });
  assert.equal(first.reused, false);
  const redis = connectRedis(first.target, 'patient');
  await redis.set('kept', 'yes');
  assert.equal(((await redis.config('GET', 'maxmemory-policy')) as string[])[1], 'noeviction');
  assert.equal(((await redis.config('GET', 'appendfsync')) as string[])[1], 'always');

  const again = await startPrivateRedis({ dataDir, server });
  assert.deepEqual([again.reused, again.pid], [true, first.pid]);
  process.kill(first.pid, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 200));

  const second = await startPrivateRedis({ dataDir, server });
  assert.equal(second.reused, false);
  assert.equal(await redis.get('kept'), 'yes');
  redis.disconnect();
  await second.close();
  assert.throws(() => process.kill(second.pid, 0));
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
    startPrivateRedis({ dataDir: join(folder, 'b'), server: join(folder, 'no-such-server') }),
    {
      code: 'redis_unavailable',
      message: /did not start[\s\S]*REDIS_URL/,
    },
  );
});
