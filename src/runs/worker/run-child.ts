import type { ChildProcess } from 'node:child_process';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import { FromRunChild, type RunChildSettings, type ToRunChild } from '../../core/contracts/worker.ts';
import { startChild } from '../../platform/processes/start-child.ts';

/** The end of what the child wrote to stderr, told when it dies. */
const LAST_WORDS = 500;

export type ChildOutcome =
  | Exclude<FromRunChild, { type: 'ready' | 'facts' }>
  | { type: 'died'; detail: string };
export type StopReason = Extract<ToRunChild, { type: 'stop' }>['reason'];

export interface RunChildOptions {
  /** Path of the program. */
  module: string;
  runId: string;
  fence: number;
  settings: RunChildSettings;
  /** The `traceparent` that the run belongs to, where traces are wanted. */
  trace?: string | undefined;
  /** Told what the child tells of itself, now and then. */
  onFacts?: (facts: EngineFacts) => void;
}

/** The process that trains one run. `outcome` settles once it has exited. */
export class RunChild {
  readonly outcome: Promise<ChildOutcome>;
  readonly #process: ChildProcess;
  #answer: ChildOutcome | undefined;
  #stopping: StopReason | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #lastWords = '';

  constructor({ module, runId, fence, settings, trace, onFacts }: RunChildOptions) {
    this.#process = startChild(module, {
      lowPriority: true,
      stdout: 'inherit',
      onErrorLine: (line) => {
        this.#lastWords = `${this.#lastWords}${line}\n`.slice(-LAST_WORDS);
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
    const words = this.#lastWords.trim();
    return `The run's process ${how} without a word${words === '' ? '' : `; last on its error output: ${words}`}`;
  }

  /** A child that is gone has its end told by `outcome`; what was meant for it no longer matters. */
  #send(message: ToRunChild): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** Asks it to stop, once for every reason; with a limit it is killed when it has not stopped by then. */
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
