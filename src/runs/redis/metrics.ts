import type { Redis } from 'ioredis';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { type MetricsQuery, type Series, toSeries } from './series.ts';

export type { MetricsQuery, Series };

const PAGE = 1_000;

/** The metrics a run has told so far, a series a name. */
export async function readMetrics(
  redis: Redis,
  keys: Keys,
  runId: string,
  query: MetricsQuery = {},
): Promise<Series> {
  const rows: Record<string, number | null>[] = [];
  const last = query.to === undefined ? '+' : `${query.to}`;
  for (let first = `${query.from ?? 0}`; ; ) {
    const entries = await guarded(() => redis.xrange(keys.metrics(runId), first, last, 'COUNT', PAGE));
    for (const [, fields] of entries) rows.push(JSON.parse(fields[1]!) as Record<string, number | null>);
    if (entries.length < PAGE) break;
    first = `(${entries.at(-1)![0]}`;
  }
  return toSeries(rows, query);
}
