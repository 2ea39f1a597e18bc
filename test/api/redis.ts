import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RedisTarget } from '../../src/queue/connection.ts';

export async function startTestRedis(
  folder: string,
): Promise<{ target: RedisTarget; stop(): Promise<void> }> {
  const path = join(folder, 'redis.sock');
  const child = spawn(
    process.env.TEST_REDIS!,
    ['--port', '0', '--unixsocket', path, '--maxmemory-policy', 'noeviction', '--save', '', '--dir', folder],
    { stdio: 'ignore' },
  );
  await new Promise((r) => setTimeout(r, 300));
  return {
    target: { path },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
