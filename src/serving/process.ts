import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { EngineFacts } from '../core/contracts/engine.ts';
import type { FromInferenceChild, ToInferenceChild } from '../core/contracts/inference.ts';
import { StylographError } from '../core/errors.ts';
import { startChild } from '../platform/processes/start-child.ts';
import { WorkLost } from './batcher.ts';
import { watchForHang } from './hang-watch.ts';
import type { Answer, Call } from './operations.ts';

const START = 'start';
const START_TIMEOUT_MS = 120_000;
const LOAD_TIMEOUT_MS = 60_000;

export interface ChildEvents {
  onReady(device: string): void;
  /** Now and then, while it has time. */
  onFacts(facts: EngineFacts): void;
  onLoaded(modelId: string): void;
  onLoadFailed(modelId: string, error: StylographError): void;
  /** It cannot start and said why. */
  onFatal(message: string): void;
  /** Called once; pending calls have been rejected with WorkLost by then. */
  onExit(reason: string): void;
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  /** Settles with the call. */
  done: Promise<Answer>;
  timer: NodeJS.Timeout;
}

/**
 * TensorFlow reads these when it is loaded. One core is left to the server, which encodes and sends meanwhile; threads
 * that shared it would make each other wait. More than a few do not help at a micro-batch's size.
 */
function engineThreads(): Record<string, string> {
  const threads = Math.max(1, Math.min(4, availableParallelism() - 1));
  return { TF_NUM_INTRAOP_THREADS: String(threads), TF_NUM_INTEROP_THREADS: '1' };
}

/** One life of the inference child: calls with time-outs; it is killed when one is not answered. */
export class InferenceProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #callTimeoutMs: number;
  /** Watches over the start, and over each load by model id. */
  readonly #watches = new Map<string, NodeJS.Timeout>();
  #why: string | undefined;

  constructor(
    events: ChildEvents,
    { childModule, callTimeoutMs }: { childModule: string; callTimeoutMs: number },
  ) {
    this.#callTimeoutMs = callTimeoutMs;
    this.#child = startChild(childModule, { env: engineThreads() });
    this.#child.on('message', (message: FromInferenceChild) => this.#receive(message, events));
    this.#watch(START, START_TIMEOUT_MS);
    const { pid } = this.#child;
    const endWatch =
      pid === undefined
        ? () => undefined
        : watchForHang(
            pid,
            () => (this.#pending.size > 0 ? 'answer' : this.#watches.size > 0 ? 'load' : undefined),
            (how) => this.kill(`it hung: ${how}`),
          );
    let over = false;
    const end = (how: string): void => {
      if (over) return;
      over = true;
      const reason = this.#why ?? how;
      endWatch();
      for (const what of [...this.#watches.keys()]) this.#unwatch(what);
      for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new WorkLost(reason));
      events.onExit(reason);
    };
    this.#child.once('exit', (code, signal) => end(`exit ${signal ?? code}`));
    // Without a listener a failed spawn or send would end this process; a failed spawn has no `exit`.
    this.#child.on('error', (error) => {
      this.#why ??= error.message;
      if (this.#child.pid === undefined) end(error.message);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** @throws WorkLost when the process ends first; StylographError when the model fails. */
  call(call: Call): Promise<Answer> {
    const { promise: done, resolve, reject } = deferred<Answer>();
    const timer = setTimeout(
      () => this.kill(`no answer to ${call.type} within ${this.#callTimeoutMs} ms`),
      this.#callTimeoutMs,
    );
    this.#pending.set(call.id, { resolve, reject, done, timer });
    this.send(call);
    return done;
  }

  load(modelId: string, directory: string): void {
    this.#watch(modelId, LOAD_TIMEOUT_MS);
    this.send({ type: 'load', modelId, directory });
  }

  /** A message to a process that is gone is dropped: its `exit` tells. */
  send(message: ToInferenceChild): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Lets it finish what it was asked, then ends it. */
  async retire(): Promise<void> {
    await Promise.allSettled([...this.#pending.values()].map(({ done }) => done));
    if (this.#child.connected) this.#child.disconnect();
  }

  kill(why: string): void {
    this.#why ??= why;
    this.#child.kill('SIGKILL');
  }

  #receive(message: FromInferenceChild, events: ChildEvents): void {
    switch (message.type) {
      case 'ready':
        this.#unwatch(START);
        events.onReady(message.device);
        return;
      case 'facts':
        events.onFacts(message);
        return;
      case 'fatal':
        this.#why = message.message;
        events.onFatal(message.message);
        return;
      case 'loaded':
        this.#unwatch(message.modelId);
        events.onLoaded(message.modelId);
        return;
      case 'load-failed':
        this.#unwatch(message.modelId);
        events.onLoadFailed(message.modelId, toError(message));
        return;
      case 'failed':
        this.#settle(message.id)?.reject(toError(message));
        return;
      default:
        this.#settle(message.id)?.resolve(message);
    }
  }

  #watch(what: string, ms: number): void {
    this.#unwatch(what);
    this.#watches.set(
      what,
      setTimeout(() => this.kill(`${what} took more than ${ms} ms`), ms),
    );
  }

  #unwatch(what: string): void {
    clearTimeout(this.#watches.get(what));
    this.#watches.delete(what);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) clearTimeout(pending.timer);
    return pending;
  }
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onDone, onFailed) => {
    resolve = onDone;
    reject = onFailed;
  });
  return { promise, resolve, reject };
}

function toError({ code, message }: { code: string; message: string }): StylographError {
  return new StylographError(isKnown(code) ? code : 'inference_failed', message);
}

const KNOWN = ['checkpoint_corrupt', 'checkpoint_missing', 'model_not_found', 'store_unavailable'] as const;
const isKnown = (code: string): code is (typeof KNOWN)[number] => (KNOWN as readonly string[]).includes(code);
