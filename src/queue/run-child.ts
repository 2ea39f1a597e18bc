import { type ChildProcess, fork } from 'node:child_process';
import { FromRunChild, type RunChildSettings, type ToRunChild } from '../contracts/worker.ts';

export type StopReason = Extract<ToRunChild, { type: 'stop' }>['reason'];
export type RunOutcome = Exclude<FromRunChild, { type: 'ready' }> | { type: 'crashed'; detail: string };

/** A child that does not stop in this time is killed; its run goes on from its last checkpoint, if it may. */
const STOP_MS = 20_000;

/** One run in a process of its own, from start to outcome. */
export class RunChild {
  readonly #child: ChildProcess;
  readonly outcome: Promise<RunOutcome>;

  constructor(modulePath: string, start: { runId: string; fence: number; settings: RunChildSettings }) {
    this.#child = fork(modulePath, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.outcome = new Promise((resolve) => {
      let answer: RunOutcome | undefined;
      this.#child.on('message', (message) => {
        const parsed = FromRunChild.parse(message);
        if (parsed.type !== 'ready') answer = parsed;
      });
      this.#child.once('error', (error) => resolve({ type: 'crashed', detail: error.message }));
      this.#child.once('exit', (code, signal) => {
        resolve(answer ?? { type: 'crashed', detail: `it ended with ${signal ?? `code ${code}`}` });
      });
    });
    this.#send({ type: 'start', ...start });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  stop(reason: StopReason): void {
    this.#send({ type: 'stop', reason });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    timer.unref();
    void this.outcome.then(() => clearTimeout(timer));
  }

  #send(message: ToRunChild): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
