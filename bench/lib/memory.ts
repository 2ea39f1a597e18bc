import { svgFigure } from '../../src/figures/canvas.ts';
import { curvesFigure } from '../../src/figures/curves.ts';
import { processTree } from './processes.ts';
import { median } from './statistics.ts';

/** Resident megabytes of each kind of process at one time; null where none runs. */
export interface MemoryRow {
  /** Since the start of the soak. */
  seconds: number;
  megabytes: Record<ProcessKind, number | null>;
}

/** Processes of a server by their command lines. */
const KINDS = {
  server: /bin\/server/,
  inference: /children\/inference/,
  worker: /children\/worker/,
  run: /children\/run\b/,
  redis: /redis\.sock/,
} as const;
export type ProcessKind = keyof typeof KINDS;
/** These live as long as the server, so their memory must not grow. */
const LASTING: ProcessKind[] = ['server', 'inference', 'worker', 'redis'];

export function memoryOf(server: number, seconds: number): MemoryRow {
  const tree = processTree(server);
  const megabytes = Object.fromEntries(
    Object.entries(KINDS).map(([kind, pattern]) => {
      const found = tree.find(({ command }) => pattern.test(command));
      return [kind, found ? Number(found.residentMb.toFixed(1)) : null];
    }),
  ) as MemoryRow['megabytes'];
  return { seconds: Math.round(seconds), megabytes };
}

/** Medians of the second and the last quarter; the first quarter is warm-up. */
export function growth(
  rows: readonly MemoryRow[],
): Partial<Record<ProcessKind, { from: number; to: number }>> {
  const quarter = Math.floor(rows.length / 4);
  const of = (kind: ProcessKind, from: number, to: number): number =>
    median(rows.slice(from, to).flatMap(({ megabytes }) => megabytes[kind] ?? []));
  return Object.fromEntries(
    LASTING.map((kind) => [
      kind,
      { from: of(kind, quarter, 2 * quarter), to: of(kind, rows.length - quarter, rows.length) },
    ]),
  );
}

export function memoryCurves(rows: readonly MemoryRow[]): string {
  const series = Object.keys(KINDS).map((kind) => [
    `${kind}: resident megabytes`,
    rows.map(({ seconds, megabytes }) => [seconds, megabytes[kind as ProcessKind]] as const),
  ]);
  const title = 'Memory of every process over the seconds of a soak';
  return Buffer.from(svgFigure(curvesFigure(title, Object.fromEntries(series)))).toString('utf8');
}
