import { newModelId, newRunId } from '../../src/core/contracts/common.ts';
import type { TrainingConfig } from '../../src/core/contracts/config.ts';
import { architectureOf } from '../../src/model/architecture.ts';
import { createNetworks, disposeNetworks, exportNetworks } from '../../src/model/networks.ts';
import { ModelRegistry, openFolderStore, weightsDigest } from '../../src/store/index.ts';

/** Publishes models with random weights in a data folder. The cost of serving does not depend on their quality. */
export async function publishUntrained(
  dataDir: string,
  { preset, config, models }: { preset: string; config: TrainingConfig; models: number },
): Promise<string[]> {
  const registry = new ModelRegistry(await openFolderStore(dataDir));
  const image = { width: 28, height: 28, channels: 1 as const, labels: [...'0123456789'] };
  const ids: string[] = [];
  for (let seed = 1; seed <= models; seed++) {
    const networks = createNetworks(architectureOf(image, config), config, seed);
    const { weights } = exportNetworks(networks);
    disposeNetworks(networks);
    const id = newModelId();
    const { latentDim } = config;
    const digest = weightsDigest(weights);
    const about = { preset, dataset: 'mnist', iteration: 1, latentDim, image, config };
    const createdAt = new Date().toISOString();
    await registry.publish({ id, runId: newRunId(), ...about, digest, createdAt }, weights);
    ids.push(id);
  }
  return ids;
}
