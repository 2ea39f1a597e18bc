import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { EngineFacts } from '../core/contracts/engine.ts';
import type { FromInferenceChild, NumericArray, ToInferenceChild } from '../core/contracts/inference.ts';
import type { ModelRecord } from '../core/contracts/model.ts';
import { StylographError } from '../core/errors.ts';
import { startChild } from '../platform/processes/start-child.ts';
import { type Slice, WorkLost } from './batcher.ts';
import { watchForHang } from './hang-watch.ts';

const START = 'start';
const START_TIMEOUT_MS = 120_000;
const LOAD_TIMEOUT_MS = 60_000;

/** One call on its way to the child: its inputs, and space for its outputs, `count` equal parts each. */
export interface InferenceCall {
  operation: ComputeRequest['type'];
  model: ModelRecord;
  count: number;
  inputs: Record<string, NumericArray>;
  outputs: Record<string, NumericArray>;
}

export interface ProcessEvents {
  onReady(device: string): void;
  onFacts(facts: EngineFacts): void;
  onLoaded(modelId: string): void;
  onLoadFailed(modelId: string, error: StylographError): void;
  /** The child cannot start, and reported why. */
  onFatal(message: string): void;
  /** Called once, after pending calls were rejected with WorkLost. */
  onExit(reason: string): void;
}

type ComputeRequest = Extract<ToInferenceChild, { id: number }>;
type Computed = Extract<FromInferenceChild, { type: 'computed' }>;

interface Pending {
  resolve(answer: Computed): void;
  reject(error: unknown): void;
  timer: NodeJS.Timeout;
}

/**
 * TensorFlow reads these when it is loaded. One core is left to the server, which encodes and sends images meanwhile:
 * threads that share it would wait for each other. More than four do not speed up a micro-batch.
 */
function engineThreads(): Record<string, string> {
  const threads = Math.max(1, Math.min(4, availableParallelism() - 1));
  return { TF_NUM_INTRAOP_THREADS: String(threads), TF_NUM_INTEROP_THREADS: '1' };
}

/** One inference child from its start to its end. It is killed when a start, load or call takes too long. */
export class InferenceProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #callTimeoutMs: number;
  /** Timers of the start, and of each load by model id. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #nextId = 1;
  #endReason: string | undefined;
  #isRetiring = false;

  constructor(
    events: ProcessEvents,
    { childModule, callTimeoutMs }: { childModule: string; callTimeoutMs: number },
  ) {
    this.#callTimeoutMs = callTimeoutMs;
    this.#child = startChild(childModule, { env: engineThreads() });
    this.#child.on('message', (message: FromInferenceChild) => this.#receive(message, events));
    this.#startTimer(START, START_TIMEOUT_MS);
    const stopWatching = this.#watchForHang();
    let hasEnded = false;
    const end = (reason: string): void => {
      if (hasEnded) return;
      hasEnded = true;
      this.#endReason ??= reason;
      stopWatching();
      for (const name of [...this.#timers.keys()]) this.#clearTimer(name);
      for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(new WorkLost(this.#endReason));
      events.onExit(this.#endReason);
    };
    this.#child.once('exit', (code, signal) => end(`exit ${signal ?? code}`));
    // Without a listener a failed spawn or send would end this process. After a failed spawn there is no `exit`.
    this.#child.on('error', (error) => {
      this.#endReason ??= error.message;
      if (this.#child.pid === undefined) end(error.message);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Computes one batch: slices of calls with the same operation and model. Writes the results to the calls' outputs.
   *
   * @returns milliseconds of computation
   * @throws WorkLost when the process ends first; StylographError when the model fails
   */
  async compute(slices: readonly Slice<InferenceCall>[]): Promise<number> {
    const answer = await this.#request(joinSlices(this.#nextId++, slices));
    scatterOutputs(answer.outputs, slices);
    return answer.computeMs;
  }

  load(modelId: string, directory: string): void {
    this.#startTimer(modelId, LOAD_TIMEOUT_MS);
    this.#send({ type: 'load', modelId, directory });
  }

  unload(modelId: string): void {
    this.#send({ type: 'unload', modelId });
  }

  /** Ends the child once its pending calls have completed. */
  retire(): void {
    this.#isRetiring = true;
    this.#endIfRetired();
  }

  #endIfRetired(): void {
    if (this.#isRetiring && this.#pending.size === 0 && this.#child.connected) this.#child.disconnect();
  }

  kill(reason: string): void {
    this.#endReason ??= reason;
    this.#child.kill('SIGKILL');
  }

  #watchForHang(): () => void {
    const { pid } = this.#child;
    if (pid === undefined) return () => undefined;
    return watchForHang(
      pid,
      () => (this.#pending.size > 0 ? 'answer' : this.#timers.size > 0 ? 'load' : undefined),
      (symptom) => this.kill(`it hung: ${symptom}`),
    );
  }

  #request(request: ComputeRequest): Promise<Computed> {
    return new Promise<Computed>((resolve, reject) => {
      const timer = setTimeout(
        () => this.kill(`no answer to ${request.type} within ${this.#callTimeoutMs} ms`),
        this.#callTimeoutMs,
      );
      this.#pending.set(request.id, { resolve, reject, timer });
      this.#send(request);
    });
  }

  /** Drops messages to a process that has ended: its `exit` follows. */
  #send(message: ToInferenceChild): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #receive(message: FromInferenceChild, events: ProcessEvents): void {
    switch (message.type) {
      case 'ready':
        this.#clearTimer(START);
        events.onReady(message.device);
        return;
      case 'facts':
        events.onFacts(message);
        return;
      case 'fatal':
        this.#endReason = message.message;
        events.onFatal(message.message);
        return;
      case 'loaded':
        this.#clearTimer(message.modelId);
        events.onLoaded(message.modelId);
        return;
      case 'load-failed':
        this.#clearTimer(message.modelId);
        events.onLoadFailed(message.modelId, toError(message));
        return;
      case 'computed':
        this.#settle(message.id)?.resolve(message);
        return;
      case 'failed':
        this.#settle(message.id)?.reject(toError(message));
        return;
    }
  }

  #startTimer(name: string, ms: number): void {
    this.#clearTimer(name);
    this.#timers.set(
      name,
      setTimeout(() => this.kill(`${name} took more than ${ms} ms`), ms),
    );
  }

  #clearTimer(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) clearTimeout(pending.timer);
    this.#endIfRetired();
    return pending;
  }
}

function joinSlices(id: number, slices: readonly Slice<InferenceCall>[]): ComputeRequest {
  const { operation, model, inputs } = slices[0]!.payload;
  const joined = Object.fromEntries(
    Object.keys(inputs).map((name) => {
      const parts = slices.map(({ payload, from, count }) => {
        const values = payload.inputs[name]!;
        const stride = values.length / payload.count;
        return values.subarray(from * stride, (from + count) * stride);
      });
      return [name, concat(parts)];
    }),
  );
  return { type: operation, id, modelId: model.id, ...joined } as ComputeRequest;
}

/** Copies each call's part of the batch's outputs to that call. */
function scatterOutputs(
  outputs: Record<string, NumericArray>,
  slices: readonly Slice<InferenceCall>[],
): void {
  let done = 0;
  for (const { payload, from, count } of slices) {
    for (const [name, values] of Object.entries(payload.outputs)) {
      const stride = values.length / payload.count;
      values.set(outputs[name]!.subarray(done * stride, (done + count) * stride), from * stride);
    }
    done += count;
  }
}

function concat(parts: NumericArray[]): NumericArray {
  if (parts.length === 1) return parts[0]!;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new (parts[0]!.constructor as new (length: number) => NumericArray)(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function toError({ code, message }: { code: string; message: string }): StylographError {
  return new StylographError(isKnown(code) ? code : 'inference_failed', message);
}

const KNOWN = ['checkpoint_corrupt', 'checkpoint_missing', 'model_not_found', 'store_unavailable'] as const;
const isKnown = (code: string): code is (typeof KNOWN)[number] => (KNOWN as readonly string[]).includes(code);
