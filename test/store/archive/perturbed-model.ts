import { newModelId, newRunId } from '../../../src/core/contracts/common.ts';
import type { TrainingConfig, TrainingConfigOverrides } from '../../../src/core/contracts/config.ts';
import type { ModelRecord, NamedWeights } from '../../../src/core/contracts/model.ts';
import { resolveConfig } from '../../../src/core/contracts/presets.ts';
import { architectureOf } from '../../../src/model/architecture.ts';
import { createNetworks, disposeNetworks, exportNetworks } from '../../../src/model/networks.ts';
import { weightsDigest } from '../../../src/store/index.ts';

export const TINY: TrainingConfig['networks'] = {
  encoder: [4, 5, 8],
  decoder: [8, 6, 4],
  discriminator: [4, 4, 4],
};

/** An untrained model with changed weights, so that every weight matters: no bias is 0 and no variance is 1. */
export function perturbedModel(overrides: TrainingConfigOverrides): {
  record: ModelRecord;
  weights: NamedWeights[];
} {
  const config = resolveConfig('article', overrides);
  const image = { width: 28, height: 28, channels: 1 as const, labels: [...'0123456789'] };
  const networks = createNetworks(architectureOf(image, config), config, 3);
  const { weights } = exportNetworks(networks);
  disposeNetworks(networks);
  for (const { name, values } of weights) {
    const isVariance = name.endsWith('variance');
    for (let i = 0; i < values.length; i++) {
      const noise = Math.sin(i * 12.9898 + name.length);
      values[i] = isVariance ? 0.5 + noise * noise : values[i]! * 1.5 + 0.05 * noise;
    }
  }
  const record: ModelRecord = {
    id: newModelId(),
    runId: newRunId(),
    preset: 'article',
    dataset: 'mnist',
    iteration: 1,
    latentDim: config.latentDim,
    image,
    config,
    digest: weightsDigest(weights),
    createdAt: new Date().toISOString(),
  };
  return { record, weights };
}
