export interface Curve {
  label: string;
  points: [iteration: number, value: number | null][];
  /** A place in the palette; curves of one run share it over charts. */
  colour: number;
}

/** Iterations, then a row of values for every curve. */
export type AlignedCurves = [iterations: number[], ...values: (number | null | undefined)[][]];

/** An exponential average, corrected for its start; gaps stay gaps. */
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

/** With fewer points a curve is told as it is: an average would only be late. */
const ENOUGH_TO_SMOOTH = 30;

/** Curves over the union of their iterations, as uPlot wants them. */
export function align(curves: readonly Curve[], smoothing: number, logarithmic: boolean): AlignedCurves {
  const iterations = [...new Set(curves.flatMap(({ points }) => points.map(([i]) => i)))].sort(
    (a, b) => a - b,
  );
  const rows = curves.map(({ points }) => {
    const values = smooth(
      points.map(([, value]) => value),
      points.length < ENOUGH_TO_SMOOTH ? 0 : smoothing,
    );
    const at = new Map(points.map(([iteration], i) => [iteration, values[i]!]));
    // Undefined spans a gap that another curve's iterations make; null is a value that was not finite.
    return iterations.map((iteration) => {
      const value = at.get(iteration);
      return logarithmic && value != null && value <= 0 ? null : value;
    });
  });
  return [iterations, ...rows];
}
