import type { DiscriminatorEntropies, TrainingState } from '../core/contracts/checkpoint.ts';
import type { TrainingConfig } from '../core/contracts/config.ts';
import type { Dataset } from '../core/contracts/dataset.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import { type Batch, BatchStream } from '../data/batches.ts';
import { StepRandom, type Tensor2D, tf } from '../engine/index.ts';
import { type Architecture, architectureOf } from '../model/architecture.ts';
import { imageTensor, oneHot } from '../model/image-tensors.ts';
import {
  createNetworks,
  disposeNetworks,
  exportNetworks,
  type Networks,
  restoreNetworks,
  updateWeightAverages,
} from '../model/networks.ts';
import { cvaeStep, discriminatorStep, jointStep } from '../model/steps.ts';
import type { StepInput, StepSettings } from '../model/training-pass.ts';
import {
  discriminatorContinues,
  equilibriumGate,
  generatorStops,
  inputNoise,
  priorFactor,
  rateFactor,
  smoothed,
} from './schedule.ts';

/** Losses of an iteration's last steps, by the names that metrics events use. */
export type IterationLosses = Record<string, number>;

export interface TrainerOptions {
  config: TrainingConfig;
  dataset: Dataset;
  /** Determines all random numbers of the run: 0 to 2³¹ − 1. */
  seed: number;
  /** Continue from this state, exactly as if the run had not stopped. */
  resume?: TrainingState | undefined;
  /** Initial weights, instead of random ones. */
  initial?: NamedWeights[] | undefined;
  /** Multiplies the learning rates; stored in checkpoints. */
  rateScale?: number | undefined;
}

/** The images that a run trains on. The article trains on all; other presets hold out validation images. */
function trainingSplit({ train, validation }: Dataset, { trainOn }: TrainingConfig): Dataset['train'] {
  if (trainOn === 'train') return train;
  const images = new Uint8Array(train.images.length + validation.images.length);
  images.set(train.images);
  images.set(validation.images, train.images.length);
  const labels = new Uint8Array(train.count + validation.count);
  labels.set(train.labels);
  labels.set(validation.labels, train.count);
  return { count: train.count + validation.count, images, labels };
}

/**
 * A run between iterations: networks, position in the data and counters. Each iteration is a function of (state, seed), so
 * a restored trainer continues exactly like an uninterrupted one.
 */
export class Trainer {
  readonly #architecture: Architecture;
  readonly networks: Networks;
  readonly config: TrainingConfig;
  readonly #seed: number;
  readonly #batches: BatchStream;
  #iteration: number;
  #stepsTaken: number;
  readonly #rateScale: number;
  /** Average entropies of the discriminator's answers, which the equilibrium gate decides by. */
  #entropies: DiscriminatorEntropies | undefined;

  constructor(options: TrainerOptions) {
    const { config, dataset, seed, resume, initial } = options;
    this.config = config;
    this.#seed = seed;
    this.#architecture = architectureOf(dataset.info, config);
    this.networks = resume
      ? restoreNetworks(this.#architecture, config, resume)
      : createNetworks(this.#architecture, config, seed, initial);
    const { height, width, channels } = this.#architecture;
    this.#batches = new BatchStream(trainingSplit(dataset, config), {
      batchSize: config.batchSize,
      seed,
      pixels: height * width * channels,
      drawn: resume?.batchesDrawn ?? 0,
    });
    this.#iteration = resume?.iteration ?? 0;
    this.#stepsTaken = resume?.stepsTaken ?? 0;
    this.#entropies = resume?.entropies;
    this.#rateScale = options.rateScale ?? resume?.rateScale ?? 1;
  }

  /** Completed iterations. */
  get iteration(): number {
    return this.#iteration;
  }

  /** Images that steps have processed, discriminator and encoder/decoder steps alike. */
  get imagesSeen(): number {
    return this.#stepsTaken * this.config.batchSize;
  }

  /**
   * One outer iteration of the article's procedure: discriminator steps, each on a fresh batch, then joint steps, the first
   * on the last discriminator step's batch and prior sample. `between` runs between steps. When it returns false the
   * iteration ends early, and the trainer must not be used any more.
   */
  async iterate(between: () => Promise<boolean>): Promise<IterationLosses | undefined> {
    const losses =
      this.config.objective === 'cvae' || this.#iteration < this.config.warmupIterations
        ? this.#cvaeIteration()
        : await this.#adversarialIteration(between);
    if (!losses) return undefined;
    this.#iteration += 1;
    updateWeightAverages(this.networks, this.#averagingDecay());
    return losses;
  }

  /** The decay is lower at first, so that the averages forget the untrained weights. */
  #averagingDecay(): number {
    return Math.min(this.config.decoderAveraging, (1 + this.#iteration) / (10 + this.#iteration));
  }

  #cvaeIteration(): IterationLosses {
    const input = this.#draw();
    const losses = cvaeStep(this.networks, input, this.#settings());
    tf.dispose([input.x, input.y, input.zPrior]);
    return {
      priorLoss: losses.prior,
      pixelLoss: losses.pixel,
      encoderLoss: losses.encoder,
      decoderLoss: losses.decoder,
    };
  }

  async #adversarialIteration(between: () => Promise<boolean>): Promise<IterationLosses | undefined> {
    const { config, networks } = this;
    const gate = this.#gate();
    let input = this.#draw();
    try {
      let discriminatorLoss: number | undefined;
      for (let done = 1; gate.discriminator; done++) {
        const found = discriminatorStep(networks, input, this.#settings());
        discriminatorLoss = found.gan;
        this.#observe(found);
        if (!(await between())) return undefined;
        if (!discriminatorContinues(discriminatorLoss, done, config)) break;
        input = this.#drawAfter(input);
      }
      let losses!: ReturnType<typeof jointStep>;
      for (let done = 1; done <= config.innerSteps.generator; done++) {
        losses = jointStep(networks, input, this.#settings(), gate);
        this.#observe(losses);
        if (!(await between())) return undefined;
        if (generatorStops(losses.gan, config)) break;
        // As in the article, a batch is drawn after the last step too, and never used.
        input = this.#drawAfter(input);
      }
      return {
        discriminatorLoss: discriminatorLoss ?? losses.gan,
        likelihoodLoss: losses.likelihood,
        priorLoss: losses.prior,
        ganLoss: losses.gan,
        encoderLoss: losses.encoder,
        decoderLoss: losses.decoder,
        pixelLoss: losses.pixel,
      };
    } finally {
      tf.dispose([input.x, input.y, input.zPrior]);
    }
  }

  /** Which networks move in this iteration. */
  #gate(): ReturnType<typeof equilibriumGate> {
    if (this.config.gate === 'thresholds') return { discriminator: true, decoder: true };
    return equilibriumGate(this.#entropies);
  }

  /** Averages a step's entropies; only the equilibrium gate measures them. */
  #observe({ real, fake }: Partial<DiscriminatorEntropies>): void {
    if (real !== undefined && fake !== undefined) this.#entropies = smoothed(this.#entropies, { real, fake });
  }

  #settings(): StepSettings {
    const random = new StepRandom(this.#seed, 'steps', this.#stepsTaken);
    this.#stepsTaken += 1;
    const { config } = this;
    return {
      config,
      rateFactor: this.#rateScale * rateFactor(this.#iteration, config),
      priorFactor: priorFactor(this.#iteration, config),
      inputNoise: inputNoise(this.#iteration, config),
      random,
    };
  }

  #drawAfter(previous: StepInput): StepInput {
    tf.dispose([previous.x, previous.y, previous.zPrior]);
    return this.#draw();
  }

  /** The next batch, and the prior sample that belongs to it. */
  #draw(): StepInput {
    const random = new StepRandom(this.#seed, 'priors', this.#batches.drawn);
    const batch: Batch = this.#batches.next();
    return {
      x: imageTensor(batch.images, this.#architecture),
      y: oneHot(batch.labels, this.#architecture.labels),
      zPrior: random.normal([this.config.batchSize, this.config.latentDim]) as Tensor2D,
    };
  }

  /** Everything that a checkpoint stores, between iterations. */
  state(secondsElapsed: number): TrainingState {
    return {
      iteration: this.#iteration,
      batchesDrawn: this.#batches.drawn,
      stepsTaken: this.#stepsTaken,
      secondsElapsed,
      rateScale: this.#rateScale,
      ...(this.#entropies && { entropies: this.#entropies }),
      ...exportNetworks(this.networks),
    };
  }

  dispose(): void {
    disposeNetworks(this.networks);
  }
}
