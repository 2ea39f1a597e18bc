import type { TrainingConfig } from '../../core/contracts/config.ts';
import type { Validation } from '../../core/contracts/evaluation.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { type FolderStore, readBest } from '../../store/index.ts';

/** Weights that a run may publish. */
export interface Candidate {
  iteration: number;
  /** Encoder and decoder in their serving form. */
  served: NamedWeights[];
}

/**
 * Validation scores choose a checkpoint only if the validation images were held out. Otherwise the run publishes its
 * last weights, as the article does.
 */
export const isJudgedByValidation = ({ trainOn }: Pick<TrainingConfig, 'trainOn'>): boolean =>
  trainOn === 'train';

/**
 * Chooses what a trained run publishes: the weights of its best checkpoint, or the last ones when validation does not
 * decide. If the best weights are missing or damaged it warns and takes the last ones.
 */
export async function chooseCandidate(
  store: FolderStore,
  { id: runId, config }: Pick<RunRecord, 'id' | 'config'>,
  { last, best }: { last: Candidate; best: Validation | undefined },
  warn: (message: string) => Promise<void>,
): Promise<Candidate> {
  if (!best || best.iteration === last.iteration || !isJudgedByValidation(config)) return last;
  const { iteration } = best;
  const served = await readBest(store, runId, iteration).catch((error: unknown) => {
    if (errorCodeOf(error) !== 'checkpoint_corrupt') throw error;
    return undefined;
  });
  if (served) return { iteration, served };
  await warn(
    `The best weights, of iteration ${iteration}, cannot be read. The run publishes those of iteration ${last.iteration}.`,
  );
  return last;
}
