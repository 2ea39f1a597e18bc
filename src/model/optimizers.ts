import type { TrainingConfig } from '../contracts/config.ts';
import { type Tensor, tf } from '../engine/index.ts';
import type { WeightSpec, Weights } from './weights.ts';

/** One optimiser a network. Its accumulators are `Weights` of their own, so that a checkpoint can hold them. */
export interface Optimizer {
  /** What its accumulators are, for these weights. */
  stateSpecs(weights: WeightSpec[]): WeightSpec[];
  /** Replaces every weight θ and its accumulators by the updated ones. `gradients` follow the order of `weights`. */
  update(weights: Weights, gradients: Tensor[], state: Weights, rate: number): void;
}

function replace(weights: Weights, name: string, value: Tensor): void {
  const old = weights.get(name);
  weights.set(name, tf.keep(value));
  old?.dispose();
}

function get(weights: Weights, name: string): Tensor {
  const tensor = weights.get(name);
  if (!tensor) throw new Error(`The optimiser has no state called ${name}`);
  return tensor;
}

/**
 * TensorFlow 1's RMSPropOptimizer: ms ← 0.9·ms + 0.1·g², θ ← θ − rate·g / √(ms + 1e-10), with ms starting at ones,
 * which acts as a warm-up of about a hundred steps.
 */
const rmspropTf1: Optimizer = {
  stateSpecs: (weights) =>
    weights.map(({ name, shape }) => ({ name: `${name}/mean-square`, shape, init: 'ones' })),
  update(weights, gradients, state, rate) {
    [...weights].forEach(([name, theta], i) => {
      const g = gradients[i]!;
      const [ms, updated] = tf.tidy(() => {
        const ms = get(state, `${name}/mean-square`).mul(0.9).add(g.square().mul(0.1));
        return [ms, theta.sub(g.mul(rate).div(ms.add(1e-10).sqrt()))];
      }) as [Tensor, Tensor];
      replace(state, `${name}/mean-square`, ms);
      replace(weights, name, updated);
    });
  },
};

const ADAM = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

/** Adam (Kingma and Ba 2014) with β₁ = 0.5, usual for GANs (Radford et al. 2015). */
const adam: Optimizer = {
  stateSpecs: (weights) => [
    ...weights.flatMap(({ name, shape }): WeightSpec[] => [
      { name: `${name}/first-moment`, shape, init: 'zeros' },
      { name: `${name}/second-moment`, shape, init: 'zeros' },
      { name: `${name}/updates`, shape: [], init: 'zeros' },
    ]),
  ],
  update(weights, gradients, state, rate) {
    [...weights].forEach(([name, theta], i) => {
      const g = gradients[i]!;
      const [m, v, t, updated] = tf.tidy(() => {
        const t = get(state, `${name}/updates`).add(1);
        const m = get(state, `${name}/first-moment`)
          .mul(ADAM.beta1)
          .add(g.mul(1 - ADAM.beta1));
        const v = get(state, `${name}/second-moment`)
          .mul(ADAM.beta2)
          .add(g.square().mul(1 - ADAM.beta2));
        const mHat = m.div(tf.sub(1, tf.pow(ADAM.beta1, t)));
        const vHat = v.div(tf.sub(1, tf.pow(ADAM.beta2, t)));
        return [m, v, t, theta.sub(mHat.mul(rate).div(vHat.sqrt().add(ADAM.epsilon)))];
      }) as [Tensor, Tensor, Tensor, Tensor];
      replace(state, `${name}/first-moment`, m);
      replace(state, `${name}/second-moment`, v);
      replace(state, `${name}/updates`, t);
      replace(weights, name, updated);
    });
  },
};

export function optimizerOf(config: Pick<TrainingConfig, 'optimizer'>): Optimizer {
  return config.optimizer === 'adam' ? adam : rmspropTf1;
}
