import type { NamedWeights } from './model.ts';

/** Mean cross-entropy of the discriminator's answers for reals and for fakes, in nats per image, averaged over steps. */
export interface DiscriminatorEntropies {
  real: number;
  fake: number;
}

/** Everything that a run needs to resume as if it had never stopped. */
export interface TrainingState {
  /** Completed outer iterations. */
  iteration: number;
  /** Batches drawn since the run began: they determine the position in the data. */
  batchesDrawn: number;
  /** Steps of any kind since the run began; each has its own random numbers. */
  stepsTaken: number;
  /** Seconds of training alone. */
  secondsElapsed: number;
  /** The equilibrium gate decides by these; absent before its first step and with other gates. */
  entropies?: DiscriminatorEntropies | undefined;
  /** Multiplies the learning rates; below 1 after a loss that was not finite has sent the run back to a checkpoint. */
  rateScale: number;
  /** Weights of all networks, the moving statistics of batch normalisation, and the singular vectors of spectral normalisation. */
  weights: NamedWeights[];
  /** The optimisers' accumulators. */
  optimizer: NamedWeights[];
  /** Exponential averages of weights, if the configuration keeps them. */
  averages: NamedWeights[];
}
