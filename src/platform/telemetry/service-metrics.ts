import type { RunRecord, RunState } from '../../core/contracts/run.ts';
import { residentBytesOf } from '../processes/proc.ts';
import type { Metrics, ProcessFacts } from './metrics.ts';

/** State of the service that is read together with the metrics. */
export interface ServiceFacts {
  /** Number of runs in each state. */
  countRuns(): Promise<Partial<Record<RunState, number>>>;
  /** Runs that are neither finished nor paused, with the last report of their process. */
  activeRuns(): Promise<{ run: RunRecord; engine: ProcessFacts | undefined }[]>;
  /** Number of open event streams. */
  streams(): number;
  inference: {
    readonly waiting: number;
    readonly pid: number | undefined;
    /** Last report of the inference process. */
    readonly engine: ProcessFacts | undefined;
  };
}

/** Adds gauges that show the state of the service at each reading. */
export function watchService(metrics: Metrics, facts: ServiceFacts): void {
  watchQueues(metrics, facts);
  watchRuns(metrics, facts);
  watchProcesses(metrics, facts);
}

function watchQueues(metrics: Metrics, facts: ServiceFacts): void {
  const runs = metrics.gauge('runs', 'Runs by state; `queued` is the depth of the queue.', ['state']);
  const waiting = metrics.gauge('inference_waiting', 'Inference calls in the queue.');
  const streams = metrics.gauge('event_streams', 'Open event streams.');
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
  const iteration = ofRun('iteration', 'Completed iterations of a run in training.');
  const iterations = ofRun('iterations', 'Iterations that the run will train.');
  const speed = ofRun('images_per_second', 'Training images per second.');
  const step = ofRun('step_seconds', 'Seconds per iteration.');
  const remaining = ofRun('remaining_seconds', 'Estimated seconds until the end of training.');
  const loss = ofRun('metric', 'Latest losses and other metrics of the run.', ['name']);
  const phase = ofRun('phase', '1 for the present phase of the run.', ['phase']);
  const rss = ofRun('resident_bytes', 'Memory of the process of the run.');
  const tensors = ofRun('tensors', 'Tensors in the process of the run.');
  const bytes = ofRun('tensor_bytes', 'Bytes of the tensors of the run.');
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
  const tensors = metrics.gauge('inference_tensors', 'Tensors in the inference process.');
  const bytes = metrics.gauge(
    'inference_tensor_bytes',
    'Bytes of the tensors in the inference process; device memory with a GPU.',
  );
  metrics.collectWith(async () => {
    const { pid, engine } = inference;
    rss.set((pid && residentBytesOf(pid)) ?? 0);
    tensors.set(engine?.tensors ?? 0);
    bytes.set(engine?.tensorBytes ?? 0);
  });
}
