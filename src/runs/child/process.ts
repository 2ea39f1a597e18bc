import { type EngineFacts, FACTS_EVERY_MS } from '../../core/contracts/engine.ts';
import type { RunEventBody } from '../../core/contracts/run.ts';
import { type FromRunChild, ToRunChild } from '../../core/contracts/worker.ts';
import { errorCodeOf } from '../../core/errors.ts';
import type { RunSpan } from '../../platform/telemetry/index.ts';
import { claimRun, type FolderStore, fencedStore, ModelRegistry, openStore } from '../../store/index.ts';
import { openLedger } from './ledger.ts';
import { type RunnerDependencies, runTraining } from './run.ts';

/** What a run child needs beyond its settings. */
export type TrainingParts = Pick<RunnerDependencies, 'loadTrainer' | 'drawSample' | 'drawFigures'> & {
  loadDataset(
    id: string,
    dataDir: string,
    store?: FolderStore,
  ): ReturnType<RunnerDependencies['loadDataset']>;
  loadEvaluator(dataDir: string, store: FolderStore): ReturnType<RunnerDependencies['loadEvaluator']>;
  /** What the engine holds, once it is loaded. */
  engineFacts(): EngineFacts | undefined;
  /** Begins the run's span in the trace that `traceparent` names. */
  traceRun(runId: string, traceparent: string): Promise<{ span: RunSpan; close(): Promise<void> }>;
};

type Start = Extract<ToRunChild, { type: 'start' }>;

async function outcomeOf(
  { runId, fence, settings }: Start,
  parts: TrainingParts,
  signal: AbortSignal,
  onEvent: (body: RunEventBody) => void = () => undefined,
): Promise<FromRunChild> {
  const ledger = openLedger(settings.records, settings.storeRoot);
  try {
    const shared = await openStore(settings.storeRoot, 'patient');
    const store = fencedStore(shared, () => ledger.runs.checkFence(runId, fence));
    await claimRun(store, runId, fence);
    const deps: RunnerDependencies = {
      ...ledger,
      events: {
        append: (id, token, body) => {
          onEvent(body);
          return ledger.events.append(id, token, body);
        },
      },
      store,
      registry: new ModelRegistry(store),
      loadTrainer: parts.loadTrainer,
      drawSample: parts.drawSample,
      loadEvaluator: () => parts.loadEvaluator(settings.dataDir, store),
      drawFigures: parts.drawFigures,
      loadDataset: (id) =>
        settings.storeRoot === settings.dataDir
          ? parts.loadDataset(id, settings.dataDir)
          : parts.loadDataset(id, settings.dataDir, shared),
    };
    return await runTraining(deps, { runId, fence, signal });
  } catch (error) {
    const code = errorCodeOf(error) ?? 'internal';
    if (code === 'internal') console.error(error);
    const message = error instanceof Error ? error.message : String(error);
    return { type: 'failed', error: { code, message } };
  } finally {
    ledger.close();
  }
}

/** The same within a span, a part of it for each phase that the run tells. */
async function tracedOutcome(
  start: Start,
  traceparent: string,
  parts: TrainingParts,
  signal: AbortSignal,
): Promise<FromRunChild> {
  const { span, close } = await parts.traceRun(start.runId, traceparent);
  const outcome = await outcomeOf(start, parts, signal, (body) => {
    if (body.type === 'progress') span.phase(body.data.phase);
  });
  span.end(outcome.type, outcome.type === 'failed' ? outcome.error.code : undefined);
  await close();
  return outcome;
}

/**
 * Makes this process a run child: it answers `ready`, trains the run it is told, tells how that ended, exits.
 * Only the parent decides when it stops: signals to the process group are ignored, and without a parent it exits.
 */
export function serveRunChild(parts: TrainingParts): void {
  const stop = new AbortController();
  const answer = (message: FromRunChild, then: () => void): void => {
    process.send!(message, then);
  };
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(1));
  process.on('message', (raw) => {
    const message = ToRunChild.parse(raw);
    if (message.type === 'stop') stop.abort(message.reason);
    else {
      const { trace } = message;
      const outcome =
        trace === undefined
          ? outcomeOf(message, parts, stop.signal)
          : tracedOutcome(message, trace, parts, stop.signal);
      outcome.then((told) => answer(told, () => process.exit(0)));
    }
  });
  answer({ type: 'ready' }, () => undefined);
  setInterval(() => {
    const facts = parts.engineFacts();
    if (facts !== undefined) answer({ type: 'facts', ...facts }, () => undefined);
  }, FACTS_EVERY_MS).unref();
}
