import { svgFigure } from '../../src/figures/canvas.ts';
import { curvesFigure } from '../../src/figures/curves.ts';

/** A row of a soak: medians over the iterations since the last one, and what is held at its end. */
export interface SoakRow {
  iteration: number;
  /** Wall milliseconds an iteration. */
  ms: number;
  /** Milliseconds of processors an iteration. */
  cpuMs: number;
  rssMegabytes: number;
  tensors: number;
}

const TITLES = {
  ms: 'milliseconds an iteration',
  cpuMs: 'milliseconds of processors',
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
