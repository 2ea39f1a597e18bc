import type { NamedWeights } from './model.ts';

/** Mean cross-entropy of the discriminator's answers for reals and for fakes, nats an image, smoothed over steps. */
export interface DiscriminatorEntropies {
  real: number;
  fake: number;
}

/** All that is needed to go on with a run as if it had never stopped. */
export interface TrainingState {
  /** Outer iterations done. */
  iteration: number;
  /** Batches drawn since the run began: the whole position in the data. */
  batchesDrawn: number;
  /** Encoder/decoder and discriminator steps taken since the run began; each seeds its own random numbers. */
  stepsTaken: number;
  /** Seconds of training alone. */
  secondsElapsed: number;
  /** What the gate of an equilibrium goes by; absent before its first step and with other gates. */
  entropies?: DiscriminatorEntropies | undefined;
  /** Multiplies the learning rates: below 1 once the run has gone back after a loss that was not finite. */
  rateScale: number;
  /** The trained weights of the encoder, decoder and discriminator. */
  weights: NamedWeights[];
  /** The optimisers' accumulators and, with batch normalisation, its moving statistics. */
  optimizer: NamedWeights[];
  /** Exponential averages of weights, where the configuration keeps them. */
  averages: NamedWeights[];
}
