import type { LabelledImages } from '../core/contracts/dataset.ts';
import { StylographError } from '../core/errors.ts';
import { permutation } from './permutation.ts';

/** `images`: batchSize × height × width × channels bytes; `labels`: batchSize label indices. */
export interface Batch {
  images: Uint8Array;
  labels: Uint8Array;
}

export interface BatchStreamOptions {
  batchSize: number;
  /** Seed of the run; it determines the order of every pass. */
  seed: number;
  /** Bytes per image: height × width × channels. */
  pixels: number;
  /** Batches drawn before the run was resumed; the stream continues after them. */
  drawn?: number;
}

/**
 * Endless shuffled batches. The permutation of each pass over the data is a pure function of (seed, pass), and the
 * remainder of a pass is dropped. So `drawn` alone is the position of the stream.
 * @throws validation_failed if the split has fewer images than a batch
 */
export class BatchStream {
  readonly #split: LabelledImages;
  readonly #options: BatchStreamOptions;
  readonly #batchesPerPass: number;
  #drawn: number;
  #pass = -1;
  #order: Uint32Array = new Uint32Array();

  constructor(split: LabelledImages, options: BatchStreamOptions) {
    this.#split = split;
    this.#options = options;
    this.#batchesPerPass = Math.floor(split.count / options.batchSize);
    this.#drawn = options.drawn ?? 0;
    if (this.#batchesPerPass < 1) {
      throw new StylographError(
        'validation_failed',
        `A batch of ${options.batchSize} images is larger than the ${split.count} training images. Choose a batchSize of at most ${split.count}.`,
      );
    }
  }

  /** Batches drawn since the start of the run. */
  get drawn(): number {
    return this.#drawn;
  }

  /** Full batches in one pass over the data. */
  get batchesPerPass(): number {
    return this.#batchesPerPass;
  }

  next(): Batch {
    const { batchSize, pixels, seed } = this.#options;
    const pass = Math.floor(this.#drawn / this.#batchesPerPass);
    if (pass !== this.#pass) {
      this.#order = permutation(this.#split.count, `batches:${seed}:${pass}`);
      this.#pass = pass;
    }
    const start = (this.#drawn % this.#batchesPerPass) * batchSize;
    const picked = this.#order.subarray(start, start + batchSize);
    this.#drawn++;
    return pick(this.#split, picked, pixels);
  }
}

/** Copies the images and labels at `positions`, in that order; `pixels` is bytes per image. */
export function pick(split: LabelledImages, positions: ArrayLike<number>, pixels: number): Batch {
  const images = new Uint8Array(positions.length * pixels);
  const labels = new Uint8Array(positions.length);
  for (let row = 0; row < positions.length; row++) {
    const position = positions[row]!;
    images.set(split.images.subarray(position * pixels, (position + 1) * pixels), row * pixels);
    labels[row] = split.labels[position]!;
  }
  return { images, labels };
}
