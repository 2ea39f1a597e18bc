import { setTimeout as sleep } from 'node:timers/promises';
import { isFinished, type RunEvent, type RunEventBody, type RunState } from '../../core/contracts/run.ts';
import { checkOutcome } from '../machine/errors.ts';
import { checkEventId, compareIds, STREAM_START } from '../redis/events.ts';
import { HAS_SERIES, type MetricsQuery, type Series, toSeries } from '../redis/series.ts';
import type { Journal } from './journal.ts';
import type { LocalRuns } from './runs.ts';

/** How often a journal is looked at for news. */
const POLL_MS = 100;

/** Events that this reader has not seen yet, and the state of the run after them; that of a removed one is `cancelled`. */
async function news(journal: Journal): Promise<{ events: RunEvent[]; state: RunState }> {
  const events: RunEvent[] = [];
  const { record } = await journal.read((told) => events.push(...told));
  return { events, state: record?.state ?? 'cancelled' };
}

/** Events of local runs, as `queue/events.ts` and `queue/hub.ts` have them of a server's. */
export class LocalEvents {
  readonly #runs: LocalRuns;

  constructor(runs: LocalRuns) {
    this.#runs = runs;
  }

  /** @returns its id, or null when it had been told before. @throws fence_lost, run_not_found */
  async append(runId: string, fence: number, body: RunEventBody): Promise<string | null> {
    const at = new Date().toISOString();
    const { outcome, events } = await this.#runs.journal(runId).append({ type: 'event', at, fence, body });
    checkOutcome(runId, outcome);
    return events[0]?.id ?? null;
  }

  /** Every event so far: a reader of its own begins at the first line, whatever has been read before. */
  async #all(runId: string): Promise<RunEvent[]> {
    return (await news(this.#runs.journal(runId).again())).events;
  }

  /** Events in order. @throws validation_failed when `after` cannot be an event's id */
  async read(
    runId: string,
    { after = STREAM_START, limit }: { after?: string | undefined; limit: number },
  ): Promise<RunEvent[]> {
    checkEventId(after);
    const all = await this.#all(runId);
    return all.filter(({ id }) => compareIds(id, after) > 0).slice(0, limit);
  }

  async newest(runId: string): Promise<RunEvent | undefined> {
    return (await this.#all(runId)).at(-1);
  }

  /** Whether a reader can go on after this id. */
  async knows(runId: string, id: string): Promise<boolean> {
    checkEventId(id);
    return id === STREAM_START || (await this.#all(runId)).some((event) => event.id === id);
  }

  /** The run's events after the given id, stored and live, until `end` or an abort. */
  async *subscribe(
    runId: string,
    { after = STREAM_START, signal }: { after?: string | undefined; signal: AbortSignal },
  ): AsyncGenerator<RunEvent, void> {
    const journal = this.#runs.journal(runId).again();
    for (let last = after; !signal.aborted; ) {
      // One look for both: what came between two looks would be read by the second, and told by neither.
      const { events, state } = await news(journal);
      for (const event of events) {
        if (compareIds(event.id, last) <= 0) continue;
        last = event.id;
        yield event;
        if (event.type === 'end') return;
      }
      // The end was before what this reader asked for.
      if (isFinished(state)) return;
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async metrics(runId: string, query: MetricsQuery): Promise<Series> {
    const { from = 0, to = Number.POSITIVE_INFINITY } = query;
    const rows = (await this.#all(runId))
      .filter(({ type }) => HAS_SERIES.includes(type))
      .map(({ data }) => data as Record<string, number | null>)
      .filter(({ iteration }) => iteration! >= from && iteration! <= to);
    return toSeries(rows, query);
  }
}
