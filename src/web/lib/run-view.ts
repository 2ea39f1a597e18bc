import type {
  CheckpointInfo,
  Diagnosis,
  Evaluation,
  Figure,
  Run,
  RunEvent,
  Series,
  Validation,
} from './contract.ts';

/** A picture drawn while training, as its file name tells: `{kind}[-{label}]-{iteration}.png`. */
export interface Sample {
  kind: string;
  /** The one label it shows; undefined for all. */
  label?: number;
  iteration: number;
  file: string;
}

export interface LogLine {
  id: string;
  level: string;
  message: string;
}

/** All that a page shows of a run: what was loaded, and the events since. */
export interface RunView {
  run: Run;
  /** Values by iteration by name. */
  series: Map<string, Map<number, number | null>>;
  /** Pictures drawn while training, ascending by iteration, by kind (`labels`, `manifold`, …). */
  samples: Map<string, Sample[]>;
  /** Files drawn at the end. */
  finals: string[];
  checkpoints: number[];
  log: LogLine[];
  /** The newest event that is in here. */
  lastEventId: string;
}

export interface History {
  series: Series;
  figures: Figure[];
  checkpoints: CheckpointInfo[];
}

const START = '0-0';

/** Stream ids are two numbers. */
export function isAfter(a: string, b: string): boolean {
  const [aTime = 0, aCount = 0] = a.split('-').map(Number);
  const [bTime = 0, bCount = 0] = b.split('-').map(Number);
  return aTime === bTime ? aCount > bCount : aTime > bTime;
}

export function emptyView(run: Run, lastEventId = START): RunView {
  return { run, series: new Map(), samples: new Map(), finals: [], checkpoints: [], log: [], lastEventId };
}

function addPoint(view: RunView, name: string, iteration: number, value: number | null): void {
  const points = view.series.get(name) ?? new Map<number, number | null>();
  points.set(iteration, value);
  view.series.set(name, points);
}

export function parseSample(file: string): Sample | undefined {
  const found = /^([a-z]+(?:-[a-z]+)*)(?:-(\d{1,3}))?-(\d{9})\.\w+$/.exec(file);
  if (found === null) return undefined;
  const [, kind = '', label, iteration] = found;
  return { kind, ...(label !== undefined && { label: Number(label) }), iteration: Number(iteration), file };
}

function addPicture(view: RunView, file: string): void {
  const sample = parseSample(file);
  if (sample === undefined) {
    if (!view.finals.includes(file)) view.finals = [...view.finals, file].sort();
    return;
  }
  const samples = (view.samples.get(sample.kind) ?? []).filter((other) => other.file !== file);
  view.samples.set(
    sample.kind,
    [...samples, sample].sort((a, b) => a.iteration - b.iteration),
  );
}

/** As the run itself chooses, for as long as the page follows it. */
function withBest(run: Run, validation: Validation): Run {
  const isBetter = run.best === undefined || validation.frechetJointDistance < run.best.frechetJointDistance;
  return isBetter && run.config.trainOn === 'train' ? { ...run, best: validation } : run;
}

function addCheckpoint(view: RunView, iteration: number): void {
  if (!view.checkpoints.includes(iteration)) {
    view.checkpoints = [...view.checkpoints, iteration].sort((a, b) => a - b);
  }
}

/** Adds what was stored before the events that are followed; what is there already stays as it is. */
export function withHistory(before: RunView, history: History): RunView {
  const view = copy(before);
  for (const [name, points] of Object.entries(history.series)) {
    for (const [iteration, value] of points) addPoint(view, name, iteration, value);
  }
  for (const { file } of history.figures) addPicture(view, file);
  for (const { iteration } of history.checkpoints) addCheckpoint(view, iteration);
  return view;
}

const copy = (view: RunView): RunView => ({
  ...view,
  series: new Map(view.series),
  samples: new Map(view.samples),
});

function addDiagnosis(run: Run, diagnosis: Diagnosis): Run {
  const others = (run.diagnoses ?? []).filter(({ code }) => code !== diagnosis.code);
  return { ...run, diagnoses: [...others, diagnosis] };
}

/** The view after one more event. An event that is in it already changes nothing. */
export function withEvent(before: RunView, { id, type, data }: RunEvent): RunView {
  if (type === 'reset') return { ...copy(before), run: data as unknown as Run, lastEventId: id };
  if (!isAfter(id, before.lastEventId)) return before;
  const view = copy({ ...before, lastEventId: id });
  const { run } = view;
  switch (type) {
    case 'state':
    case 'end':
      view.run = { ...run, state: data.state as Run['state'] };
      break;
    case 'progress':
      view.run = { ...run, progress: data as unknown as Run['progress'] };
      break;
    case 'metrics': {
      const { iteration, ...values } = data as Record<string, number | null> & { iteration: number };
      view.run = { ...run, metrics: data as Run['metrics'] };
      for (const [name, value] of Object.entries(values)) addPoint(view, name, iteration, value);
      break;
    }
    case 'validation': {
      const validation: Validation = data as never;
      const { iteration, samples: _, secondsElapsed: __, ...scores } = validation;
      for (const [name, value] of Object.entries(scores)) addPoint(view, name, iteration, value);
      view.run = withBest(run, validation);
      break;
    }
    case 'sample':
      addPicture(view, data.figure as string);
      break;
    case 'checkpoint':
      addCheckpoint(view, data.iteration as number);
      break;
    case 'evaluation':
      view.run = { ...run, evaluation: data as unknown as Evaluation };
      break;
    case 'diagnosis':
      view.run = addDiagnosis(run, data as unknown as Diagnosis);
      break;
    case 'log':
      view.log = [...view.log, { id, level: data.level as string, message: data.message as string }];
      break;
  }
  return view;
}
