import type { DiscriminatorEntropies, TrainingState } from '../core/contracts/checkpoint.ts';
import type { TrainingConfig } from '../core/contracts/config.ts';
import type { Dataset } from '../core/contracts/dataset.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import { type Batch, BatchStream } from '../data/batches.ts';
import { StepRandom, type Tensor2D, tf } from '../engine/index.ts';
import {
  createNetworks,
  disposeNetworks,
  exportNetworks,
  followWeights,
  type Networks,
  restoreNetworks,
} from '../model/networks.ts';
import { imageTensor, oneHot } from '../model/pixels.ts';
import { type ModelShape, modelShape } from '../model/shape.ts';
import { cvaeStep, discriminatorStep, jointStep, type StepInput, type StepSettings } from '../model/steps.ts';
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

/** The images a run trains on. The article trains on all; other presets hold validation images out. */
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
 * A run between iterations: networks, position in the data and counters. Each iteration is a function of
 * (state, seed), so that a restored trainer goes on exactly as an unbroken one.
 */
export class Trainer {
  readonly shape: ModelShape;
  readonly networks: Networks;
  readonly config: TrainingConfig;
  readonly #seed: number;
  readonly #batches: BatchStream;
  #iteration: number;
  #stepsTaken: number;
  readonly #rateScale: number;
  /** What the gate of an equilibrium goes by. */
  #entropies: DiscriminatorEntropies | undefined;

  /** Fresh networks, weights to start from, or a state to go on from. */
  constructor(options: {
    config: TrainingConfig;
    dataset: Dataset;
    seed: number;
    resume?: TrainingState | undefined;
    initial?: NamedWeights[] | undefined;
    rateScale?: number | undefined;
  }) {
    const { config, dataset, seed, resume, initial } = options;
    this.config = config;
    this.#seed = seed;
    this.shape = modelShape({ ...dataset.info, labels: dataset.info.labels }, config);
    this.networks = resume
      ? restoreNetworks(this.shape, config, resume)
      : createNetworks(this.shape, config, seed, initial);
    this.#batches = new BatchStream(trainingSplit(dataset, config), {
      batchSize: config.batchSize,
      seed,
      pixels: this.shape.height * this.shape.width * this.shape.channels,
      drawn: resume?.batchesDrawn ?? 0,
    });
    this.#iteration = resume?.iteration ?? 0;
    this.#stepsTaken = resume?.stepsTaken ?? 0;
    this.#entropies = resume?.entropies;
    this.#rateScale = options.rateScale ?? resume?.rateScale ?? 1;
  }

  /** Iterations done. */
  get iteration(): number {
    return this.#iteration;
  }

  /** Images that steps have seen, discriminator and encoder/decoder steps alike. */
  get imagesSeen(): number {
    return this.#stepsTaken * this.config.batchSize;
  }

  /**
   * One outer iteration of the article's procedure: discriminator steps, each on a fresh batch, then joint steps, the
   * first on the last discriminator step's batch and prior sample. `between` runs between steps and may end the
   * iteration early by returning false; then the run must not go on from here.
   */
  async iterate(between: () => Promise<boolean>): Promise<IterationLosses | undefined> {
    const losses =
      this.config.objective === 'cvae' || this.#iteration < this.config.warmupIterations
        ? this.#cvaeIteration()
        : await this.#adversarialIteration(between);
    if (!losses) return undefined;
    this.#iteration += 1;
    followWeights(this.networks, this.#averagingDecay());
    return losses;
  }

  /** Averages forget the first, untrained weights faster than later ones. */
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
        // As in the article, the last step's successor is drawn too, and never used.
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

  /** Who moves in an iteration. */
  #gate(): ReturnType<typeof equilibriumGate> {
    if (this.config.gate === 'thresholds') return { discriminator: true, decoder: true };
    return equilibriumGate(this.#entropies);
  }

  /** @param seen with entropies where the gate goes by them */
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
      x: imageTensor(batch.images, this.shape),
      y: oneHot(batch.labels, this.shape.labels),
      zPrior: random.normal([this.config.batchSize, this.config.latentDim]) as Tensor2D,
    };
  }

  /** All that a checkpoint needs, between iterations. */
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
