import type { TrainingState } from '../../core/contracts/checkpoint.ts';
import type { Dataset } from '../../core/contracts/dataset.ts';
import type { Diagnosis, Evaluation, Validation } from '../../core/contracts/evaluation.ts';
import type { NamedWeights } from '../../core/contracts/model.ts';
import type { RunEventBody, RunRecord } from '../../core/contracts/run.ts';
import type { FolderStore } from '../../store/index.ts';
import type * as evaluation from '../../training/evaluation/index.ts';
import { imageSpec } from './image-spec.ts';

/** What measures and judges, apart from this room so that it is loaded only in the process that needs it. */
export type Diagnostics = Pick<typeof evaluation, 'diagnoseLive' | 'diagnoseEvaluation'> & {
  LOSSES_KEPT: number;
  MEASURES_KEPT: number;
  watch(
    ...over: Parameters<typeof evaluation.Watch.over>
  ): Promise<Pick<evaluation.Watch, 'measure' | 'dispose'>>;
};

/** The newest numbers to judge by, and every checkpoint's evidence. */
type History = evaluation.LiveWindow & { validations: Validation[] };

/** How far back training may go on with all the numbers that an unbroken run would have. */
const CHECKPOINTS_BACK = 2;

export interface DiagnoserOptions {
  record: RunRecord;
  dataset: Dataset;
  store: FolderStore;
  tell(body: RunEventBody): Promise<void>;
  /** The checkpoint that training goes on from; what came after it is measured again. */
  resumedAt: number;
}

/**
 * Watches a run for known failures: keeps its newest numbers and tells what they show, each code once for each severity.
 * The numbers are stored with every checkpoint, so that a run which goes on from one tells what an unbroken one would.
 */
export class Diagnoser {
  readonly #diagnostics: Diagnostics;
  readonly #options: DiagnoserOptions;
  readonly #watch: Awaited<ReturnType<Diagnostics['watch']>>;
  readonly #told: Set<string>;
  /** More than is looked at, since training may go on from a checkpoint before the newest. */
  #history: History;
  /** Of the newest metrics. */
  #iteration: number;

  private constructor(
    diagnostics: Diagnostics,
    options: DiagnoserOptions,
    watch: Awaited<ReturnType<Diagnostics['watch']>>,
    history: History,
  ) {
    this.#diagnostics = diagnostics;
    this.#options = options;
    this.#watch = watch;
    this.#history = history;
    this.#iteration = options.resumedAt;
    this.#told = new Set(options.record.diagnoses?.map(keyOf));
  }

  static async open(diagnostics: Diagnostics, options: DiagnoserOptions): Promise<Diagnoser> {
    const { record, dataset, store, resumedAt } = options;
    const image = imageSpec(dataset);
    const watch = await diagnostics.watch(dataset, { image, config: record.config });
    const stored = await store.readFile(fileOf(record.id));
    const known = stored ? (JSON.parse(Buffer.from(stored).toString('utf8')) as Partial<History>) : {};
    return new Diagnoser(diagnostics, options, watch, upTo(resumedAt, known));
  }

  /** The checkpoint whose weights draw best by its evidence; undefined where nothing could be judged. */
  get best(): Validation | undefined {
    return this.#history.validations.reduce<Validation | undefined>(
      (best, one) => (best && best.frechetJointDistance <= one.frechetJointDistance ? best : one),
      undefined,
    );
  }

  /** Training goes on from an earlier iteration: what came after it did not happen. */
  wentBack(iteration: number): void {
    this.#history = upTo(iteration, this.#history);
    this.#iteration = iteration;
  }

  get #run() {
    const { record, dataset } = this.#options;
    const { width, height, labels } = dataset.info;
    return { config: record.config, pixels: width * height, labels: labels.map(({ name }) => name) };
  }

  async metrics(iteration: number, values: Record<string, number | null>): Promise<void> {
    this.#iteration = iteration;
    if (!('ganLoss' in values)) return;
    const { LOSSES_KEPT, diagnoseLive } = this.#diagnostics;
    const { checkpointEvery, metricsEvery } = this.#options.record.config;
    const kept = LOSSES_KEPT + Math.ceil((CHECKPOINTS_BACK * checkpointEvery) / metricsEvery);
    const losses = [...this.#history.losses, { iteration, ganLoss: values.ganLoss ?? null }].slice(-kept);
    this.#history = { ...this.#history, losses };
    await this.#tellAll(diagnoseLive({ losses: losses.slice(-LOSSES_KEPT), measures: [] }, this.#run));
  }

  /**
   * Call before the checkpoint is stored. Checkpoints that a pause asks for are not measured, others are, and their
   * evidence is told.
   */
  async checkpoint({ iteration, secondsElapsed }: TrainingState, served: NamedWeights[]): Promise<void> {
    const { record, store, tell } = this.#options;
    const { MEASURES_KEPT, diagnoseLive } = this.#diagnostics;
    const { checkpointEvery, iterations, warmupIterations } = record.config;
    const due = iteration % checkpointEvery === 0 || iteration === iterations;
    if (due && iteration > warmupIterations) {
      const { measure, validation } = await this.#watch.measure(served, { iteration, secondsElapsed });
      const measures = [...this.#history.measures, measure].slice(-MEASURES_KEPT - CHECKPOINTS_BACK);
      const validations = [...this.#history.validations, ...(validation ? [validation] : [])];
      this.#history = { ...this.#history, measures, validations };
      if (validation) await tell({ type: 'validation', data: validation });
      await this.#tellAll(diagnoseLive({ losses: [], measures: measures.slice(-MEASURES_KEPT) }, this.#run));
    }
    await store.writeFile(fileOf(record.id), Buffer.from(JSON.stringify(this.#history)));
  }

  /**
   * A loss stopped being a finite number; the metrics that show it have been told.
   * @param remedy what is done about it; undefined when the run fails
   */
  async diverged(what: string, remedy?: string): Promise<void> {
    const iteration = this.#iteration;
    const advice = remedy ?? 'Start again with lower learningRates, less ganWeight or another seed.';
    const severity = remedy === undefined ? 'critical' : 'warning';
    await this.#tellAll([{ code: 'not_finite', severity, iteration, detail: what, advice }]);
  }

  async evaluated(found: Evaluation, iteration: number): Promise<void> {
    await this.#tellAll(this.#diagnostics.diagnoseEvaluation(found, { ...this.#run, iteration }));
  }

  async #tellAll(diagnoses: Diagnosis[]): Promise<void> {
    for (const diagnosis of diagnoses) {
      if (this.#told.has(keyOf(diagnosis))) continue;
      await this.#options.tell({ type: 'diagnosis', data: diagnosis });
      this.#told.add(keyOf(diagnosis));
      // What was critical is not told again when it gets somewhat better.
      this.#told.add(keyOf({ ...diagnosis, severity: 'warning' }));
    }
  }

  dispose(): void {
    this.#watch.dispose();
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
