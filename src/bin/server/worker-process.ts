import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisTarget, ToWorker } from '../../core/contracts/worker.ts';
import { startChild } from '../../platform/processes/start-child.ts';
import { type Settings, wantsTraces } from '../../platform/settings/settings.ts';
import { CHILD_MODULES } from '../child-modules.ts';

const RESTART_DELAY_MS = { first: 500, most: 30_000 };
/** After a worker ran this long, the next restart has the first delay again. */
const HEALTHY_MS = 60_000;
/** Within this time the worker must checkpoint and requeue its run, or it is killed. The run then resumes from its last checkpoint. */
const STOP_MS = 22_000;

/** Runs the worker in a child process and restarts it when it ends. */
export class WorkerProcess {
  readonly #start: ToWorker & { type: 'start' };
  readonly #warn: (message: string) => void;
  #child: ChildProcess | undefined;
  #stopping = false;
  #delay = RESTART_DELAY_MS.first;

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
    child.on('error', (error) => this.#warn(`The worker process failed: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (this.#stopping) return;
      if (Date.now() - startedAt > HEALTHY_MS) this.#delay = RESTART_DELAY_MS.first;
      this.#warn(
        `The worker process ended with ${signal ?? `code ${code}`}; it is restarted in ${this.#delay} ms`,
      );
      setTimeout(() => {
        if (!this.#stopping) this.#spawn();
      }, this.#delay);
      this.#delay = Math.min(this.#delay * 2, RESTART_DELAY_MS.most);
    });
  }

  /** Ends the worker after it has checkpointed and requeued its run. */
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
