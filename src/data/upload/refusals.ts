import { type FieldError, StylographError } from '../../core/errors.ts';

/** Files named one by one; the others are counted. */
const LISTED = 50;
const IN_THE_TEXT = 3;

/** Collects what cannot be taken, so that all of it is told at once. */
export class Refusals {
  readonly #errors: FieldError[] = [];
  #count = 0;

  add(file: string, why: string): void {
    this.#count++;
    if (this.#errors.length < LISTED) this.#errors.push({ path: file, message: why });
  }

  /** @throws invalid_dataset when anything was added */
  settle(): void {
    if (this.#count === 0) return;
    const shown = this.#errors.slice(0, IN_THE_TEXT).map(({ path, message }) => `${path} ${message}`);
    const more = this.#count > shown.length ? `; and ${this.#count - shown.length} more` : '';
    const files = this.#count === 1 ? '1 file cannot' : `${this.#count} files cannot`;
    throw new StylographError(
      'invalid_dataset',
      `${files} be taken: ${shown.join('; ')}${more}. Correct or remove them and send the dataset again.`,
      { errors: this.#errors },
    );
  }
}

/** @throws invalid_dataset */
export function refuse(detail: string, cause?: unknown): never {
  throw new StylographError('invalid_dataset', detail, { cause });
}

/** The first few of many, as text. */
export function some(items: readonly string[], most = 3): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

export const percent = (share: number): string => `${Math.round(100 * share)} %`;
