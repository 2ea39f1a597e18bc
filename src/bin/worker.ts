import { fileURLToPath } from 'node:url';
import { ToWorker } from '../core/contracts/worker.ts';
import { startTracing, type Tracing } from '../platform/telemetry/index.ts';
import { ownVersion } from '../platform/version.ts';
import { type RunWorker, startWorker } from '../runs/worker/worker.ts';

/** The worker process. Its parent tells it what to do over IPC; signals to the process group are not for it. */
const isSource = import.meta.url.endsWith('.ts');
const childModule = fileURLToPath(
  new URL(isSource ? '../runs/child/child.ts' : '../runs/child/child.js', import.meta.url),
);
let worker: Promise<RunWorker> | undefined;
let tracing: Tracing | undefined;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(1));
process.on('message', async (message) => {
  const parsed = ToWorker.parse(message);
  if (parsed.type === 'start') {
    const log = (level: string, text: string): void =>
      void process.stderr.write(`stylograph worker: ${level}: ${text}\n`);
    const { redis, dataDir, storeRoot, traces } = parsed;
    tracing = traces ? await startTracing('stylograph-worker', ownVersion()) : undefined;
    worker = startWorker({ redis, dataDir, storeRoot, childModule, log, tracing });
    await worker;
  } else {
    await (await worker)?.close();
    await tracing?.close();
    process.exit(0);
  }
});
