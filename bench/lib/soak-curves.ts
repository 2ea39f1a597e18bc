import { svgFigure } from '../../src/figures/canvas.ts';
import { curvesFigure } from '../../src/figures/curves.ts';

/** One row of a soak: medians since the row before, memory and tensors at its end. */
export interface SoakRow {
  iteration: number;
  /** Wall milliseconds per iteration. */
  ms: number;
  /** CPU milliseconds per iteration. */
  cpuMs: number;
  rssMegabytes: number;
  tensors: number;
}

const TITLES = {
  ms: 'milliseconds per iteration',
  cpuMs: 'CPU milliseconds per iteration',
  rssMegabytes: 'resident megabytes',
  tensors: 'tensors',
} as const;

/** The curves of a soak as an SVG. */
export function soakCurves(rows: readonly SoakRow[]): string {
  const series = Object.entries(TITLES).map(([key, title]) => [
    title,
    rows.map((row) => [row.iteration, row[key as keyof typeof TITLES]] as const),
  ]);
  return Buffer.from(
    svgFigure(curvesFigure('Costs of training that must not grow', Object.fromEntries(series))),
  ).toString('utf8');
}
