import type { Validation } from '../../core/contracts/evaluation.ts';
import type { RunEventBody } from '../../core/contracts/run.ts';

export interface MetricsQuery {
  /** All when not given. */
  names?: readonly string[] | undefined;
  /** First and last iteration, both included. */
  from?: number | undefined;
  to?: number | undefined;
  /** The most points a series may have; the first and the last stay. */
  maxPoints?: number | undefined;
}

/** A point is an iteration and its value; null where a loss was not finite. */
export type Series = Record<string, [iteration: number, value: number | null][]>;

/** At most `count` items at even distances, the first and the last among them. */
export function thin<T>(items: T[], count: number): T[] {
  if (items.length <= count) return items;
  if (count === 1) return items.slice(-1);
  const step = (items.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => items[Math.round(i * step)]!);
}

/** Events whose numbers are series. */
export const HAS_SERIES: readonly string[] = ['metrics', 'validation'] satisfies RunEventBody['type'][];
/** How evidence was gathered rather than what it is. */
const CIRCUMSTANCES: readonly string[] = ['samples', 'secondsElapsed'] satisfies (keyof Validation)[];

/** What metrics and validation events have told, in their order, as a series a name. */
export function toSeries(
  rows: Iterable<Record<string, number | null>>,
  { names, maxPoints = Number.POSITIVE_INFINITY }: MetricsQuery = {},
): Series {
  const wanted = names && new Set(names);
  const series: Series = {};
  for (const { iteration, ...values } of rows) {
    for (const [name, value] of Object.entries(values)) {
      if (CIRCUMSTANCES.includes(name) || (wanted && !wanted.has(name))) continue;
      series[name] ??= [];
      series[name].push([iteration as number, value]);
    }
  }
  return Object.fromEntries(Object.entries(series).map(([name, points]) => [name, thin(points, maxPoints)]));
}
