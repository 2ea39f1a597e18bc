import { ToWorker } from '../../core/contracts/worker.ts';
import { startTracing, type Tracing } from '../../platform/telemetry/index.ts';
import { ownVersion } from '../../platform/version.ts';
import { type RunWorker, startWorker } from './worker.ts';

type Start = Extract<ToWorker, { type: 'start' }>;

interface RunningWorker {
  worker: RunWorker;
  tracing: Tracing | undefined;
}

/**
 * Runs a worker in this process. The parent sends messages over IPC to start and stop it. The worker ignores signals to
 * the process group and exits with its parent.
 *
 * @param childModule path of the module that trains a run
 */
export function serveWorker(childModule: string): void {
  let running: Promise<RunningWorker> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  process.on('disconnect', () => process.exit(1));
  process.on('message', async (raw) => {
    const message = ToWorker.parse(raw);
    if (message.type === 'start') {
      running = start(message, childModule);
      await running;
    } else {
      const { worker, tracing } = (await running) ?? {};
      await worker?.close();
      await tracing?.close();
      process.exit(0);
    }
  });
}

async function start(
  { redis, dataDir, storeRoot, traces }: Start,
  childModule: string,
): Promise<RunningWorker> {
  const log = (level: string, text: string): void =>
    void process.stderr.write(`stylograph worker: ${level}: ${text}\n`);
  const tracing = traces ? await startTracing('stylograph-worker', ownVersion()) : undefined;
  const worker = await startWorker({ redis, dataDir, storeRoot, childModule, log, tracing });
  return { worker, tracing };
}
