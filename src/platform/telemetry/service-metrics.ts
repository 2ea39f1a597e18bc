import type { RunRecord, RunState } from '../../core/contracts/run.ts';
import { residentBytesOf } from '../processes/proc.ts';
import type { Metrics, ProcessFacts } from './metrics.ts';

/** What of the service is looked at whenever metrics are read. */
export interface ServiceFacts {
  /** How many runs are in each state. */
  countRuns(): Promise<Partial<Record<RunState, number>>>;
  /** Runs that are neither finished nor paused, with what the process of each told last. */
  activeRuns(): Promise<{ run: RunRecord; engine: ProcessFacts | undefined }[]>;
  /** Event streams that are open. */
  streams(): number;
  inference: {
    readonly waiting: number;
    readonly pid: number | undefined;
    /** What the inference process told of itself last. */
    readonly engine: ProcessFacts | undefined;
  };
}

/** Has each reading of the metrics look at the service. */
export function watchService(metrics: Metrics, facts: ServiceFacts): void {
  watchQueues(metrics, facts);
  watchRuns(metrics, facts);
  watchProcesses(metrics, facts);
}

function watchQueues(metrics: Metrics, facts: ServiceFacts): void {
  const runs = metrics.gauge('runs', 'Runs by state; `queued` is the depth of the queue.', ['state']);
  const waiting = metrics.gauge('inference_waiting', 'Inference calls that wait to be computed.');
  const streams = metrics.gauge('event_streams', 'Event streams that are open.');
  metrics.collectWith(async () => {
    waiting.set(facts.inference.waiting);
    streams.set(facts.streams());
    const counts = await facts.countRuns();
    runs.reset();
    runs.set({ state: 'queued' }, 0);
    for (const [state, count] of Object.entries(counts)) runs.set({ state }, count);
  });
}

function watchRuns(metrics: Metrics, facts: ServiceFacts): void {
  const ofRun = <L extends string>(name: string, help: string, more: readonly L[] = []) =>
    metrics.gauge(`run_${name}`, help, ['run', ...more] as const);
  const iteration = ofRun('iteration', 'Iterations that a run in training has done.');
  const iterations = ofRun('iterations', 'Iterations that it will do.');
  const speed = ofRun('images_per_second', 'Images that it trains on in a second.');
  const step = ofRun('step_seconds', 'Seconds of one iteration.');
  const remaining = ofRun('remaining_seconds', 'Seconds that are left, by estimate.');
  const loss = ofRun('metric', 'Its newest losses and other numbers.', ['name']);
  const phase = ofRun('phase', '1 for the phase that it is in.', ['phase']);
  const rss = ofRun('resident_bytes', 'Memory of its process.');
  const tensors = ofRun('tensors', 'Tensors that its process holds.');
  const bytes = ofRun('tensor_bytes', 'Bytes of these tensors.');
  const all = [iteration, iterations, speed, step, remaining, loss, phase, rss, tensors, bytes];
  metrics.collectWith(async () => {
    const active = await facts.activeRuns();
    for (const gauge of all) gauge.reset();
    for (const { run, engine } of active) {
      if (run.state === 'queued') continue;
      const { progress, config, id } = run;
      iteration.set({ run: id }, progress.iteration);
      iterations.set({ run: id }, progress.iterations);
      speed.set({ run: id }, progress.imagesPerSecond);
      if (progress.imagesPerSecond > 0) step.set({ run: id }, config.batchSize / progress.imagesPerSecond);
      if (progress.secondsRemaining !== null) remaining.set({ run: id }, progress.secondsRemaining);
      phase.set({ run: id, phase: progress.phase }, 1);
      for (const [name, value] of Object.entries(run.metrics)) {
        if (name !== 'iteration' && value !== null) loss.set({ run: id, name }, value);
      }
      if (engine === undefined) continue;
      rss.set({ run: id }, engine.residentBytes);
      if (engine.tensors !== undefined) tensors.set({ run: id }, engine.tensors);
      if (engine.tensorBytes !== undefined) bytes.set({ run: id }, engine.tensorBytes);
    }
  });
}

function watchProcesses(metrics: Metrics, { inference }: ServiceFacts): void {
  const rss = metrics.gauge('inference_resident_bytes', 'Memory of the inference process.');
  const tensors = metrics.gauge('inference_tensors', 'Tensors that the inference process holds.');
  const bytes = metrics.gauge(
    'inference_tensor_bytes',
    'Bytes of these tensors: in device memory where there is a GPU.',
  );
  metrics.collectWith(async () => {
    const { pid, engine } = inference;
    rss.set((pid && residentBytesOf(pid)) ?? 0);
    tensors.set(engine?.tensors ?? 0);
    bytes.set(engine?.tensorBytes ?? 0);
  });
}
