import { type FieldError, StylographError } from '../../core/errors.ts';

/** Files in the error's list; the others are only counted. */
const LISTED = 50;
/** Files in the error's text. */
const IN_THE_TEXT = 3;

/** Collects the files that cannot be used, so that one error names all of them. */
export class Refusals {
  readonly #errors: FieldError[] = [];
  #count = 0;

  /** @param why a predicate for the file's name, such as "is a symbolic link" */
  add(file: string, why: string): void {
    this.#count++;
    if (this.#errors.length < LISTED) this.#errors.push({ path: file, message: why });
  }

  /** @throws invalid_dataset if any file was added */
  throwIfAny(): void {
    if (this.#count === 0) return;
    const shown = this.#errors.slice(0, IN_THE_TEXT).map(({ path, message }) => `${path} ${message}`);
    const more = this.#count > shown.length ? `; and ${this.#count - shown.length} more` : '';
    const files = this.#count === 1 ? '1 file' : `${this.#count} files`;
    throw new StylographError(
      'invalid_dataset',
      `${files} cannot be used: ${shown.join('; ')}${more}. Correct or remove them and send the dataset again.`,
      { errors: this.#errors },
    );
  }
}

/** @throws invalid_dataset */
export function refuse(detail: string, cause?: unknown): never {
  throw new StylographError('invalid_dataset', detail, { cause });
}
