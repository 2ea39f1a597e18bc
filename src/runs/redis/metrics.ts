import type { Redis } from 'ioredis';
import type { Validation } from '../../core/contracts/evaluation.ts';
import { guarded } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';

export interface MetricsQuery {
  /** By default all. */
  names?: readonly string[] | undefined;
  /** First and last iteration, inclusive. */
  from?: number | undefined;
  to?: number | undefined;
  /** Maximum number of points per series. The first and last points are kept, or the last alone for 1. */
  maxPoints?: number | undefined;
}

/** Points per name. A value is null where a loss was not finite. */
export type Series = Record<string, [iteration: number, value: number | null][]>;

const PAGE = 1_000;
/** Fields of a validation event that are not metrics. */
const NOT_METRICS: readonly string[] = ['samples', 'secondsElapsed'] satisfies (keyof Validation)[];

/** At most `count` evenly spaced items, with the first and the last; for 1, the last alone. */
export function thin<T>(items: T[], count: number): T[] {
  if (items.length <= count) return items;
  if (count === 1) return items.slice(-1);
  const step = (items.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => items[Math.round(i * step)]!);
}

/** The metrics and validation scores of a run, one series per name. */
export async function readMetrics(
  redis: Redis,
  keys: Keys,
  runId: string,
  { names, from = 0, to, maxPoints = Number.POSITIVE_INFINITY }: MetricsQuery = {},
): Promise<Series> {
  const wanted = names && new Set(names);
  const series: Series = {};
  const last = to === undefined ? '+' : `${to}`;
  for (let first = `${from}`; ; ) {
    const entries = await guarded(() => redis.xrange(keys.metrics(runId), first, last, 'COUNT', PAGE));
    for (const [, fields] of entries) {
      const { iteration, ...values } = JSON.parse(fields[1]!) as Record<string, number | null>;
      for (const [name, value] of Object.entries(values)) {
        if (NOT_METRICS.includes(name) || (wanted && !wanted.has(name))) continue;
        series[name] ??= [];
        series[name].push([iteration as number, value]);
      }
    }
    if (entries.length < PAGE) break;
    first = `(${entries.at(-1)![0]}`;
  }
  return Object.fromEntries(Object.entries(series).map(([name, points]) => [name, thin(points, maxPoints)]));
}
