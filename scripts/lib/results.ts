import type { TrainingConfig } from '../../src/contracts/config.ts';

/** How often the decoder's weights are updated in a run whose gates never close early. */
export function decoderUpdates({
  objective,
  iterations,
  warmupIterations,
  innerSteps,
}: TrainingConfig): number {
  if (objective === 'cvae') return iterations;
  const warmup = Math.min(warmupIterations, iterations);
  return warmup + (iterations - warmup) * innerSteps.generator;
}
