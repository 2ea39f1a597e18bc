import type { TrainingConfig } from '../../core/contracts/config.ts';
import type { Validation } from '../../core/contracts/evaluation.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import type { RunEventBody } from '../../core/contracts/run.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { type FolderStore, readBest, saveBest } from '../../store/index.ts';

/** Weights that a run may publish, and the iteration they are of. */
export interface Candidate {
  iteration: number;
  /** Encoder and decoder as they would be served. */
  served: NamedWeights[];
}

export interface Keeping {
  store: FolderStore;
  runId: string;
  config: Pick<TrainingConfig, 'trainOn'>;
  tell(body: RunEventBody): Promise<void>;
}

/** Evidence on images that were trained on is none: such a run publishes its last iterate, as the article does. */
const hasEvidence = ({ trainOn }: Keeping['config']): boolean => trainOn === 'train';

/** Keeps the weights of a checkpoint that is the best so far. @returns whether they count @throws disk_full */
export async function keepBest(
  { store, runId, config }: Keeping,
  { iteration }: Validation,
  served: NamedWeights[],
): Promise<boolean> {
  if (!hasEvidence(config)) return false;
  await saveBest(store, runId, iteration, served);
  return true;
}

/**
 * What a run that has been trained publishes: the weights of its best checkpoint by evidence, or its last where there is
 * no evidence. Weights that are gone or damaged are told as a warning, and the last ones are taken.
 */
export async function chooseCandidate(
  { store, runId, config, tell }: Keeping,
  last: Candidate,
  best: Validation | undefined,
): Promise<Candidate> {
  if (!best || best.iteration === last.iteration || !hasEvidence(config)) return last;
  const { iteration } = best;
  const served = await readBest(store, runId, iteration).catch((error: unknown) => {
    if (errorCodeOf(error) !== 'checkpoint_corrupt') throw error;
    return undefined;
  });
  if (served) return { iteration, served };
  const message = `The weights of iteration ${iteration}, the best so far, cannot be read; those of iteration ${last.iteration} are taken.`;
  await tell({ type: 'log', data: { level: 'warn', message } });
  return last;
}
