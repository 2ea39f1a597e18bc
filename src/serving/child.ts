/**
 * The inference child: holds loaded models and answers the calls of contracts/inference.ts, one after another.
 * It speaks to its parent only, and ends with it.
 */
import { FACTS_EVERY_MS } from '../core/contracts/engine.ts';
import type { FromInferenceChild, ToInferenceChild } from '../core/contracts/inference.ts';
import { errorCodeOf } from '../core/errors.ts';
import type { InferenceModel } from '../model/inference.ts';
import { type FolderStore, ModelRegistry, openStore } from '../store/index.ts';

const models = new Map<string, InferenceModel>();

const send = (message: FromInferenceChild): void => {
  if (process.connected) process.send?.(message);
};

const describe = (error: unknown): { code: string; message: string } => ({
  code: errorCodeOf(error) ?? 'inference_failed',
  message: error instanceof Error ? error.message : String(error),
});

/** The store that was named last. */
let opened: { directory: string; store: FolderStore } | undefined;

async function storeOf(directory: string): Promise<FolderStore> {
  if (opened?.directory !== directory) opened = { directory, store: await openStore(directory, 'prompt') };
  return opened.store;
}

async function load(modelId: string, directory: string): Promise<void> {
  const registry = await new ModelRegistry(await storeOf(directory)).source(modelId);
  const [record, weights] = await Promise.all([registry.record(modelId), registry.readWeights(modelId)]);
  const { buildInferenceModel } = await import('../model/inference.ts');
  const model = await buildInferenceModel(record, weights);
  models.get(modelId)?.dispose();
  models.set(modelId, model);
}

function answer(call: Extract<ToInferenceChild, { id: number }>): void {
  const model = models.get(call.modelId);
  if (!model) throw new Error(`Model ${call.modelId} is not loaded`);
  const { id } = call;
  const start = performance.now();
  const computeMs = (): number => performance.now() - start;
  if (call.type === 'decode') {
    const pixels = model.decode(call.latents, call.labels);
    send({ type: 'decoded', id, pixels, computeMs: computeMs() });
  } else if (call.type === 'encode') {
    const { mean, logVar } = model.encode(call.images, call.labels);
    send({ type: 'encoded', id, mean, logVar, computeMs: computeMs() });
  } else {
    const scores = model.explain(call.images);
    send({ type: 'explained', id, scores, computeMs: computeMs() });
  }
}

async function handleLoad({
  modelId,
  directory,
}: Extract<ToInferenceChild, { type: 'load' }>): Promise<void> {
  try {
    await load(modelId, directory);
    send({ type: 'loaded', modelId });
  } catch (error) {
    send({ type: 'load-failed', modelId, ...describe(error) });
  }
}

function handle(message: ToInferenceChild): void {
  switch (message.type) {
    case 'load':
      // Not awaited: models that are there answer between its steps.
      void handleLoad(message);
      return;
    case 'unload':
      models.get(message.modelId)?.dispose();
      models.delete(message.modelId);
      return;
    default:
      try {
        answer(message);
      } catch (error) {
        send({ type: 'failed', id: message.id, ...describe(error) });
      }
  }
}

// A Ctrl-C reaches the whole process group; the parent decides when this process ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));

// Importing the engine loads TensorFlow; an installation without it must be reported, not crash.
const engine = import('../engine/index.ts').then(
  ({ device, engineFacts }) => {
    send({ type: 'ready', device });
    setInterval(() => send({ type: 'facts', ...engineFacts() }), FACTS_EVERY_MS).unref();
  },
  (error) => {
    send({ type: 'fatal', ...describe(error) });
    process.exitCode = 1;
    process.disconnect();
  },
);
process.on('message', (message: ToInferenceChild) => {
  void engine.then(() => handle(message));
});
