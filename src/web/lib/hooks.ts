import { useEffect, useRef, useState } from 'preact/hooks';
import { isAbort, messageOf } from './api.ts';
import { apiKey, returns } from './session.ts';

export interface Loaded<T> {
  data: T | undefined;
  error: string | undefined;
  reload(): void;
}

interface LoadOptions<T> {
  /** Milliseconds until it is loaded again while the page is seen; undefined for never. */
  every?(data: T | undefined): number | undefined;
}

/** Loads when `keys` change, after a new API key, and again on a beat. What is shown stays while a newer answer is awaited. */
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

/** Work that takes longer than this makes way for newer work. */
const PATIENCE_MS = 2_000;

type Work = (signal: AbortSignal) => Promise<void>;

/** Runs the newest piece of work at most so often; see `useLatest`. */
class Latest {
  readonly #ms: number;
  #running: { controller: AbortController; since: number } | undefined;
  #next: Work | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(ms: number) {
    this.#ms = ms;
  }

  ask(work: Work): void {
    this.#next = work;
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
    const work = this.#next;
    if (work === undefined) return;
    this.#next = undefined;
    this.#running?.controller.abort();
    const running = { controller: new AbortController(), since: performance.now() };
    this.#running = running;
    this.#last = running.since;
    work(running.controller.signal)
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
 * Work of which only the newest counts, such as asking what a drawing is while it is drawn. It starts at most every
 * `ms` milliseconds; what is under way is let finish so that something shows, unless it takes long: then it is aborted.
 */
export function useLatest(ms: number): (work: Work) => void {
  const latest = useRef<Latest | undefined>(undefined);
  latest.current ??= new Latest(ms);
  useEffect(() => () => latest.current!.stop(), []);
  return (work) => latest.current!.ask(work);
}

/** Sets the document's title while the page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Stylograph' : `${title} · Stylograph`;
  }, [title]);
}
