import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import { permutation } from '../../data/permutation.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import type { InferenceModel } from '../../model/inference.ts';
import { firstImages, type ImageSet } from './image-sets.ts';
import type { OnChunk } from './progress.ts';

/** At most this many test images are reconstructed, and the style of this many is transferred to every label. */
const RECONSTRUCTIONS = 2_000;
const SOURCES = 1_000;
/** Transferred images over all labels, which are in memory at once. */
const TRANSFERS = 10_000;
/** Every model decodes the same latents. */
const PRIOR_SEED = 20_151_231;
/** Images per call, so that the process handles messages in between. */
const CHUNK = 64;

/** The images that a model is evaluated on, decoded chunk by chunk. */
export class ModelImages {
  readonly #model: InferenceModel;
  readonly #latentDim: number;
  readonly #test: LabelledImages;
  readonly #pixels: number;
  readonly #labelCount: number;
  /** The first test images, which are reconstructed. */
  readonly originals: ImageSet;
  /** The first of them, whose style is transferred to every label. */
  readonly sources: ImageSet;

  /** @param samples how many prior samples will be scored; fewer than 2,000 shrink the other sets as well */
  constructor(model: InferenceModel, latentDim: number, { info, test }: Dataset, samples: number) {
    this.#model = model;
    this.#latentDim = latentDim;
    this.#test = test;
    this.#pixels = info.width * info.height * info.channels;
    this.#labelCount = info.labels.length;
    this.originals = firstImages(test, Math.min(RECONSTRUCTIONS, samples));
    const perLabel = Math.floor(TRANSFERS / this.#labelCount);
    this.sources = firstImages(test, Math.min(SOURCES, perLabel, Math.ceil(samples / 2)));
  }

  async #decode(latents: Float32Array, labels: Uint8Array, onChunk: OnChunk): Promise<ImageSet> {
    const dims = this.#latentDim;
    const images = new Uint8Array(labels.length * this.#pixels);
    for (let from = 0; from < labels.length; from += CHUNK) {
      const to = Math.min(from + CHUNK, labels.length);
      const indices = Int32Array.from(labels.subarray(from, to));
      images.set(
        await this.#model.decode(latents.subarray(from * dims, to * dims), indices),
        from * this.#pixels,
      );
      await onChunk(to, labels.length);
    }
    return { images, labels };
  }

  /** μ and log σ² of images given their own labels, n × latentDim each. */
  async encode(
    { images, labels }: ImageSet,
    onChunk: OnChunk,
  ): Promise<{ mean: Float32Array; logVar: Float32Array }> {
    const dims = this.#latentDim;
    const mean = new Float32Array(labels.length * dims);
    const logVar = new Float32Array(labels.length * dims);
    for (let from = 0; from < labels.length; from += CHUNK) {
      const to = Math.min(from + CHUNK, labels.length);
      const part = images.subarray(from * this.#pixels, to * this.#pixels);
      const encoded = await this.#model.encode(part, Int32Array.from(labels.subarray(from, to)));
      mean.set(encoded.mean, from * dims);
      logVar.set(encoded.logVar, from * dims);
      await onChunk(to, labels.length);
    }
    return { mean, logVar };
  }

  /** Samples from the prior, z ~ N(0, I), the i-th with the label of the i-th test image. */
  async priorSamples(from: number, to: number, onChunk: OnChunk): Promise<ImageSet> {
    const dims = this.#latentDim;
    const random = new StepRandom(PRIOR_SEED, 'samples', 0);
    const latents = tf.tidy(() => random.normal([to, dims]).dataSync<'float32'>());
    const labels = Uint8Array.from(
      { length: to - from },
      (_, i) => this.#test.labels[(from + i) % this.#test.count]!,
    );
    return await this.#decode(latents.slice(from * dims), labels, onChunk);
  }

  /** `originals` decoded from their means, z = μ. @param mean at least theirs */
  async reconstructions(mean: Float32Array, onChunk: OnChunk): Promise<ImageSet> {
    return await this.#decode(mean, this.originals.labels, onChunk);
  }

  /** The means of `sources` decoded with every label: row by row one source, its columns the labels. */
  async transfers(mean: Float32Array, onChunk: OnChunk): Promise<ImageSet> {
    const dims = this.#latentDim;
    const count = this.sources.labels.length;
    const latents = new Float32Array(count * this.#labelCount * dims);
    for (let row = 0; row < count * this.#labelCount; row++) {
      const source = Math.floor(row / this.#labelCount) * dims;
      latents.set(mean.subarray(source, source + dims), row * dims);
    }
    const labels = Uint8Array.from({ length: count * this.#labelCount }, (_, row) => row % this.#labelCount);
    return await this.#decode(latents, labels, onChunk);
  }

  /** Which source each row is compared with in the control, as if it had another's latent. */
  get shuffled(): Uint32Array {
    return permutation(this.sources.labels.length, 'evaluation:control');
  }
}
