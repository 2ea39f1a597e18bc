import type { TrainingConfig } from '../core/contracts/config.ts';
import {
  fusedUpdate,
  hasFusedUpdates,
  joinFlat,
  splitFlat,
  type Tensor,
  type Tensor1D,
  tf,
} from '../engine/index.ts';
import { type NetworkName, sizeOf, type WeightSpec } from './architecture.ts';
import type { Weights } from './weights.ts';

/**
 * One optimiser per network. Its accumulators are `Weights` too, so that checkpoints include them. A network's weights are
 * updated as one flat vector, in their order, because dozens of small updates cost more than one large update.
 */
interface UpdateRule {
  /** Accumulators by name, each as long as the weights, with their initial value. */
  accumulators: Record<string, 'zeros' | 'ones'>;
  /** The rule's numbers, in the order that its fused kernel takes. `t` counts updates from 1. */
  numbers(rate: number, t: number): number[];
  /** θ, g and the accumulators → the new θ and the new accumulators. */
  apply(
    theta: Tensor1D,
    g: Tensor1D,
    accumulators: Record<string, Tensor1D>,
    rate: number,
    t: number,
  ): { theta: Tensor1D; accumulators: Record<string, Tensor1D> };
}

/**
 * TensorFlow 1's RMSPropOptimizer: ms ← 0.9·ms + 0.1·g², θ ← θ − rate·g / √(ms + 1e-10), with ms starting at ones,
 * which acts as a warm-up of about a hundred steps.
 */
const RMSPROP = { decay: 0.9, epsilon: 1e-10 };
const rmspropTf1: UpdateRule = {
  accumulators: { 'mean-square': 'ones' },
  numbers: (rate) => [rate, RMSPROP.decay, 1 - RMSPROP.decay, RMSPROP.epsilon],
  apply(theta, g, accumulators, rate) {
    const ms = accumulators['mean-square']!.mul(RMSPROP.decay).add(
      g.square().mul(1 - RMSPROP.decay),
    ) as Tensor1D;
    return {
      theta: theta.sub(g.mul(rate).div(ms.add(RMSPROP.epsilon).sqrt())),
      accumulators: { 'mean-square': ms },
    };
  },
};

const ADAM = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };

/** Adam (Kingma and Ba 2014) with β₁ = 0.5, usual for GANs (Radford et al. 2015). */
const adam: UpdateRule = {
  accumulators: { 'first-moment': 'zeros', 'second-moment': 'zeros' },
  numbers: (rate, t) => [
    ...[rate, ADAM.beta1, 1 - ADAM.beta1, ADAM.beta2, 1 - ADAM.beta2, ADAM.epsilon],
    ...[1 - ADAM.beta1 ** t, 1 - ADAM.beta2 ** t],
  ],
  apply(theta, g, accumulators, rate, t) {
    const m = accumulators['first-moment']!.mul(ADAM.beta1).add(g.mul(1 - ADAM.beta1)) as Tensor1D;
    const v = accumulators['second-moment']!.mul(ADAM.beta2).add(g.square().mul(1 - ADAM.beta2)) as Tensor1D;
    const mHat = m.div(1 - ADAM.beta1 ** t);
    const vHat = v.div(1 - ADAM.beta2 ** t);
    return {
      theta: theta.sub(mHat.mul(rate).div(vHat.sqrt().add(ADAM.epsilon))),
      accumulators: { 'first-moment': m, 'second-moment': v },
    };
  },
};

export function ruleOf({ optimizer }: Pick<TrainingConfig, 'optimizer'>): UpdateRule {
  return optimizer === 'adam' ? adam : rmspropTf1;
}

/** State of a network's optimiser: accumulators over all weights in order, and the number of updates. */
export function optimizerSpecs(
  network: NetworkName,
  weights: WeightSpec[],
  config: Pick<TrainingConfig, 'optimizer'>,
): WeightSpec[] {
  const size = weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return [
    ...Object.entries(ruleOf(config).accumulators).map(([name, init]) => ({
      name: `${network}/${name}`,
      shape: [size],
      init,
    })),
    { name: `${network}/updates`, shape: [1], init: 'zeros' },
  ];
}

/** Replaces every weight θ and the accumulators by the updated ones. `gradients` are in the order of `weights`. */
export function updateNetwork(
  network: NetworkName,
  weights: Weights,
  gradients: Tensor[],
  state: Weights,
  rate: number,
  config: Pick<TrainingConfig, 'optimizer'>,
): void {
  const rule = ruleOf(config);
  const names = Object.keys(rule.accumulators).map((name) => `${network}/${name}`);
  const thetas = [...weights.values()];
  const accumulators = names.map((name) => state.get(name) as Tensor1D);
  const t = state.get(`${network}/updates`)!.dataSync()[0]! + 1;
  const updated = hasFusedUpdates
    ? fusedUpdate(config.optimizer, thetas, gradients, accumulators, rule.numbers(rate, t))
    : plainUpdate(rule, thetas, gradients, accumulators, rate, t);
  [...weights.keys()].forEach((name, i) => {
    replace(weights, name, updated.thetas[i]!);
  });
  names.forEach((name, i) => {
    replace(state, name, updated.accumulators[i]!);
  });
  replace(state, `${network}/updates`, tf.tensor1d([t]));
}

/** The rule in TensorFlow's own ops, on one flat vector. */
export function plainUpdate(
  rule: UpdateRule,
  thetas: Tensor[],
  gradients: Tensor[],
  accumulators: Tensor1D[],
  rate: number,
  t: number,
): { thetas: Tensor[]; accumulators: Tensor1D[] } {
  return tf.tidy(() => {
    const named = Object.fromEntries(
      Object.keys(rule.accumulators).map((name, i) => [name, accumulators[i]!]),
    );
    const next = rule.apply(joinFlat(thetas), joinFlat(gradients), named, rate, t);
    return {
      thetas: splitFlat(
        next.theta,
        thetas.map(({ shape }) => shape),
      ),
      accumulators: Object.values(next.accumulators),
    };
  });
}

function replace(weights: Weights, name: string, value: Tensor): void {
  const old = weights.get(name);
  weights.set(name, tf.keep(value));
  old?.dispose();
}
