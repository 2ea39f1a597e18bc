import type { NamedWeights } from '../core/contracts/model.ts';
import { decode, encode } from './safetensors.ts';
import type { FolderStore } from './store.ts';

const ENDING = '.safetensors';

/** Weights of some iterations of a run, a file each, in a folder of the run's. */
export class IterationWeights {
  readonly #store: FolderStore;
  readonly #folder: string;

  /** @param kind the folder's name */
  constructor(store: FolderStore, runId: string, kind: 'best' | 'snapshots') {
    this.#store = store;
    this.#folder = `runs/${runId}/${kind}`;
  }

  #pathOf(iteration: number): string {
    return `${this.#folder}/${String(iteration).padStart(9, '0')}${ENDING}`;
  }

  /** The same iteration again replaces it. @throws disk_full */
  async save(iteration: number, weights: readonly NamedWeights[]): Promise<void> {
    await this.#store.writeFile(this.#pathOf(iteration), encode(weights));
  }

  /** Iterations of which there are weights, ascending. */
  async list(): Promise<number[]> {
    const names = await this.#store.list(this.#folder);
    return names.filter((name) => name.endsWith(ENDING)).map((name) => Number.parseInt(name, 10));
  }

  /** @throws checkpoint_corrupt when the file is damaged; undefined when there is none. */
  async read(iteration: number): Promise<NamedWeights[] | undefined> {
    const bytes = await this.#store.readFile(this.#pathOf(iteration));
    return bytes && decode(bytes).weights;
  }

  async remove(iteration: number): Promise<void> {
    await this.#store.remove(this.#pathOf(iteration));
  }

  async removeAll(): Promise<void> {
    await this.#store.remove(this.#folder);
  }
}
