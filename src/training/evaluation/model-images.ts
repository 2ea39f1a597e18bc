import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import { permutation } from '../../data/permutation.ts';
import { StepRandom, tf } from '../../engine/index.ts';
import type { InferenceModel } from '../../model/inference.ts';
import type { Between } from './classifier.ts';
import type { AskedImages } from './export.ts';

/** Test images reconstructed, and test images whose style goes to every label: the most of each. */
const RECONSTRUCTIONS = 2_000;
const SOURCES = 1_000;
/** Images with a style given to them, of however many labels: what lies in memory at once. */
const TRANSFERS = 10_000;
/** Every model is asked for the same latents. */
const PRIOR_SEED = 20_151_231;
/** Images a call, so that messages are heard in between. */
const CHUNK = 64;

/** Asks a model for images, a chunk at a time. */
export class ModelImages {
  readonly #model: InferenceModel;
  readonly #latentDim: number;
  readonly #test: LabelledImages;
  readonly #pixels: number;
  readonly #labelCount: number;
  /** The first test images, which are reconstructed. */
  readonly originals: AskedImages;
  /** The first of them, whose style is given to every label. */
  readonly sources: AskedImages;

  /** @param samples how many prior samples will be scored; fewer than 2,000 shrink the rest as well */
  constructor(model: InferenceModel, latentDim: number, { info, test }: Dataset, samples: number) {
    this.#model = model;
    this.#latentDim = latentDim;
    this.#test = test;
    this.#pixels = info.width * info.height * info.channels;
    this.#labelCount = info.labels.length;
    this.originals = this.#first(Math.min(RECONSTRUCTIONS, samples));
    const ofAllLabels = Math.floor(TRANSFERS / this.#labelCount);
    this.sources = this.#first(Math.min(SOURCES, ofAllLabels, Math.ceil(samples / 2)));
  }

  #first(count: number): AskedImages {
    return {
      images: this.#test.images.subarray(0, count * this.#pixels),
      labels: this.#test.labels.subarray(0, count),
    };
  }

  async #decode(latents: Float32Array, labels: Uint8Array, between: Between): Promise<AskedImages> {
    const dims = this.#latentDim;
    const images = new Uint8Array(labels.length * this.#pixels);
    for (let from = 0; from < labels.length; from += CHUNK) {
      const to = Math.min(from + CHUNK, labels.length);
      const asked = Int32Array.from(labels.subarray(from, to));
      images.set(
        await this.#model.decode(latents.subarray(from * dims, to * dims), asked),
        from * this.#pixels,
      );
      await between(to, labels.length);
    }
    return { images, labels };
  }

  /** μ and log σ² of images under their own labels, n × latentDim each. */
  async encode(
    { images, labels }: AskedImages,
    between: Between,
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
      await between(to, labels.length);
    }
    return { mean, logVar };
  }

  /** Samples from the prior, z ~ N(0, I), the i-th under the i-th test label. */
  async priorSamples(from: number, to: number, between: Between): Promise<AskedImages> {
    const dims = this.#latentDim;
    const latents = tf.tidy(() => new StepRandom(PRIOR_SEED, 'samples', 0).normal([to, dims]).dataSync());
    const labels = Uint8Array.from(
      { length: to - from },
      (_, i) => this.#test.labels[(from + i) % this.#test.count]!,
    );
    return await this.#decode(latents.slice(from * dims) as Float32Array, labels, between);
  }

  /** `originals` decoded from their means, z = μ. @param mean their means, or more */
  async reconstructions(mean: Float32Array, between: Between): Promise<AskedImages> {
    return await this.#decode(mean, this.originals.labels, between);
  }

  /** The means of `sources` decoded under every label: row by row a source, its columns the labels. */
  async transfers(mean: Float32Array, between: Between): Promise<AskedImages> {
    const dims = this.#latentDim;
    const count = this.sources.labels.length;
    const latents = new Float32Array(count * this.#labelCount * dims);
    for (let row = 0; row < count * this.#labelCount; row++) {
      const source = Math.floor(row / this.#labelCount) * dims;
      latents.set(mean.subarray(source, source + dims), row * dims);
    }
    const labels = Uint8Array.from({ length: count * this.#labelCount }, (_, row) => row % this.#labelCount);
    return await this.#decode(latents, labels, between);
  }

  /** Which source each row is compared with in the control: as if its latent had been another's. */
  get shuffled(): Uint32Array {
    return permutation(this.sources.labels.length, 'evaluation:control');
  }
}
