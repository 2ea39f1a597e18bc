import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import type { Diagnosis, Evaluation, Validation } from '../../core/contracts/evaluation.ts';
import type { ImageSpec, NamedWeights } from '../../core/contracts/model.ts';
import type { RunRecord } from '../../core/contracts/run.ts';
import type { FolderStore } from '../../store/index.ts';
import type { CheckpointScorer } from '../../training/evaluation/checkpoint-scorer.ts';
import {
  diagnoseEvaluation,
  diagnoseLive,
  type LiveWindow,
  LOSSES_KEPT,
  MEASURES_KEPT,
} from '../../training/evaluation/diagnose.ts';
import type { Recorder } from './recorder.ts';

/** The newest numbers, which diagnoses are based on, and the validation scores of every checkpoint. */
type History = LiveWindow & { validations: Validation[] };

/** Training may resume this many checkpoints back and still find all the numbers of an uninterrupted run. */
const CHECKPOINTS_BACK = 2;

export interface DiagnoserOptions {
  record: RunRecord;
  image: ImageSpec;
  store: FolderStore;
  scorer: Pick<CheckpointScorer, 'score' | 'dispose'>;
  recorder: Pick<Recorder, 'append'>;
  /** The checkpoint that training resumes from. Later checkpoints are scored again. */
  resumedAt: number;
}

/**
 * Looks for known failures in a run's newest losses and scores, and appends each diagnosis once per severity. The
 * numbers are stored with every checkpoint, so a resumed run makes the diagnoses of an uninterrupted one.
 */
export class Diagnoser {
  readonly #options: DiagnoserOptions;
  /** Code and severity of every diagnosis that must not be appended again. */
  readonly #appended: Set<string>;
  /** More than a diagnosis needs, since training may resume before the newest checkpoint. */
  #history: History;
  /** Of the newest metrics. */
  #iteration: number;

  private constructor(options: DiagnoserOptions, history: History) {
    this.#options = options;
    this.#history = history;
    this.#iteration = options.resumedAt;
    this.#appended = new Set(options.record.diagnoses?.map(keyOf));
  }

  static async open(options: DiagnoserOptions): Promise<Diagnoser> {
    const { record, store, resumedAt } = options;
    const stored = await store.readFile(fileOf(record.id));
    const known = stored ? (JSON.parse(Buffer.from(stored).toString('utf8')) as Partial<History>) : {};
    return new Diagnoser(options, upTo(resumedAt, known));
  }

  /** The checkpoint with the lowest Fréchet joint distance; undefined when no checkpoint could be scored. */
  get best(): Validation | undefined {
    return this.#history.validations.reduce<Validation | undefined>(
      (best, one) => (best && best.frechetJointDistance <= one.frechetJointDistance ? best : one),
      undefined,
    );
  }

  /** Forgets everything after an earlier iteration, from which training continues. */
  wentBack(iteration: number): void {
    this.#history = upTo(iteration, this.#history);
    this.#iteration = iteration;
  }

  get #run() {
    const { record, image } = this.#options;
    return { config: record.config, pixels: image.width * image.height, labels: image.labels };
  }

  async metrics(iteration: number, values: Record<string, number | null>): Promise<void> {
    this.#iteration = iteration;
    if (!('ganLoss' in values)) return;
    const { checkpointEvery, metricsEvery } = this.#options.record.config;
    const kept = LOSSES_KEPT + Math.ceil((CHECKPOINTS_BACK * checkpointEvery) / metricsEvery);
    const losses = [...this.#history.losses, { iteration, ganLoss: values.ganLoss ?? null }].slice(-kept);
    this.#history = { ...this.#history, losses };
    await this.#append(diagnoseLive({ losses: losses.slice(-LOSSES_KEPT), measures: [] }, this.#run));
  }

  /**
   * Scores the weights of a checkpoint, unless it was only made for a pause, and appends the scores. Call it before the
   * checkpoint is stored.
   */
  async checkpoint({ iteration, secondsElapsed }: TrainingState, served: NamedWeights[]): Promise<void> {
    const { record, store, scorer, recorder } = this.#options;
    const { checkpointEvery, iterations, warmupIterations } = record.config;
    const due = iteration % checkpointEvery === 0 || iteration === iterations;
    if (due && iteration > warmupIterations) {
      const { measure, validation } = await scorer.score(served, { iteration, secondsElapsed });
      const measures = [...this.#history.measures, measure].slice(-MEASURES_KEPT - CHECKPOINTS_BACK);
      const validations = [...this.#history.validations, ...(validation ? [validation] : [])];
      this.#history = { ...this.#history, measures, validations };
      if (validation) await recorder.append({ type: 'validation', data: validation });
      await this.#append(diagnoseLive({ losses: [], measures: measures.slice(-MEASURES_KEPT) }, this.#run));
    }
    await store.writeFile(fileOf(record.id), Buffer.from(JSON.stringify(this.#history)));
  }

  /**
   * A loss is not finite. Call it after the metrics that show it.
   * @param remedy what the run does about it; undefined when the run fails
   */
  async diverged(detail: string, remedy?: string): Promise<void> {
    const iteration = this.#iteration;
    const advice = remedy ?? 'Start again with lower learningRates, less ganWeight or another seed.';
    const severity = remedy === undefined ? 'critical' : 'warning';
    await this.#append([{ code: 'not_finite', severity, iteration, detail, advice }]);
  }

  async evaluated(evaluation: Evaluation, iteration: number): Promise<void> {
    await this.#append(diagnoseEvaluation(evaluation, { ...this.#run, iteration }));
  }

  async #append(diagnoses: Diagnosis[]): Promise<void> {
    for (const diagnosis of diagnoses) {
      if (this.#appended.has(keyOf(diagnosis))) continue;
      await this.#options.recorder.append({ type: 'diagnosis', data: diagnosis });
      this.#appended.add(keyOf(diagnosis));
      // After a critical diagnosis, a warning of the same kind says nothing new.
      this.#appended.add(keyOf({ ...diagnosis, severity: 'warning' }));
    }
  }

  dispose(): void {
    this.#options.scorer.dispose();
  }
}

const keyOf = ({ code, severity }: Pick<Diagnosis, 'code' | 'severity'>): string => `${code} ${severity}`;

function upTo(
  iteration: number,
  { losses = [], measures = [], validations = [] }: Partial<History>,
): History {
  const before = (one: { iteration: number }) => one.iteration <= iteration;
  return {
    losses: losses.filter(before),
    measures: measures.filter(before),
    validations: validations.filter(before),
  };
}

const fileOf = (runId: string): string => `runs/${runId}/live.json`;
