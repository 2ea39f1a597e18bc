import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ModelRecord, NamedWeights } from '../core/contracts/model.ts';
import { type CompiledGraph, compileGraph, GraphBuilder, tf } from '../engine/index.ts';
import { type Architecture, architectureOf, servedSpecs } from './architecture.ts';
import { decoderGraph, encoderGraph } from './serving-graph.ts';
import { disposeWeights, importWeights, type Weights } from './weights.ts';

/** A trained model, loaded and warmed up. All images are bytes, n × H × W × C, 255 is ink. */
export interface InferenceModel {
  /** Batch sizes that are computed; calls of other sizes are split and padded to these. */
  readonly tiles: readonly number[];
  /** @param latents n × latentDim @returns n images */
  decode(latents: Float32Array, labels: Int32Array): Uint8Array;
  /** The decoder before its sigmoid, n × H × W × C. */
  decodeLogits(latents: Float32Array, labels: Int32Array): Float32Array;
  /** @returns μ and log σ², each n × latentDim */
  encode(images: Uint8Array, labels: Int32Array): { mean: Float32Array; logVar: Float32Array };
  /** How well each label explains each image. @returns n × labels log-evidences, up to a constant */
  explain(images: Uint8Array): Float32Array;
  dispose(): void;
}

/**
 * Candidates for the reference tile, to which all others are compared: the first in which a row's bits do not depend on its
 * position. Kernels that take twelve rows at a time (AVX2) round the last four of sixteen differently. One row always works.
 */
export const BASES = [16, 12, 1];

/**
 * Kernels may round differently for other batch sizes, and an image's bytes must not depend on what shares its batch. When a
 * model loads, it keeps only the sizes whose output for a probe is bit-identical to the reference tile on this machine. One
 * probe is enough: the order of a sum does not depend on its numbers.
 */
const SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28, 32];

/** Variance of a pixel around the decoder's image when labels are compared. */
const PIXEL_VARIANCE = 0.1;

/**
 * Compiles a model's graphs (serving-graph.ts) and warms them up. The event loop runs after each batch size, so that another
 * model can serve meanwhile.
 *
 * @throws StylographError `checkpoint_corrupt` when the weights do not fit the record.
 */
export async function buildInferenceModel(
  record: Pick<ModelRecord, 'image' | 'config'>,
  stored: NamedWeights[],
): Promise<InferenceModel> {
  const architecture = architectureOf(record.image, record.config);
  const encoder = importWeights(servedSpecs(architecture.encoder), stored);
  const decoder = importWeights(servedSpecs(architecture.decoder), stored);
  try {
    const model = new TiledModel(
      architecture,
      await compileDecoder(decoder, architecture),
      await compileEncoder(encoder, architecture),
    );
    await model.measureTiles();
    return model;
  } finally {
    disposeWeights(encoder);
    disposeWeights(decoder);
  }
}

type Decoder = CompiledGraph<'images' | 'logits'>;
type Encoder = CompiledGraph<'moments'>;

const wordsOf = ({ height, width, channels }: Architecture): number => (height * width * channels) / 4;

function compileDecoder(weights: Weights, architecture: Architecture): Promise<Decoder> {
  const graph = new GraphBuilder();
  const inputs = {
    z: graph.input('float32', [-1, architecture.latentDim]),
    labels: graph.input('int32', [-1]),
  };
  const { logits, packed } = tf.tidy(() =>
    decoderGraph(graph, weights, architecture, inputs.z.node, inputs.labels.node),
  );
  const { height, width, channels } = architecture;
  const image = [-1, height, width, channels];
  return compileGraph(graph, {
    images: {
      inputs,
      outputs: { packed: { node: packed, type: 'int32', shape: [-1, wordsOf(architecture)] } },
    },
    logits: { inputs, outputs: { logits: { node: logits, type: 'float32', shape: image } } },
  });
}

function compileEncoder(weights: Weights, architecture: Architecture): Promise<Encoder> {
  const graph = new GraphBuilder();
  const inputs = {
    packed: graph.input('int32', [-1, wordsOf(architecture)]),
    labels: graph.input('int32', [-1]),
  };
  const { mean, logVar } = tf.tidy(() =>
    encoderGraph(graph, weights, architecture, inputs.packed.node, inputs.labels.node),
  );
  const moments = { type: 'float32', shape: [-1, architecture.latentDim] } as const;
  const outputs = { mean: { node: mean, ...moments }, logVar: { node: logVar, ...moments } };
  return compileGraph(graph, { moments: { inputs, outputs } });
}

/** Rows `from` … `from + count`, computed as one tile of `size` rows. */
interface Tile {
  from: number;
  count: number;
  size: number;
}

class TiledModel implements InferenceModel {
  readonly #architecture: Architecture;
  readonly #decoder: Decoder;
  readonly #encoder: Encoder;
  #tiles: readonly number[] = [1];

  constructor(architecture: Architecture, decoder: Decoder, encoder: Encoder) {
    this.#architecture = architecture;
    this.#decoder = decoder;
    this.#encoder = encoder;
  }

  get tiles(): readonly number[] {
    return this.#tiles;
  }

  get #pixels(): number {
    return this.#architecture.height * this.#architecture.width * this.#architecture.channels;
  }

  /** Runs a probe at every size, which also warms up its kernels, and keeps the sizes that agree with the reference tile. */
  async measureTiles(): Promise<void> {
    const rows = Math.max(...SIZES);
    const { latentDim, labels } = this.#architecture;
    const z = Float32Array.from({ length: rows * latentDim }, (_, i) => 3 * Math.sin(i * i));
    const y = Int32Array.from({ length: rows }, (_, i) => i % labels);
    const images = this.decode(z, y);
    /** Output for the rows from `from` on, in tiles of one size. */
    const probe = async (size: number, from = 0): Promise<Float32Array[]> => {
      await nextTurn();
      this.#tiles = [size];
      const labels = y.slice(from);
      const { mean, logVar } = this.encode(images.slice(from * this.#pixels), labels);
      return [this.decodeLogits(z.slice(from * latentDim), labels), mean, logVar];
    };
    for (const base of BASES) {
      const expected = await probe(base);
      const agrees = async (size: number, from = 0): Promise<boolean> => {
        const got = await probe(size, from);
        return got.every((values, i) =>
          sameBits(values, expected[i]!.subarray(expected[i]!.length - values.length)),
        );
      };
      let position = 1;
      while (position < base && (await agrees(base, position))) position++;
      if (position < base) continue;
      const agreeing: number[] = [];
      for (const size of SIZES) if (await agrees(size)) agreeing.push(size);
      this.#tiles = agreeing;
      return;
    }
  }

  /** The largest tile as often as it fits, then the smallest that fits the rest. */
  *#tilesOf(rows: number): Generator<Tile> {
    const largest = this.#tiles.at(-1)!;
    for (let from = 0; from < rows; from += largest) {
      const count = Math.min(largest, rows - from);
      yield { from, count, size: this.#tiles.find((tile) => tile >= count)! };
    }
  }

  #decode(output: 'images' | 'logits', latents: Float32Array, labels: Int32Array, { from, size }: Tile) {
    const { latentDim } = this.#architecture;
    const z = padded(Float32Array, latents, from * latentDim, size * latentDim);
    return this.#decoder.functions[output].run({
      z: { values: z, shape: [size, latentDim] },
      labels: { values: padded(Int32Array, labels, from, size), shape: [size] },
    });
  }

  decode(latents: Float32Array, labels: Int32Array): Uint8Array {
    const images = new Uint8Array(labels.length * this.#pixels);
    for (const tile of this.#tilesOf(labels.length)) {
      const { packed } = this.#decode('images', latents, labels, tile);
      const bytes = new Uint8Array(packed!.buffer, packed!.byteOffset, tile.count * this.#pixels);
      images.set(bytes, tile.from * this.#pixels);
    }
    return images;
  }

  decodeLogits(latents: Float32Array, labels: Int32Array): Float32Array {
    const all = new Float32Array(labels.length * this.#pixels);
    for (const tile of this.#tilesOf(labels.length)) {
      const { logits } = this.#decode('logits', latents, labels, tile);
      all.set(logits!.subarray(0, tile.count * this.#pixels), tile.from * this.#pixels);
    }
    return all;
  }

  encode(images: Uint8Array, labels: Int32Array): { mean: Float32Array; logVar: Float32Array } {
    const { latentDim } = this.#architecture;
    const mean = new Float32Array(labels.length * latentDim);
    const logVar = new Float32Array(labels.length * latentDim);
    for (const { from, count, size } of this.#tilesOf(labels.length)) {
      const bytes = padded(Uint8Array, images, from * this.#pixels, size * this.#pixels);
      const moments = this.#encoder.functions.moments.run({
        packed: { values: new Int32Array(bytes.buffer), shape: [size, wordsOf(this.#architecture)] },
        labels: { values: padded(Int32Array, labels, from, size), shape: [size] },
      });
      mean.set(moments.mean!.subarray(0, count * latentDim), from * latentDim);
      logVar.set(moments.logVar!.subarray(0, count * latentDim), from * latentDim);
    }
    return { mean, logVar };
  }

  /**
   * A lower bound on log p(x | y) for each label y, at z = μ and with Gaussian pixels:
   * −Σ (x − Dec(μ, y))² / (2·0.1) − KL[N(μ, σ²) ‖ N(0, I)].
   */
  explain(images: Uint8Array): Float32Array {
    const { labels, latentDim } = this.#architecture;
    const count = images.length / this.#pixels;
    const copies = new Uint8Array(count * labels * this.#pixels);
    for (let row = 0; row < count * labels; row++) {
      const image = Math.floor(row / labels);
      copies.set(images.subarray(image * this.#pixels, (image + 1) * this.#pixels), row * this.#pixels);
    }
    const labelOfRow = Int32Array.from({ length: count * labels }, (_, row) => row % labels);
    const { mean, logVar } = this.encode(copies, labelOfRow);
    const explained = this.decode(mean, labelOfRow);
    return Float32Array.from({ length: count * labels }, (_, row) => {
      let squares = 0;
      for (let i = row * this.#pixels; i < (row + 1) * this.#pixels; i++) {
        squares += ((explained[i]! - copies[i]!) / 255) ** 2;
      }
      let kl = 0;
      for (let i = row * latentDim; i < (row + 1) * latentDim; i++) {
        kl -= 0.5 * (1 + logVar[i]! - mean[i]! ** 2 - Math.exp(logVar[i]!));
      }
      return -squares / (2 * PIXEL_VARIANCE) - kl;
    });
  }

  dispose(): void {
    this.#encoder.dispose();
    this.#decoder.dispose();
  }
}

/** Bitwise, so NaN equals itself and −0 does not equal 0. */
function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
}

/** `length` values from `start`, then zeros if the source ends before. */
function padded<T extends Uint8Array | Int32Array | Float32Array>(
  ctor: new (length: number) => T,
  source: T,
  start: number,
  length: number,
): T {
  const tile = new ctor(length);
  tile.set(source.subarray(start, start + length));
  return tile;
}
