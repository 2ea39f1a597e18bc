import { useEffect, useRef, useState } from 'preact/hooks';
import { isAbort, messageOf } from './client.ts';
import { apiKey, returns } from './session.ts';

export interface Loaded<T> {
  data: T | undefined;
  error: string | undefined;
  reload(): void;
}

interface LoadOptions<T> {
  /** Milliseconds until the next load while the page is visible; undefined for never. */
  every?(data: T | undefined): number | undefined;
}

/** Loads when `keys` change, after a new API key, after a lost connection, and periodically. Old data stays until new data arrives. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  keys: readonly unknown[],
  { every }: LoadOptions<T> = {},
): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: string }>({});
  const [round, setRound] = useState(0);
  const key = apiKey.value;
  const back = returns.value;
  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (data: T | undefined): void => {
      const ms = every?.(data);
      if (ms === undefined || controller.signal.aborted) return;
      timer = setTimeout(() => (document.hidden ? again(data) : run()), ms);
    };
    const run = (): void => {
      load(controller.signal).then(
        (data) => {
          setState({ data });
          again(data);
        },
        (error: unknown) => {
          if (isAbort(error)) return;
          setState((before) => ({ ...before, error: messageOf(error) }));
          again(undefined);
        },
      );
    };
    run();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [...keys, round, key, back]);
  return { data: state.data, error: state.error, reload: () => setRound((n) => n + 1) };
}

/** A task that takes longer than this is aborted when a newer one waits. */
const PATIENCE_MS = 2_000;

type Task = (signal: AbortSignal) => Promise<void>;

/** Runs the newest task, rate-limited; see `useLatest`. */
class Latest {
  readonly #ms: number;
  #running: { controller: AbortController; since: number } | undefined;
  #next: Task | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(ms: number) {
    this.#ms = ms;
  }

  run(task: Task): void {
    this.#next = task;
    this.#plan();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#next = undefined;
    this.#running?.controller.abort();
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#next === undefined) return;
    const now = performance.now();
    const due = this.#running ? this.#running.since + PATIENCE_MS : this.#last + this.#ms;
    this.#timer = setTimeout(() => this.#start(), Math.max(0, due - now));
  }

  #start(): void {
    const task = this.#next;
    if (task === undefined) return;
    this.#next = undefined;
    this.#running?.controller.abort();
    const running = { controller: new AbortController(), since: performance.now() };
    this.#running = running;
    this.#last = running.since;
    task(running.controller.signal)
      .catch((error: unknown) => {
        if (!isAbort(error)) throw error;
      })
      .finally(() => {
        if (this.#running !== running) return;
        this.#running = undefined;
        this.#plan();
      });
  }
}

/**
 * For tasks of which only the newest counts, such as classifying a drawing while it is drawn. At most one starts every
 * `ms` milliseconds. A running task may finish so that the page shows something; a slow one is aborted.
 */
export function useLatest(ms: number): (task: Task) => void {
  const latest = useRef<Latest | undefined>(undefined);
  latest.current ??= new Latest(ms);
  useEffect(() => () => latest.current!.stop(), []);
  return (task) => latest.current!.run(task);
}

/** Sets the document's title. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Stylograph' : `${title} · Stylograph`;
  }, [title]);
}
