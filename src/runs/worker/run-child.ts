import type { ChildProcess } from 'node:child_process';
import type { Redis } from 'ioredis';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import { FromRunChild, type RunChildSettings, type ToRunChild } from '../../core/contracts/worker.ts';
import { isPassing } from '../../core/errors.ts';
import { startChild } from '../../platform/processes/start-child.ts';
import { connectRedis } from '../../platform/redis/connection.ts';
import { redisKeys } from '../../platform/redis/key-names.ts';
import type { OutcomeKind } from '../machine/states.ts';
import type { RunPatch } from '../redis/records.ts';
import { RunStore, type Stop } from '../redis/run-store.ts';

/** Characters of the child's error output that a crash report quotes. */
const QUOTED = 500;

type ChildOutcome = Exclude<FromRunChild, { type: 'ready' | 'facts' }> | { type: 'died'; detail: string };
type StopReason = Extract<ToRunChild, { type: 'stop' }>['reason'];

interface RunChildOptions {
  /** Path of the program. */
  module: string;
  runId: string;
  fence: number;
  settings: RunChildSettings;
  /** The `traceparent` that the run belongs to, where traces are wanted. */
  trace?: string | undefined;
  /** Called with what the process reports about itself. */
  onFacts?: (facts: EngineFacts) => void;
}

/** The process that trains one run. `outcome` settles once it has exited. */
class RunChild {
  readonly outcome: Promise<ChildOutcome>;
  readonly #process: ChildProcess;
  #answer: ChildOutcome | undefined;
  #stopping: StopReason | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #errorOutput = '';

  constructor({ module, runId, fence, settings, trace, onFacts }: RunChildOptions) {
    this.#process = startChild(module, {
      lowPriority: true,
      stdout: 'inherit',
      onErrorLine: (line) => {
        this.#errorOutput = `${this.#errorOutput}${line}\n`.slice(-QUOTED);
      },
    });
    this.#process.on('message', (raw) => {
      const message = FromRunChild.parse(raw);
      if (message.type === 'ready')
        this.#send({ type: 'start', runId, fence, settings, ...(trace && { trace }) });
      else if (message.type === 'facts') {
        const { type: _, ...facts } = message;
        onFacts?.(facts);
      } else this.#answer = message;
    });
    this.outcome = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve({ type: 'died', detail: error.message }));
      // 'close' comes after 'exit', once stderr has been read to its end.
      this.#process.once('close', (code, signal) => {
        clearTimeout(this.#killTimer);
        resolve(this.#answer ?? { type: 'died', detail: this.#describeEnd(code, signal) });
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const quoted = this.#errorOutput.trim();
    return `The run's process ${how} without a report${quoted === '' ? '' : `; last on its error output: ${quoted}`}`;
  }

  /** A message to a child that has exited is dropped: `outcome` reports its end. */
  #send(message: ToRunChild): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Asks it to stop, once per reason; after `limitMs` it is killed. */
  stop(reason: StopReason, limitMs?: number): void {
    if (this.#stopping === reason) return;
    this.#stopping = reason;
    this.#send({ type: 'stop', reason });
    if (limitMs !== undefined) {
      clearTimeout(this.#killTimer);
      this.#killTimer = setTimeout(() => this.kill(), limitMs);
    }
  }
}

/** How often the records of runs in training are read for requests whose message was lost. */
const POLL_MS = 2_000;
/** How long a child may take to write a checkpoint for a shutdown. A pause may take as long as an iteration. */
export const STOP_LIMIT_MS = 18_000;
/** A cancelled run has nothing to save: a child that does not stop by itself, since it loads for instance, is killed. */
const CANCEL_LIMIT_MS = 3_000;
const STOP_LIMITS: Record<StopReason, number | undefined> = {
  cancel: CANCEL_LIMIT_MS,
  requeue: STOP_LIMIT_MS,
  pause: undefined,
};
/** Crashes without a checkpoint in between after which a run fails. */
const MOST_CRASHES = 3;

export interface SupervisorOptions {
  settings: RunChildSettings;
  /** Path of the module that trains a run. */
  childModule: string;
  /** Whether a run that stops early returns to the queue; otherwise it is paused. */
  requeues: boolean;
  warn(message: string, error?: unknown): void;
  /** The `traceparent` of the present job, where traces are wanted. */
  currentTrace?: (() => string | undefined) | undefined;
}

/** Trains runs that its caller has taken, each in a process of its own, and records how they end. */
export class RunSupervisor {
  readonly runs: RunStore;
  readonly #options: SupervisorOptions;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #stopsChannel: string;
  readonly #children = new Map<string, RunChild>();
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    const { redis, keyPrefix } = options.settings;
    const keys = redisKeys(keyPrefix);
    this.#options = options;
    this.#redis = connectRedis(redis, 'patient');
    this.#subscriber = connectRedis(redis, 'patient');
    this.#stopsChannel = keys.stops;
    this.runs = new RunStore(this.#redis, keys);
  }

  /** Waits for requests to stop runs. */
  async start(): Promise<void> {
    this.#subscriber.on('message', (channel, message) => {
      if (channel !== this.#stopsChannel) return;
      const { runId, reason } = JSON.parse(message) as Stop;
      this.#stop(runId, reason);
    });
    await this.#subscriber.subscribe(this.#stopsChannel);
    this.#timer = setInterval(() => {
      this.#followRequests().catch((error: unknown) =>
        this.#options.warn('looking for requests to stop failed', error),
      );
    }, POLL_MS);
  }

  get redis(): Redis {
    return this.#redis;
  }

  /** Runs in training, with the process of each. */
  get active(): { runId: string; pid: number | undefined }[] {
    return [...this.#children].map(([runId, { pid }]) => ({ runId, pid }));
  }

  #stop(runId: string, reason: StopReason): void {
    this.#children.get(runId)?.stop(reason, STOP_LIMITS[reason]);
  }

  /** Kills the process of a run, which can go on from its last checkpoint. */
  kill(runId: string): void {
    this.#children.get(runId)?.kill();
  }

  /** A message about a request is lost on a process that does not listen at that moment; the record is not. */
  async #followRequests(): Promise<void> {
    for (const runId of this.#children.keys()) {
      const { state } = await this.runs.get(runId);
      if (state === 'pausing') this.#stop(runId, 'pause');
      if (state === 'cancelling') this.#stop(runId, 'cancel');
    }
  }

  /** Trains a run and records how that ended. @throws fence_lost, run_not_found, redis_unavailable */
  async train(runId: string, fence: number): Promise<void> {
    const { kind, patch } = await this.#conclude(runId, fence, await this.#outcomeOf(runId, fence));
    await this.runs.settle(runId, fence, kind, patch);
  }

  async #outcomeOf(runId: string, fence: number): Promise<ChildOutcome> {
    if (this.#stopping) return { type: 'stopped', reason: 'requeue' };
    const { childModule: module, settings, currentTrace } = this.#options;
    const child = new RunChild({
      module,
      runId,
      fence,
      settings,
      trace: currentTrace?.(),
      onFacts: (facts) => this.runs.noteEngine(runId, facts).catch(() => undefined),
    });
    this.#children.set(runId, child);
    try {
      // For requests between taking the run and listening. If this fails, the timer asks again.
      await this.#followRequests().catch(() => undefined);
      return await child.outcome;
    } finally {
      this.#children.delete(runId);
    }
  }

  async #conclude(
    runId: string,
    fence: number,
    outcome: ChildOutcome,
  ): Promise<{ kind: OutcomeKind; patch?: RunPatch }> {
    const { requeues, warn } = this.#options;
    switch (outcome.type) {
      case 'succeeded':
        return { kind: 'succeeded', patch: { modelId: outcome.modelId } };
      case 'stopped':
        return { kind: requeues ? 'stopped' : 'blocked' };
      case 'failed': {
        const { error } = outcome;
        warn(`${runId} ended with ${error.code}: ${error.message}`);
        return { kind: isPassing(error.code) ? 'blocked' : 'failed', patch: { error } };
      }
      case 'died': {
        const { detail } = outcome;
        const because = (advice: string) => ({
          error: { code: 'child_died', message: `${detail}. ${advice}` },
        });
        warn(`${runId}: ${detail}`);
        if (!requeues) return { kind: 'blocked', patch: because('Resume it from its last checkpoint.') };
        const crashes = this.#stopping ? 0 : await this.runs.countCrash(runId, fence);
        if (crashes < MOST_CRASHES) return { kind: 'died' };
        const advice = `It was the ${MOST_CRASHES}rd time without a checkpoint in between; give the machine more memory or the run a smaller batchSize.`;
        return { kind: 'diedTooOften', patch: because(advice) };
      }
    }
  }

  /** Has every run in training write a checkpoint and end; no other is started. */
  stopAll(): void {
    this.#stopping = true;
    clearInterval(this.#timer);
    for (const runId of this.#children.keys()) this.#stop(runId, 'requeue');
  }

  disconnect(): void {
    clearInterval(this.#timer);
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }
}
