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

/** A crash report quotes this many characters from the end of the child's error output. */
const QUOTED_CHARACTERS = 500;

type ChildOutcome = Exclude<FromRunChild, { type: 'ready' | 'facts' }> | { type: 'died'; detail: string };
type StopReason = Extract<ToRunChild, { type: 'stop' }>['reason'];

interface RunChildOptions {
  /** Path of the module that trains a run. */
  module: string;
  runId: string;
  fence: number;
  settings: RunChildSettings;
  /** The `traceparent` of the run, if traces are enabled. */
  trace?: string | undefined;
  /** Called with each of the process's reports about itself. */
  onFacts?: (facts: EngineFacts) => void;
}

/** The process that trains one run. `outcome` resolves after it exits. */
class RunChild {
  readonly outcome: Promise<ChildOutcome>;
  readonly #process: ChildProcess;
  #reported: ChildOutcome | undefined;
  #stopping: StopReason | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #errorOutput = '';

  constructor({ module, runId, fence, settings, trace, onFacts }: RunChildOptions) {
    this.#process = startChild(module, {
      lowPriority: true,
      stdout: 'inherit',
      onErrorLine: (line) => {
        this.#errorOutput = `${this.#errorOutput}${line}\n`.slice(-QUOTED_CHARACTERS);
      },
    });
    this.#process.on('message', (raw) => {
      const message = FromRunChild.parse(raw);
      if (message.type === 'ready')
        this.#send({ type: 'start', runId, fence, settings, ...(trace && { trace }) });
      else if (message.type === 'facts') {
        const { type: _, ...facts } = message;
        onFacts?.(facts);
      } else this.#reported = message;
    });
    this.outcome = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve({ type: 'died', detail: error.message }));
      // 'close' follows 'exit' and the end of stderr, so the crash report is complete.
      this.#process.once('close', (code, signal) => {
        clearTimeout(this.#killTimer);
        resolve(this.#reported ?? { type: 'died', detail: this.#describeEnd(code, signal) });
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  #describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
    const quoted = this.#errorOutput.trim();
    return `The run's process ${how} without reporting an outcome${quoted === '' ? '' : `. The end of its error output: ${quoted}`}`;
  }

  /** Messages to a child that has exited are dropped, since `outcome` reports the exit. */
  #send(message: ToRunChild): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Requests a stop, once per reason, and kills the process after `limitMs`. */
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

/** How often the supervisor reads the records of its runs, to find requests whose message was lost. */
const POLL_MS = 2_000;
/** Limit for writing a checkpoint on shutdown. A pause has no limit, since an iteration may take long. */
export const STOP_LIMIT_MS = 18_000;
/** A cancelled run saves nothing, so a child that does not stop in time, for example while loading, is killed. */
const CANCEL_LIMIT_MS = 3_000;
const STOP_LIMITS: Record<StopReason, number | undefined> = {
  cancel: CANCEL_LIMIT_MS,
  requeue: STOP_LIMIT_MS,
  pause: undefined,
};
/** A run fails after this many crashes without a checkpoint or evaluation in between. */
const MAX_CRASHES = 3;

export interface SupervisorOptions {
  settings: RunChildSettings;
  /** Path of the module that trains a run. */
  childModule: string;
  /** Whether a run that stops early is requeued. Otherwise it is paused. */
  requeues: boolean;
  warn(message: string, error?: unknown): void;
  /** The `traceparent` of the current job, if traces are enabled. */
  currentTrace?: (() => string | undefined) | undefined;
}

/** Trains runs that the caller has taken, each in a separate process, and records their outcomes. */
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

  /** Starts listening for requests to stop runs. */
  async start(): Promise<void> {
    this.#subscriber.on('message', (channel, message) => {
      if (channel !== this.#stopsChannel) return;
      const { runId, reason } = JSON.parse(message) as Stop;
      this.#stop(runId, reason);
    });
    await this.#subscriber.subscribe(this.#stopsChannel);
    this.#timer = setInterval(() => {
      this.#applyRequests().catch((error: unknown) =>
        this.#options.warn('could not check for requests to stop runs', error),
      );
    }, POLL_MS);
  }

  get redis(): Redis {
    return this.#redis;
  }

  /** Runs in training and their process ids. */
  get active(): { runId: string; pid: number | undefined }[] {
    return [...this.#children].map(([runId, { pid }]) => ({ runId, pid }));
  }

  #stop(runId: string, reason: StopReason): void {
    this.#children.get(runId)?.stop(reason, STOP_LIMITS[reason]);
  }

  /** Kills the process of a run, which can resume from its last checkpoint. */
  kill(runId: string): void {
    this.#children.get(runId)?.kill();
  }

  /** Stops runs whose record has a pending request. A published request is lost if nobody is subscribed. */
  async #applyRequests(): Promise<void> {
    for (const runId of this.#children.keys()) {
      const { state } = await this.runs.get(runId);
      if (state === 'pausing') this.#stop(runId, 'pause');
      if (state === 'cancelling') this.#stop(runId, 'cancel');
    }
  }

  /** Trains a run and records the outcome. @throws fence_lost, run_not_found, redis_unavailable */
  async train(runId: string, fence: number): Promise<void> {
    const { kind, patch } = await this.#interpret(runId, fence, await this.#outcomeOf(runId, fence));
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
      // A request may have come before the child was listed. If this check fails, the timer repeats it.
      await this.#applyRequests().catch(() => undefined);
      return await child.outcome;
    } finally {
      this.#children.delete(runId);
    }
  }

  async #interpret(
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
        const withAdvice = (advice: string) => ({
          error: { code: 'child_died', message: `${detail}. ${advice}` },
        });
        warn(`${runId}: ${detail}`);
        if (!requeues) return { kind: 'blocked', patch: withAdvice('Resume it from its last checkpoint.') };
        const crashes = this.#stopping ? 0 : await this.runs.countCrash(runId, fence);
        if (crashes < MAX_CRASHES) return { kind: 'died' };
        const advice = `It crashed ${MAX_CRASHES} times without a checkpoint in between. Add memory or reduce batchSize.`;
        return { kind: 'diedTooOften', patch: withAdvice(advice) };
      }
    }
  }

  /** Makes every run in training write a checkpoint and stop. No further run is started. */
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
