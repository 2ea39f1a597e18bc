import type { ChildProcess } from 'node:child_process';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import { FromRunChild, type RunChildSettings, type ToRunChild } from '../../core/contracts/worker.ts';
import { startChild } from '../../platform/processes/start-child.ts';

/** Characters of the child's error output that a crash report quotes. */
const QUOTED = 500;

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
  /** Called with what the process reports about itself. */
  onFacts?: (facts: EngineFacts) => void;
}

/** The process that trains one run. `outcome` settles once it has exited. */
export class RunChild {
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
