import { type Tensor, tf } from '../engine/index.ts';
import type { NetworkName } from './architecture.ts';
import { discriminatorGradients } from './discriminator-gradients.ts';
import { cvaeGradients, jointGradients } from './joint-gradients.ts';
import { movedWeights, type Networks } from './networks.ts';
import { updateNetwork } from './optimizers.ts';
import type { StepInput, StepSettings } from './training-pass.ts';

/*
 * One optimiser update per function. A step moves the weights of the networks that it names and no others, and returns its
 * losses before the update.
 */

/** Losses by name as numbers. */
type Numbers<Losses> = { [Name in keyof Losses]: number };

/** Reads scalars in one transfer. */
function readLosses<Losses extends Partial<Record<string, Tensor>>>(losses: Losses): Numbers<Losses> {
  const all = Object.entries(losses as Record<string, Tensor>);
  const values = tf.stack(all.map(([, loss]) => loss.reshape([]))).dataSync();
  return Object.fromEntries(all.map(([name], i) => [name, values[i]])) as Numbers<Losses>;
}

/** Applies a network's gradients by its optimiser, with its learning rate. */
function update(
  networks: Networks,
  network: NetworkName,
  gradients: Tensor[],
  { config, rateFactor }: StepSettings,
): void {
  const moved = movedWeights(networks, network);
  const rate = config.learningRates[network] * rateFactor;
  updateNetwork(network, moved, gradients, networks.optimizer[network], rate, config);
  for (const [name, tensor] of moved) networks.trained[network].set(name, tensor);
}

/**
 * The discriminator minimises L_GAN.
 *
 * @returns L_GAN, and the entropies of its answers if the gate uses them
 */
export function discriminatorStep(networks: Networks, input: StepInput, settings: StepSettings) {
  return tf.tidy(() => {
    const { losses, gradients } = discriminatorGradients(networks, input, settings);
    update(networks, 'discriminator', gradients.discriminator, settings);
    return readLosses(losses);
  });
}

/**
 * The encoder minimises L_llike + L_prior and the decoder γ·L_llike − L_GAN; both gradients are computed before either is applied.
 *
 * @param moves whether the decoder moves too
 */
export function jointStep(
  networks: Networks,
  input: StepInput,
  settings: StepSettings,
  { decoder: moves = true }: { decoder?: boolean } = {},
) {
  return tf.tidy(() => {
    const { losses, gradients } = jointGradients(networks, input, settings);
    update(networks, 'encoder', gradients.encoder, settings);
    if (moves) update(networks, 'decoder', gradients.decoder, settings);
    return readLosses(losses);
  });
}

/** Encoder and decoder minimise the plain conditional VAE's loss, without a discriminator. */
export function cvaeStep(networks: Networks, input: Pick<StepInput, 'x' | 'y'>, settings: StepSettings) {
  return tf.tidy(() => {
    const { losses, gradients } = cvaeGradients(networks, input, settings);
    update(networks, 'encoder', gradients.encoder, settings);
    update(networks, 'decoder', gradients.decoder, settings);
    return readLosses(losses);
  });
}
