import type { NamedWeights } from '../core/contracts/model.ts';
import { StylographError } from '../core/errors.ts';
import { type StepRandom, type Tensor, tf } from '../engine/index.ts';
import { sizeOf, type WeightSpec } from './architecture.ts';

/** Weights of a network by name, in the order of its layers. */
export type Weights = Map<string, Tensor>;

/** Glorot and Bengio 2010: U(−l, l) with l = √(6 / (fan in + fan out)), the kernel's window counted in both. */
function glorotUniform(shape: number[], random: StepRandom): Tensor {
  const window = sizeOf(shape.slice(0, -2));
  const [fanIn, fanOut] = shape.slice(-2) as [number, number];
  const limit = Math.sqrt(6 / (window * (fanIn + fanOut)));
  return tf.tidy(() =>
    random
      .uniform(shape)
      .mul(2 * limit)
      .sub(limit),
  );
}

/** Fresh weights, a pure function of the random stream. `tf.tidy` does not free them: dispose them. */
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
 * @throws StylographError `checkpoint_corrupt` when a weight is absent or has another shape.
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
            'The weights belong to another configuration. Use the one they were trained with.',
        );
      }
      return [name, tf.keep(tf.tensor(weight.values, shape))];
    }),
  );
}

export function disposeWeights(weights: Weights): void {
  for (const tensor of weights.values()) tensor.dispose();
}
