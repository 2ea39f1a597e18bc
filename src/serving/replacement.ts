import type { InferenceProcess } from './process.ts';

/** A fresh process that is to take the place of one that has grown too large: it first loads what that one holds. */
export class Replacement {
  readonly process: InferenceProcess;
  /** Models that it has loaded. */
  readonly held = new Set<string>();
  readonly #directory: string;
  readonly #asked = new Set<string>();
  readonly #failed = new Set<string>();
  #isUp = false;

  constructor(process: InferenceProcess, directory: string) {
    this.process = process;
    this.#directory = directory;
  }

  up(): void {
    this.#isUp = true;
  }

  loaded(modelId: string): void {
    this.held.add(modelId);
  }

  /** A model that it cannot load does not keep it from its place. */
  failed(modelId: string): void {
    this.#failed.add(modelId);
  }

  /** Whether it has all of these; asks for those that are missing. */
  has(models: readonly string[]): boolean {
    if (!this.#isUp) return false;
    for (const modelId of models) {
      if (this.#asked.has(modelId)) continue;
      this.#asked.add(modelId);
      this.process.load(modelId, this.#directory);
    }
    return models.every((modelId) => this.held.has(modelId) || this.#failed.has(modelId));
  }
}
