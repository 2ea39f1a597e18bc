import { runNativeOp } from './native.ts';
import type { Tensor, Tensor1D } from './tf.ts';
import { tf } from './tf.ts';

/** The most draws per step; the seeds of different steps never overlap. */
const DRAWS_PER_STEP = 256;

/** How many of the 256 byte values drop an element at this rate. */
export const droppedOf256 = (rate: number): number => Math.round(rate * 256);

/** Each purpose has an independent stream. */
export type RandomPurpose = 'weights' | 'priors' | 'steps' | 'samples' | 'figures';
const PURPOSE_KEYS: Record<RandomPurpose, number> = {
  weights: 1,
  priors: 2,
  steps: 3,
  samples: 4,
  figures: 5,
};

/** A different key for each (seed, purpose): multiplication by an odd number is invertible. */
function keyOf(seed: number, purpose: RandomPurpose): number {
  return Math.imul(seed ^ Math.imul(PURPOSE_KEYS[purpose], 0x9e3779b1), 0x85ebca6b);
}

/**
 * Random numbers of one training step: a pure function of (seed, purpose, step, number of earlier draws).
 * TensorFlow's stateless (counter-based) generators compute them, so a resumed run draws the same numbers as an
 * uninterrupted one.
 */
export class StepRandom {
  readonly #key: number;
  #counter: number;

  /** `seed` and `step`: integers from 0; `step` below 2³¹ / 256. */
  constructor(seed: number, purpose: RandomPurpose, step: number) {
    this.#key = keyOf(seed, purpose);
    this.#counter = step * DRAWS_PER_STEP;
  }

  /** Standard normal numbers, float32. */
  normal(shape: number[]): Tensor {
    return this.#draw('StatelessRandomNormal', shape);
  }

  /** Uniform numbers in [0, 1), float32. */
  uniform(shape: number[]): Tensor {
    return this.#draw('StatelessRandomUniform', shape);
  }

  /**
   * An inverted-dropout mask (Srivastava et al. 2014), float32: 0 with the given rate, otherwise 1 / (share kept).
   * Each element takes eight random bits, so the rate is rounded to a multiple of 1/256. The scale uses the rounded rate,
   * which keeps expectations exact.
   */
  dropoutMask(shape: number[], rate: number): Tensor {
    const dropped = droppedOf256(rate);
    const size = shape.reduce((product, side) => product * side, 1);
    return tf.tidy(() => {
      const words = this.#draw('StatelessRandomUniformFullInt', [Math.ceil(size / 4)], 'int32');
      // tfjs takes the bytes for int32. Only the ops below read them, and each is given the type.
      const bytes = runNativeOp('Bitcast', [words], { types: { T: 'int32', type: 'uint8' } });
      const limit = runNativeOp('Cast', [tf.scalar(dropped, 'int32')], {
        types: { SrcT: 'int32', DstT: 'uint8' },
      });
      const kept = runNativeOp('GreaterEqual', [bytes, limit], { types: { T: 'uint8' } });
      const mask = runNativeOp('Cast', [kept], { types: { SrcT: 'bool', DstT: 'float32' } });
      const flat = mask.reshape([-1]);
      const exact = flat.size === size ? flat : flat.slice(0, size);
      return exact.mul(256 / (256 - dropped)).reshape(shape);
    });
  }

  /**
   * The seed of the next draw, for an op that draws itself: it yields the bytes that `dropoutMask` would compare.
   * Dispose it, or call within `tf.tidy`.
   */
  nextSeed(): Tensor1D {
    return tf.tensor1d([this.#key, this.#counter++], 'int32');
  }

  #draw(op: string, shape: number[], dtype: 'float32' | 'int32' = 'float32'): Tensor {
    const seed = this.nextSeed();
    const size = tf.tensor1d(shape, 'int32');
    const drawn = runNativeOp(op, [size, seed], { types: { dtype, T: 'int32', Tseed: 'int32' } });
    tf.dispose([seed, size]);
    return drawn;
  }
}
