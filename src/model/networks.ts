import type { TrainingConfig } from '../core/contracts/config.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import { StepRandom, tf, updateAverages } from '../engine/index.ts';
import {
  type Architecture,
  type NetworkName,
  networksOf,
  statisticsSpecs,
  trainedSpecs,
  type WeightSpec,
} from './architecture.ts';
import { optimizerSpecs } from './optimizers.ts';
import { singularVectorSpecs } from './spectral.ts';
import { disposeWeights, exportWeights, importWeights, initWeights, type Weights } from './weights.ts';

const NETWORKS: NetworkName[] = ['encoder', 'decoder', 'discriminator'];

/** The three networks in training: everything that an update may change. */
export interface Networks {
  architecture: Architecture;
  trained: Record<NetworkName, Weights>;
  /** Accumulators of each network's optimiser. */
  optimizer: Record<NetworkName, Weights>;
  /** Moving statistics of batch normalisation, and the singular vectors of spectral normalisation; empty when both are off. */
  statistics: Weights;
  /** Exponential averages of the encoder's and the decoder's weights; empty when averaging is off. */
  averages: Weights;
}

/**
 * Whether a network's own loss moves this weight. L_GAN does not reach the discriminator's similarity branch, so nothing
 * trains it: it stays the random projection it starts as.
 */
const isMoved = (name: string): boolean => !name.startsWith('discriminator/similarity/');

/** The weights of a network that its own loss moves, in order. */
export function movedWeights({ trained }: Networks, network: NetworkName): Weights {
  return new Map([...trained[network]].filter(([name]) => isMoved(name)));
}

/** What each network of a configuration consists of; the plain CVAE's discriminator is empty. */
interface NetworkSpecs {
  trained: Record<NetworkName, WeightSpec[]>;
  /** Accumulators of each optimiser. */
  optimizer: Record<NetworkName, WeightSpec[]>;
  /** What steps update beside weights, without a gradient. */
  statistics: WeightSpec[];
}

function specsOf(architecture: Architecture, config: TrainingConfig): NetworkSpecs {
  const used = networksOf(config);
  const trained = perNetwork((network) =>
    used.includes(network) ? trainedSpecs(architecture[network]) : [],
  );
  return {
    trained,
    optimizer: perNetwork((network) => {
      const moved = trained[network].filter(({ name }) => isMoved(name));
      return used.includes(network) ? optimizerSpecs(network, moved, config) : [];
    }),
    statistics: [
      ...NETWORKS.flatMap((network) => statisticsSpecs(architecture[network])),
      ...singularVectorSpecs(architecture),
    ],
  };
}

const perNetwork = <T>(make: (network: NetworkName) => T): Record<NetworkName, T> => ({
  encoder: make('encoder'),
  decoder: make('decoder'),
  discriminator: make('discriminator'),
});

/** Fresh networks from a seed, or from stored weights to start from. */
export function createNetworks(
  architecture: Architecture,
  config: TrainingConfig,
  seed: number,
  initial: NamedWeights[] = [],
): Networks {
  const specs = specsOf(architecture, config);
  const isGiven = (network: NetworkName): boolean =>
    initial.some(({ name }) => name.startsWith(`${network}/`));
  const random = (stream: number): StepRandom => new StepRandom(seed, 'weights', stream);
  const networks: Networks = {
    architecture,
    trained: perNetwork((network) =>
      isGiven(network)
        ? importWeights(specs.trained[network], initial)
        : initWeights(specs.trained[network], random(NETWORKS.indexOf(network))),
    ),
    // Zeros and ones: nothing is drawn.
    optimizer: perNetwork((network) => initWeights(specs.optimizer[network], random(NETWORKS.length))),
    statistics: initWeights(specs.statistics, random(NETWORKS.length)),
    averages: new Map(),
  };
  if (config.decoderAveraging > 0) {
    for (const [name, tensor] of [...networks.trained.encoder, ...networks.trained.decoder]) {
      networks.averages.set(name, tf.keep(tensor.clone()));
    }
  }
  return networks;
}

export interface StoredNetworks {
  weights: NamedWeights[];
  optimizer: NamedWeights[];
  averages: NamedWeights[];
}

/** Everything that changes while training, as plain arrays. */
export function exportNetworks({ trained, optimizer, statistics, averages }: Networks): StoredNetworks {
  return {
    weights: [
      ...NETWORKS.flatMap((network) => exportWeights(trained[network])),
      ...exportWeights(statistics),
    ],
    optimizer: NETWORKS.flatMap((network) => exportWeights(optimizer[network])),
    averages: exportWeights(averages),
  };
}

/** The decoder as it would be served: averages if kept, and its moving statistics. */
export function servedDecoder({ trained, statistics, averages }: Networks): NamedWeights[] {
  const others = [...averages, ...statistics].filter(([name]) => name.startsWith('decoder/'));
  return exportWeights(new Map([...trained.decoder, ...others]));
}

/** The inverse of `exportNetworks`. @throws StylographError `checkpoint_corrupt` when a weight is missing or misshapen */
export function restoreNetworks(
  architecture: Architecture,
  config: TrainingConfig,
  stored: StoredNetworks,
): Networks {
  const { trained, optimizer, statistics } = specsOf(architecture, config);
  const averaged = config.decoderAveraging > 0 ? [...trained.encoder, ...trained.decoder] : [];
  return {
    architecture,
    trained: perNetwork((network) => importWeights(trained[network], stored.weights)),
    optimizer: perNetwork((network) => importWeights(optimizer[network], stored.optimizer)),
    statistics: importWeights(statistics, stored.weights),
    averages: importWeights(averaged, stored.averages),
  };
}

/** Averages ← decay·averages + (1 − decay)·weights, if averages are kept. */
export function updateWeightAverages({ trained, averages }: Networks, decay: number): void {
  if (averages.size === 0) return;
  const names = [...averages.keys()];
  const old = [...averages.values()];
  const current = names.map((name) => trained.encoder.get(name) ?? trained.decoder.get(name)!);
  updateAverages(old, current, decay).forEach((average, i) => {
    averages.set(names[i]!, tf.keep(average));
  });
  tf.dispose(old);
}

export function disposeNetworks(networks: Networks): void {
  for (const network of NETWORKS) {
    disposeWeights(networks.trained[network]);
    disposeWeights(networks.optimizer[network]);
  }
  disposeWeights(networks.statistics);
  disposeWeights(networks.averages);
}

/** The weights that a model serves: averages if kept, in the networks' order. */
export function servedWeights({
  weights,
  averages,
}: Pick<StoredNetworks, 'weights' | 'averages'>): NamedWeights[] {
  const averaged = new Map(averages.map((weight) => [weight.name, weight]));
  return weights.map((weight) => averaged.get(weight.name) ?? weight);
}
