import { svgFigure } from '../../src/figures/canvas.ts';
import { curvesFigure } from '../../src/figures/curves.ts';

/** A row of the benchmark of swaps: medians over the swaps since the last one, and what is held at its end. */
export interface SwapRow {
  swap: number;
  /** Milliseconds from the request that moves the alias to the first answer by the new model. */
  swapMs: number;
  /** Milliseconds of a client's request meanwhile. */
  requestMs: number;
  /** Resident megabytes of the process that speaks HTTP, and of the one that computes. */
  apiMb: number;
  inferenceMb: number;
  /** In all so far. */
  requests: number;
  failed: number;
}

const TITLES = {
  apiMb: 'resident megabytes, API',
  inferenceMb: 'resident megabytes, inference',
  swapMs: 'milliseconds a swap',
  requestMs: 'milliseconds a request',
} as const;

export function swapCurves(rows: readonly SwapRow[]): string {
  const series = Object.entries(TITLES).map(([key, title]) => [
    title,
    rows.map((row) => [row.swap, row[key as keyof typeof TITLES]] as const),
  ]);
  return Buffer.from(
    svgFigure(curvesFigure('Models swapped under load', Object.fromEntries(series))),
  ).toString('utf8');
}
