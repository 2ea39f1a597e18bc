export interface Curve {
  label: string;
  points: [iteration: number, value: number | null][];
  /** Index in the palette. */
  colour: number;
}

/** Iterations, then one row of values per curve. */
export type AlignedCurves = [iterations: number[], ...values: (number | null | undefined)[][]];

/** An exponential moving average with bias correction; null values stay null. */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  let mean = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    seen++;
    return mean / (1 - weight ** seen);
  });
}

/** Curves with fewer points are not smoothed. */
const LEAST_TO_SMOOTH = 30;

/** Curves over the union of their iterations, in uPlot's format. */
export function align(curves: readonly Curve[], smoothing: number, logarithmic: boolean): AlignedCurves {
  const iterations = [...new Set(curves.flatMap(({ points }) => points.map(([i]) => i)))].sort(
    (a, b) => a - b,
  );
  const rows = curves.map(({ points }) => {
    const values = smooth(
      points.map(([, value]) => value),
      points.length < LEAST_TO_SMOOTH ? 0 : smoothing,
    );
    const at = new Map(points.map(([iteration], i) => [iteration, values[i]!]));
    // Undefined joins the neighbouring points; null is a value that was not finite, and leaves a gap.
    return iterations.map((iteration) => {
      const value = at.get(iteration);
      return logarithmic && value != null && value <= 0 ? null : value;
    });
  });
  return [iterations, ...rows];
}
