import type { Evaluation } from '../../core/contracts/evaluation.ts';
import { loadDataset } from '../../data/datasets.ts';
import { ModelRegistry, openFolderStore } from '../../store/index.ts';
import type { EvaluationTask, FromEvaluationChild, ToEvaluationChild } from './client.ts';

/**
 * Makes this process an evaluation child. It evaluates the model of its `start` message, sends the result and exits.
 * Only the parent stops it: it ignores signals to its process group, and exits when the parent is gone.
 */
export function serveEvaluationChild(): void {
  const stop = new AbortController();
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(1));
  process.on('message', (message: ToEvaluationChild) => {
    if (message.type === 'stop') stop.abort();
    else {
      evaluate(message.task, stop.signal)
        .then((evaluation): FromEvaluationChild => ({ type: 'evaluated', evaluation }), failed)
        .then((answer) => process.send!(answer, () => process.exit(0)));
    }
  });
}

async function evaluate(
  { folder, modelId, samples, exportTo }: EvaluationTask,
  signal: AbortSignal,
): Promise<Evaluation> {
  // These load TensorFlow. If it is missing, that is the error of this evaluation.
  const { ensureClassifier } = await import('./reference-classifier.ts');
  const { evaluateModel } = await import('./evaluate.ts');
  const store = await openFolderStore(folder);
  const registry = new ModelRegistry(store);
  const record = await registry.record(modelId);
  const dataset = await loadDataset(record.dataset, folder);
  await ensureClassifier(dataset, { store, signal, log: async () => undefined });
  return await evaluateModel({
    record,
    weights: await registry.readWeights(modelId),
    dataset,
    dataDir: folder,
    store,
    samples,
    signal,
    onProgress: (share) => {
      process.send!({ type: 'progress', share } satisfies FromEvaluationChild);
    },
    ...(exportTo !== undefined && { exportTo }),
  });
}

function failed(error: unknown): FromEvaluationChild {
  const { code, message, stack } = Object(error) as Partial<NodeJS.ErrnoException>;
  if (typeof code === 'string' && message !== undefined) return { type: 'failed', code, message };
  return { type: 'failed', code: 'internal', message: stack ?? message ?? String(error) };
}
