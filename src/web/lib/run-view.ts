import type { Checkpoint, Diagnosis, Figure, Run, RunEvent, Validation } from '../../client/index.ts';

/** A picture drawn during training; its file name is `{kind}[-{label}]-{iteration}.png`. */
export interface Sample {
  kind: string;
  /** Index of the label shown; undefined for all labels. */
  label?: number;
  iteration: number;
  file: string;
}

export interface LogLine {
  id: string;
  level: string;
  message: string;
}

/** What a page shows of a run: loaded data and later events. */
export interface RunView {
  run: Run;
  /** Values by iteration by name. */
  series: Map<string, Map<number, number | null>>;
  /** Pictures drawn during training by kind (`labels`, `manifold`, …), ascending by iteration. */
  samples: Map<string, Sample[]>;
  /** Files of the final figures. */
  finals: string[];
  checkpoints: number[];
  log: LogLine[];
  /** Id of the newest event included. */
  lastEventId: string;
}

export interface History {
  series: Record<string, [iteration: number, value: number | null][]>;
  figures: Pick<Figure, 'file'>[];
  checkpoints: Pick<Checkpoint, 'iteration'>[];
}

const START = '0-0';

/** Compares event ids, which are two numbers. */
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

function addPoints(view: RunView, iteration: number, values: Record<string, number | null>): void {
  for (const [name, value] of Object.entries(values)) addPoint(view, name, iteration, value);
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

/** Updates the best checkpoint by the rule of the run itself. */
function withBest(run: Run, validation: Validation): Run {
  const isBetter = run.best === undefined || validation.frechetJointDistance < run.best.frechetJointDistance;
  return isBetter && run.config.trainOn === 'train' ? { ...run, best: validation } : run;
}

function addCheckpoint(view: RunView, iteration: number): void {
  if (!view.checkpoints.includes(iteration)) {
    view.checkpoints = [...view.checkpoints, iteration].sort((a, b) => a - b);
  }
}

/** Adds data that was stored before the first followed event. */
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

/** The view after one more event. An event that is already included changes nothing. */
export function withEvent(before: RunView, event: RunEvent): RunView {
  if (event.type === 'reset') return { ...copy(before), run: event.data, lastEventId: event.id };
  if (!isAfter(event.id, before.lastEventId)) return before;
  const view = copy({ ...before, lastEventId: event.id });
  const { run } = view;
  switch (event.type) {
    case 'state':
    case 'end':
      view.run = { ...run, state: event.data.state };
      break;
    case 'progress':
      view.run = { ...run, progress: event.data };
      break;
    case 'metrics': {
      const { iteration, ...values } = event.data;
      view.run = { ...run, metrics: event.data };
      addPoints(view, iteration, values);
      break;
    }
    case 'validation': {
      const { iteration, samples: _, secondsElapsed: __, ...scores } = event.data;
      addPoints(view, iteration, scores);
      view.run = withBest(run, event.data);
      break;
    }
    case 'sample':
      addPicture(view, event.data.figure);
      break;
    case 'checkpoint':
      addCheckpoint(view, event.data.iteration);
      break;
    case 'evaluation':
      view.run = { ...run, evaluation: event.data };
      break;
    case 'diagnosis':
      view.run = addDiagnosis(run, event.data);
      break;
    case 'log':
      view.log = [...view.log, { id: event.id, ...event.data }];
      break;
  }
  return view;
}
