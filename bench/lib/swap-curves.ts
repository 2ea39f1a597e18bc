import { svgFigure } from '../../src/figures/canvas.ts';
import { curvesFigure } from '../../src/figures/curves.ts';

/** One row of the swap benchmark: medians since the row before, memory and totals at its end. */
export interface SwapRow {
  swap: number;
  /** Milliseconds from the request that moves the alias to the first answer by the new model. */
  swapMs: number;
  /** Milliseconds per request of a client during the swaps. */
  requestMs: number;
  /** Resident megabytes of the HTTP process and of the inference process. */
  apiMb: number;
  inferenceMb: number;
  /** Totals so far. */
  requests: number;
  failed: number;
}

const TITLES = {
  apiMb: 'resident megabytes, API',
  inferenceMb: 'resident megabytes, inference',
  swapMs: 'milliseconds per swap',
  requestMs: 'milliseconds per request',
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
