import type { Evaluation } from '../../../core/contracts/evaluation.ts';
import { ModelRegistry, openFolderStore } from '../../../store/index.ts';

export interface EvaluateAgain {
  /** The data folder. */
  folder: string;
  /** A model's id. */
  modelId: string;
  samples: number;
  /** Where the images that were scored are written as IDX files. */
  exportTo: string | undefined;
  signal: AbortSignal;
  onProgress(share: number): void;
}

/**
 * Evaluates a stored model in this process; what is stored with the model stays. TensorFlow is loaded only here.
 *
 * @throws evaluation_unavailable, classifier_unfit, checkpoint_corrupt, dataset_*
 */
export async function evaluateAgain(options: EvaluateAgain): Promise<Evaluation> {
  const { folder, modelId, samples, exportTo, signal, onProgress } = options;
  const [{ ensureClassifier, evaluateModel }, { loadDataset }] = await Promise.all([
    import('../../../training/evaluation/index.ts'),
    import('../../../data/datasets.ts'),
  ]);
  const store = await openFolderStore(folder);
  const registry = new ModelRegistry(store);
  const record = await registry.record(modelId);
  const dataset = await loadDataset(record.dataset, folder);
  await ensureClassifier(dataset, { store, signal, tell: async () => undefined });
  return await evaluateModel({
    record,
    weights: await registry.readWeights(modelId),
    dataset,
    dataDir: folder,
    store,
    samples,
    signal,
    onProgress,
    ...(exportTo !== undefined && { exportTo }),
  });
}
