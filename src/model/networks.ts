import type { TrainingConfig } from '../core/contracts/config.ts';
import type { NamedWeights } from '../core/contracts/model.ts';
import { StepRandom, tf, updateAverages } from '../engine/index.ts';
import { decoderSpecs, decoderStatistics } from './decoder.ts';
import { discriminatorSpecs, discriminatorStatistics } from './discriminator.ts';
import { encoderSpecs, encoderStatistics } from './encoder.ts';
import { optimizerSpecs } from './optimizers.ts';
import type { ModelShape } from './shape.ts';
import { singularVectorSpecs } from './spectral.ts';
import {
  disposeWeights,
  exportWeights,
  importWeights,
  initWeights,
  type NetworkName,
  type WeightSpec,
  type Weights,
} from './weights.ts';

const NETWORKS: NetworkName[] = ['encoder', 'decoder', 'discriminator'];

/** The three networks while they train: all that an update may change. */
export interface Networks {
  shape: ModelShape;
  trained: Record<NetworkName, Weights>;
  /** Accumulators of each network's optimiser. */
  optimizer: Record<NetworkName, Weights>;
  /** Moving statistics of batch normalisation, all networks, and what spectral normalisation remembers; empty without. */
  statistics: Weights;
  /** Exponential averages of the encoder's and the decoder's weights; empty where none are kept. */
  averages: Weights;
}

export function specsOf(shape: ModelShape): Record<NetworkName, WeightSpec[]> {
  return {
    encoder: encoderSpecs(shape),
    decoder: decoderSpecs(shape),
    discriminator: discriminatorSpecs(shape),
  };
}

/**
 * The weights of a network that its own loss moves. L_GAN does not reach the discriminator's similarity branch, so
 * nothing trains it: it stays the random projection it starts as.
 */
export function isMoved(network: NetworkName, name: string): boolean {
  return network !== 'discriminator' || !name.startsWith('discriminator/similarity/');
}
const movedSpecs = (network: NetworkName, specs: WeightSpec[]): WeightSpec[] =>
  specs.filter(({ name }) => isMoved(network, name));

/** What steps carry along beside weights, and no loss moves. */
export function statisticsSpecsOf(shape: ModelShape): WeightSpec[] {
  return [
    ...encoderStatistics(shape),
    ...decoderStatistics(shape),
    ...discriminatorStatistics(shape),
    ...singularVectorSpecs(shape),
  ];
}

/** The plain CVAE has no discriminator: none is made, stored or served. */
export function networksOf(config: Pick<TrainingConfig, 'objective'>): NetworkName[] {
  return config.objective === 'cvae' ? ['encoder', 'decoder'] : NETWORKS;
}

const perNetwork = <T>(make: (network: NetworkName) => T): Record<NetworkName, T> => ({
  encoder: make('encoder'),
  decoder: make('decoder'),
  discriminator: make('discriminator'),
});

/** Fresh networks from a seed, or from stored weights to start from. */
export function createNetworks(
  shape: ModelShape,
  config: TrainingConfig,
  seed: number,
  initial: NamedWeights[] = [],
): Networks {
  const specs = specsOf(shape);
  const used = networksOf(config);
  const of = (network: NetworkName): WeightSpec[] => (used.includes(network) ? specs[network] : []);
  const optimizerStateOf = (network: NetworkName): WeightSpec[] =>
    used.includes(network) ? optimizerSpecs(network, movedSpecs(network, specs[network]), config) : [];
  const startsFrom = (network: NetworkName): boolean =>
    initial.some(({ name }) => name.startsWith(`${network}/`));
  const networks: Networks = {
    shape,
    trained: perNetwork((network) =>
      startsFrom(network)
        ? importWeights(of(network), initial)
        : initWeights(of(network), new StepRandom(seed, 'weights', NETWORKS.indexOf(network))),
    ),
    optimizer: perNetwork((network) =>
      initWeights(optimizerStateOf(network), new StepRandom(seed, 'weights', NETWORKS.length)),
    ),
    statistics: initWeights(statisticsSpecsOf(shape), new StepRandom(seed, 'weights', NETWORKS.length)),
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

/** The decoder alone as it would be served: averages where they are kept, and its moving statistics. */
export function servedDecoder({ trained, statistics, averages }: Networks): NamedWeights[] {
  const ofDecoder = (weights: Weights): Weights =>
    new Map([...weights].filter(([name]) => name.startsWith('decoder/')));
  return exportWeights(new Map([...trained.decoder, ...ofDecoder(averages), ...ofDecoder(statistics)]));
}

/** The inverse of `exportNetworks`. @throws StylographError `checkpoint_corrupt` where a weight does not fit. */
export function restoreNetworks(shape: ModelShape, config: TrainingConfig, stored: StoredNetworks): Networks {
  const specs = specsOf(shape);
  const used = networksOf(config);
  const of = (network: NetworkName): WeightSpec[] => (used.includes(network) ? specs[network] : []);
  const optimizerStateOf = (network: NetworkName): WeightSpec[] =>
    used.includes(network) ? optimizerSpecs(network, movedSpecs(network, specs[network]), config) : [];
  return {
    shape,
    trained: perNetwork((network) => importWeights(of(network), stored.weights)),
    optimizer: perNetwork((network) => importWeights(optimizerStateOf(network), stored.optimizer)),
    statistics: importWeights(statisticsSpecsOf(shape), stored.weights),
    averages: importWeights(
      config.decoderAveraging > 0 ? [...of('encoder'), ...of('decoder')] : [],
      stored.averages,
    ),
  };
}

/** Averages ← decay·averages + (1 − decay)·weights; nothing where none are kept. */
export function followWeights({ trained, averages }: Networks, decay: number): void {
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

/** The weights a model is served with: averages where they are kept, in the networks' order. Pure; no tensors. */
export function servedWeights({
  weights,
  averages,
}: Pick<StoredNetworks, 'weights' | 'averages'>): NamedWeights[] {
  const averaged = new Map(averages.map((weight) => [weight.name, weight]));
  return weights.map((weight) => averaged.get(weight.name) ?? weight);
}
