import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { type FromRunChild, ToRunChild } from '../contracts/worker.ts';
import { errorCodeOf } from '../errors.ts';
import { connectRedis } from '../queue/connection.ts';
import { RunEvents } from '../queue/events.ts';
import { redisKeys } from '../queue/keys.ts';
import { RunStore } from '../queue/runs.ts';
import { ModelRegistry, openFolderStore } from '../store/index.ts';

/**
 * The run child: a process that trains one run and ends. Its parent is the worker, which tells it when to stop; it
 * ignores signals meant for the process group, and ends when its parent disappears.
 */
const LOW_PRIORITY = 10;
const stop = new AbortController();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(1));
process.on('message', (message) => {
  const parsed = ToRunChild.parse(message);
  if (parsed.type === 'stop') stop.abort(parsed.reason);
  else void run(parsed).then(answer);
});
setPriority(LOW_PRIORITY);

function answer(outcome: FromRunChild): void {
  // The answer must be out before the process ends.
  process.send?.(outcome, () => process.exit(0));
}

async function run({
  runId,
  fence,
  settings,
}: Extract<ToRunChild, { type: 'start' }>): Promise<FromRunChild> {
  try {
    // Loads TensorFlow, whose failure to load is an outcome too.
    const { runTraining } = await import('./run.ts');
    const redis = connectRedis(settings.redis, 'patient');
    const keys = redisKeys(settings.keyPrefix);
    const store = await openFolderStore(settings.storeRoot);
    const deps = {
      runs: new RunStore(redis, keys),
      events: new RunEvents(redis, keys),
      redis,
      keys,
      store,
      models: new ModelRegistry(store),
      dataDir: settings.dataDir,
      software: { node: process.version, stylograph: version() },
    };
    return await runTraining(runId, fence, deps, stop.signal);
  } catch (error) {
    const code = errorCodeOf(error) ?? 'internal';
    if (code === 'internal') process.stderr.write(`${(error as Error).stack}\n`);
    return { type: 'failed', error: { code, message: (error as Error).message } };
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
