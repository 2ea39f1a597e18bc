import type { NamedWeights } from '../core/contracts/model.ts';
import { StylographError } from '../core/errors.ts';
import { type StepRandom, type Tensor, tf } from '../engine/index.ts';

/** A weight before it has values. Glorot-uniform kernels and zero biases are Keras's defaults. */
export interface WeightSpec {
  name: string;
  shape: number[];
  init: 'glorot-uniform' | 'zeros' | 'ones';
}

/** Weights of a network by name, in the order of its specification. */
export type Weights = Map<string, Tensor>;

export type NetworkName = 'encoder' | 'decoder' | 'discriminator';

/** Glorot and Bengio 2010: U(−l, l) with l = √(6 / (fan in + fan out)), the kernel's window counted in both. */
function glorotUniform(shape: number[], random: StepRandom): Tensor {
  const window = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const [fanIn, fanOut] = shape.slice(-2) as [number, number];
  const limit = Math.sqrt(6 / (window * (fanIn + fanOut)));
  return tf.tidy(() =>
    random
      .uniform(shape)
      .mul(2 * limit)
      .sub(limit),
  );
}

/** Fresh weights, a pure function of the random stream. They are kept outside any tidy; dispose them. */
export function initWeights(specs: WeightSpec[], random: StepRandom): Weights {
  return new Map(
    specs.map(({ name, shape, init }) => {
      const values =
        init === 'glorot-uniform'
          ? glorotUniform(shape, random)
          : init === 'ones'
            ? tf.ones(shape)
            : tf.zeros(shape);
      return [name, tf.keep(values)];
    }),
  );
}

/** Weights as plain arrays, in order. */
export function exportWeights(weights: Weights): NamedWeights[] {
  return [...weights].map(([name, tensor]) => ({
    name,
    shape: [...tensor.shape],
    values: Float32Array.from(tensor.dataSync()),
  }));
}

/**
 * Weights from plain arrays.
 *
 * @throws StylographError `checkpoint_corrupt` when a weight of the specification is absent or has another shape.
 */
export function importWeights(specs: WeightSpec[], stored: NamedWeights[]): Weights {
  const byName = new Map(stored.map((weight) => [weight.name, weight]));
  return new Map(
    specs.map(({ name, shape }) => {
      const weight = byName.get(name);
      if (!weight || weight.shape.join() !== shape.join()) {
        throw new StylographError(
          'checkpoint_corrupt',
          `The weight ${name} should have shape [${shape}] but ${weight ? `has [${weight.shape}]` : 'is absent'}. ` +
            'The weights belong to other settings; use the ones they were trained with.',
        );
      }
      return [name, tf.keep(tf.tensor(weight.values, shape))];
    }),
  );
}

export function disposeWeights(weights: Weights): void {
  for (const tensor of weights.values()) tensor.dispose();
}
