import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisTarget, ToWorker } from '../../core/contracts/worker.ts';
import { startChild } from '../../platform/processes/start-child.ts';
import { type Settings, wantsTraces } from '../../platform/settings/settings.ts';
import { CHILD_MODULES } from '../child-modules.ts';

const RESTART_MS = { first: 500, most: 30_000 };
/** A worker that lived this long starts its pauses over. */
const HEALTHY_MS = 60_000;
/** It checkpoints its run and requeues it in this time, or is killed; its run is then picked up from the last checkpoint. */
const STOP_MS = 22_000;

/** The worker in a process of its own; started again when it dies. */
export class WorkerProcess {
  readonly #start: ToWorker & { type: 'start' };
  readonly #warn: (message: string) => void;
  #child: ChildProcess | undefined;
  #stopping = false;
  #pause = RESTART_MS.first;

  constructor(settings: Settings, redis: RedisTarget, warn: (message: string) => void) {
    const { DATA_DIR: dataDir, STORE_URL: storeRoot = dataDir } = settings;
    this.#start = { type: 'start', redis, dataDir, storeRoot, traces: wantsTraces(settings) };
    this.#warn = warn;
    this.#spawn();
  }

  #spawn(): void {
    const child = startChild(CHILD_MODULES.worker, { stdout: 'inherit', stderr: 'inherit' });
    const startedAt = Date.now();
    this.#child = child;
    child.send(this.#start);
    child.on('error', (error) => this.#warn(`The worker process: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (this.#stopping) return;
      if (Date.now() - startedAt > HEALTHY_MS) this.#pause = RESTART_MS.first;
      this.#warn(
        `The worker process ended with ${signal ?? `code ${code}`}; it is started again in ${this.#pause} ms`,
      );
      setTimeout(() => {
        if (!this.#stopping) this.#spawn();
      }, this.#pause);
      this.#pause = Math.min(this.#pause * 2, RESTART_MS.most);
    });
  }

  /** Lets the worker checkpoint and requeue its run, and ends it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    if (child.connected) child.send({ type: 'shutdown' } satisfies ToWorker);
    const late = new AbortController();
    await Promise.race([exited, sleep(STOP_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  }
}
