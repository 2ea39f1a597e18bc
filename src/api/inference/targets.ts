import type { z } from 'zod';
import type { LabelReference, StyleTransferRequest } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { invalidField, type StylographError } from '../../core/errors.ts';
import { labelIndex } from './model.ts';

/** Images one style transfer may make. */
const MAX_TRANSFERS = 4_096;

const invalidTargets = (message: string): StylographError => invalidField('body.targets', message);

/**
 * Label indices to make for each of `count` styles: every label unless `targets` says otherwise.
 * @param body the JSON body; bytes of an image have no targets
 * @throws invalid_label, validation_failed
 */
export function chosenTargets(model: ModelRecord, body: unknown, count: number): number[][] {
  const targets = Buffer.isBuffer(body) ? undefined : (body as z.infer<typeof StyleTransferRequest>).targets;
  const every = model.image.labels.map((_, index) => index);
  const isNested = (given: NonNullable<typeof targets>): given is LabelReference[][] =>
    Array.isArray(given[0]);
  const indices = (references: LabelReference[]): number[] =>
    references.map((reference) => labelIndex(model, reference));

  let rows: number[][];
  if (targets === undefined) rows = Array.from({ length: count }, () => every);
  else if (!isNested(targets)) {
    const row = indices(targets as LabelReference[]);
    rows = Array.from({ length: count }, () => row);
  } else {
    if (targets.length !== count)
      throw invalidTargets(`must be one list, or one a result: ${count}, not ${targets.length}`);
    rows = targets.map(indices);
  }
  const total = rows.reduce((sum, { length }) => sum + length, 0);
  if (total > MAX_TRANSFERS)
    throw invalidTargets(`ask for ${total} images; at most ${MAX_TRANSFERS} are made at a time`);
  return rows;
}
