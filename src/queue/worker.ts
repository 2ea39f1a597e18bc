import { type Job, Worker } from 'bullmq';
import type { RunError } from '../contracts/run.ts';
import type { RedisTarget } from '../contracts/worker.ts';
import { errorCodeOf } from '../errors.ts';
import { connectRedis } from './connection.ts';
import { DEFAULT_PREFIX, redisKeys } from './keys.ts';
import { RunChild, type RunOutcome } from './run-child.ts';
import { type JobData, RunStore, type Stop } from './runs.ts';

/** A worker that is gone is noticed after about this long, and its run taken by another. */
const LOCK_MS = 15_000;
const STALLED_CHECK_MS = 5_000;
/** BullMQ would fail a job after some lost workers; a run is never lost that way. */
const NO_LIMIT = 1_000_000;
/** Crashes in a row without a checkpoint in between that make a run fail. */
const MOST_CRASHES = 3;
const RECONCILE_MS = 30_000;

export interface WorkerOptions {
  redis: RedisTarget;
  /** Root of the folder store, and of the datasets. */
  dataDir: string;
  /** Module of the run child. */
  childModule: string;
  /** What every name in Redis starts with. */
  keyPrefix?: string;
  log(level: 'info' | 'warn', message: string): void;
}

export interface RunWorker {
  /** Process id of the run child at work, if any. */
  readonly childPid: number | undefined;
  /** Has the run checkpointed and requeued, then ends. */
  close(): Promise<void>;
}

/**
 * Takes runs from the queue, one at a time, and sees each through in a child process: holds its lock, passes on what
 * users ask, and writes down how it ended. No kernel runs here, so the lock is always renewed in time.
 */
export async function startWorker(options: WorkerOptions): Promise<RunWorker> {
  const keyPrefix = options.keyPrefix ?? DEFAULT_PREFIX;
  const keys = redisKeys(keyPrefix);
  const redis = connectRedis(options.redis, 'patient');
  const blocking = connectRedis(options.redis, 'patient');
  const subscriber = connectRedis(options.redis, 'patient');
  const runs = new RunStore(redis, keys);
  let current: { runId: string; child: RunChild } | undefined;
  let closing = false;

  const process = async ({ data }: Job<JobData>): Promise<void> => {
    const fence = await runs.take(data);
    if (fence === undefined) return;
    const { runId } = data;
    const settings = {
      redis: options.redis,
      keyPrefix,
      storeRoot: options.dataDir,
      dataDir: options.dataDir,
    };
    const child = new RunChild(options.childModule, { runId, fence, settings });
    current = { runId, child };
    options.log('info', `${runId} is being trained by process ${child.pid}`);
    if (closing) child.stop('requeue');
    await passOnRequests();
    const outcome = await child.outcome;
    current = undefined;
    try {
      await conclude(runs, runId, fence, outcome, options.log);
    } catch (error) {
      // The run belongs to another worker, or is gone: there is nothing left to write down.
      if (!['fence_lost', 'run_not_found'].includes(errorCodeOf(error) ?? '')) throw error;
      options.log('warn', (error as Error).message);
    }
  };

  /** What was asked while nobody listened stands in the record. */
  const passOnRequests = async (): Promise<void> => {
    if (!current) return;
    const { runId, child } = current;
    const { state } = await runs.get(runId);
    if (state === 'cancelling') child.stop('cancel');
    if (state === 'pausing') child.stop('pause');
  };

  subscriber.on('message', (_channel, message: string) => {
    const { runId, reason } = JSON.parse(message) as Stop;
    if (current?.runId === runId) current.child.stop(reason);
  });
  subscriber.on('ready', () => void passOnRequests().catch(() => undefined));
  await subscriber.subscribe(keys.stops);

  const worker = new Worker<JobData>(keys.bullQueue, process, {
    connection: blocking,
    prefix: keys.bullPrefix,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: NO_LIMIT,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  });
  worker.on('error', (error) => options.log('warn', `The queue: ${error.message}`));
  const reconcile = (): void => void runs.reconcile().catch(() => undefined);
  reconcile();
  const reconciling = setInterval(reconcile, RECONCILE_MS);

  return {
    get childPid() {
      return current?.child.pid;
    },
    async close() {
      closing = true;
      clearInterval(reconciling);
      current?.child.stop('requeue');
      await worker.close();
      await runs.close();
      for (const connection of [redis, blocking, subscriber]) connection.disconnect();
    },
  };
}

/** Writes down how a run's child ended. @throws fence_lost, run_not_found */
async function conclude(
  runs: RunStore,
  runId: string,
  fence: number,
  outcome: RunOutcome,
  log: WorkerOptions['log'],
): Promise<void> {
  const fail = async (error: RunError): Promise<void> => {
    const { state } = await runs.get(runId);
    if (state === 'cancelling') await runs.transition(runId, ['cancelling'], 'cancelled', { fence });
    else await runs.transition(runId, ['running', 'pausing'], 'failed', { fence, patch: { error } });
  };
  switch (outcome.type) {
    case 'succeeded':
      await runs.transition(runId, ['running'], 'succeeded', { fence, patch: { modelId: outcome.modelId } });
      return;
    case 'failed':
      if (outcome.error.code === 'fence_lost') return;
      log('warn', `${runId}: ${outcome.error.message}`);
      if (outcome.error.code !== 'disk_full') return fail(outcome.error);
      await runs.transition(runId, ['running', 'pausing'], 'paused', {
        fence,
        patch: { error: outcome.error },
      });
      return;
    case 'stopped':
    case 'crashed': {
      const { state } = await runs.get(runId);
      if (state === 'cancelling') return void (await runs.transition(runId, [state], 'cancelled', { fence }));
      if (state === 'pausing') return void (await runs.transition(runId, [state], 'paused', { fence }));
      if (outcome.type === 'stopped') return runs.requeue(runId, fence);
      const crashes = await runs.countCrash(runId, fence);
      log(
        'warn',
        `The process that trained ${runId} died (${outcome.detail}), ${crashes} since its last checkpoint`,
      );
      if (crashes < MOST_CRASHES) return runs.requeue(runId, fence);
      return fail({
        code: 'child_died',
        message: `The training process died ${crashes} times without getting to a checkpoint (${outcome.detail}). Look for a lack of memory, then start the run again.`,
      });
    }
  }
}
