import { FACTS_EVERY_MS } from '../core/contracts/engine.ts';
import type { FromInferenceChild, NumericArray, ToInferenceChild } from '../core/contracts/inference.ts';
import { errorCodeOf } from '../core/errors.ts';
import type { InferenceModel } from '../model/inference.ts';
import { type FolderStore, ModelRegistry, openStore } from '../store/index.ts';

type ComputeRequest = Extract<ToInferenceChild, { id: number }>;
type LoadRequest = Extract<ToInferenceChild, { type: 'load' }>;

/** Makes this process an inference child: it answers the calls of its parent, one after another, and ends with it. */
export function serveInferenceChild(): void {
  const models = new ChildModels();
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
    void engine.then(() => handle(message, models));
  });
}

function handle(message: ToInferenceChild, models: ChildModels): void {
  switch (message.type) {
    case 'load': {
      const { modelId } = message;
      // Not awaited: loaded models answer between its steps.
      models.load(message).then(
        () => send({ type: 'loaded', modelId }),
        (error) => send({ type: 'load-failed', modelId, ...describe(error) }),
      );
      return;
    }
    case 'unload':
      models.unload(message.modelId);
      return;
    default:
      try {
        send(compute(message, models.get(message.modelId)));
      } catch (error) {
        send({ type: 'failed', id: message.id, ...describe(error) });
      }
  }
}

function compute(request: ComputeRequest, model: InferenceModel): FromInferenceChild {
  const start = performance.now();
  const outputs = outputsOf(request, model);
  return { type: 'computed', id: request.id, outputs, computeMs: performance.now() - start };
}

function outputsOf(request: ComputeRequest, model: InferenceModel): Record<string, NumericArray> {
  switch (request.type) {
    case 'decode':
      return { pixels: model.decode(request.latents, request.labels) };
    case 'encode':
      return model.encode(request.images, request.labels);
    case 'explain':
      return { scores: model.explain(request.images) };
  }
}

/** The models in this process's memory. */
class ChildModels {
  readonly #models = new Map<string, InferenceModel>();
  /** The store that was named last. */
  #opened: { directory: string; store: FolderStore } | undefined;

  get(modelId: string): InferenceModel {
    const model = this.#models.get(modelId);
    if (!model) throw new Error(`Model ${modelId} is not loaded`);
    return model;
  }

  async load({ modelId, directory }: LoadRequest): Promise<void> {
    const registry = await new ModelRegistry(await this.#storeAt(directory)).source(modelId);
    const [record, weights] = await Promise.all([registry.record(modelId), registry.readWeights(modelId)]);
    const { buildInferenceModel } = await import('../model/inference.ts');
    const model = await buildInferenceModel(record, weights);
    this.unload(modelId);
    this.#models.set(modelId, model);
  }

  unload(modelId: string): void {
    this.#models.get(modelId)?.dispose();
    this.#models.delete(modelId);
  }

  async #storeAt(directory: string): Promise<FolderStore> {
    if (this.#opened?.directory !== directory) {
      this.#opened = { directory, store: await openStore(directory, 'prompt') };
    }
    return this.#opened.store;
  }
}

function send(message: FromInferenceChild): void {
  if (process.connected) process.send?.(message);
}

function describe(error: unknown): { code: string; message: string } {
  return {
    code: errorCodeOf(error) ?? 'inference_failed',
    message: error instanceof Error ? error.message : String(error),
  };
}
