import { type EngineFacts, FACTS_EVERY_MS } from '../../core/contracts/engine.ts';
import type { RunEventBody } from '../../core/contracts/run.ts';
import { type FromRunChild, ToRunChild } from '../../core/contracts/worker.ts';
import { errorCodeOf } from '../../core/errors.ts';
import { loadDataset } from '../../data/datasets.ts';
import { drawFigureSheet, drawSampleSheet } from '../../figures/draw-sheets.ts';
import { startTracing } from '../../platform/telemetry/index.ts';
import { ownVersion } from '../../platform/version.ts';
import { claimRun, type FolderStore, fencedStore, ModelRegistry, openStore } from '../../store/index.ts';
import type { Evaluator } from './evaluate.ts';
import { openLedger } from './ledger.ts';
import { type RunDependencies, runTraining } from './run.ts';
import type { TrainingEngine } from './train.ts';

/** What tests replace in a run child. */
export interface RunChildParts extends Pick<RunDependencies, 'loadEngine' | 'drawSample' | 'drawFigures'> {
  loadDataset: typeof loadDataset;
  loadEvaluator(dataDir: string, store: FolderStore): Promise<Evaluator>;
}

/** Imports TensorFlow. It runs after the run has started, so that a missing engine becomes the run's error. */
async function loadEngine(): Promise<TrainingEngine> {
  const { device, engineFacts, engineVersions } = await import('../../engine/index.ts');
  const { servedWeights } = await import('../../model/networks.ts');
  const { train } = await import('../../training/loop.ts');
  const { openDrawings } = await import('../../training/drawing/figure-sheets.ts');
  const software = { stylograph: ownVersion(), node: process.versions.node, ...engineVersions };
  return { train, servedWeights, openDrawings, device, software, facts: engineFacts };
}

/** Imports TensorFlow too. */
async function loadEvaluator(dataDir: string, store: FolderStore): Promise<Evaluator> {
  const { ensureClassifier } = await import('../../training/evaluation/reference-classifier.ts');
  const { CheckpointScorer } = await import('../../training/evaluation/checkpoint-scorer.ts');
  const { evaluateModel } = await import('../../training/evaluation/evaluate.ts');
  return {
    prepare: (dataset, options) => ensureClassifier(dataset, { ...options, store }),
    openScorer: (dataset, record) => CheckpointScorer.open(dataset, record, store),
    evaluate: (options) => evaluateModel({ ...options, dataDir, store }),
  };
}

const PARTS: RunChildParts = {
  loadDataset,
  loadEngine,
  loadEvaluator,
  drawSample: drawSampleSheet,
  drawFigures: drawFigureSheet,
};

type Start = Extract<ToRunChild, { type: 'start' }>;

/**
 * Makes this process a run child. It sends `ready`, trains the run of the `start` message, sends the outcome and exits.
 * Only the parent stops it: it ignores signals to its process group, and exits when the parent is gone.
 */
export function serveRunChild(parts: RunChildParts = PARTS): void {
  const stop = new AbortController();
  let engineFacts: (() => EngineFacts) | undefined;
  const loadReportingEngine = async (): Promise<TrainingEngine> => {
    const engine = await parts.loadEngine();
    engineFacts = engine.facts;
    return engine;
  };
  const send = (message: FromRunChild, sent: () => void = () => undefined): void => {
    process.send!(message, sent);
  };
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(1));
  process.on('message', (raw) => {
    const message = ToRunChild.parse(raw);
    if (message.type === 'stop') stop.abort(message.reason);
    else {
      outcomeOf(message, { ...parts, loadEngine: loadReportingEngine }, stop.signal).then((outcome) =>
        send(outcome, () => process.exit(0)),
      );
    }
  });
  send({ type: 'ready' });
  setInterval(() => {
    if (engineFacts !== undefined) send({ type: 'facts', ...engineFacts() });
  }, FACTS_EVERY_MS).unref();
}

/** Trains the run, within a span if the message names a trace. Each phase that the run reports is a part of the span. */
async function outcomeOf(start: Start, parts: RunChildParts, signal: AbortSignal): Promise<FromRunChild> {
  const { runId, trace } = start;
  if (trace === undefined) return await train(start, parts, signal);
  const tracing = await startTracing('stylograph-run', ownVersion());
  const span = tracing.startRun(runId, trace);
  const outcome = await train(start, parts, signal, (event) => {
    if (event.type === 'progress') span.phase(event.data.phase);
  });
  span.end(outcome.type, outcome.type === 'failed' ? outcome.error.code : undefined);
  await tracing.close();
  return outcome;
}

async function train(
  { runId, fence, settings }: Start,
  parts: RunChildParts,
  signal: AbortSignal,
  onEvent: (event: RunEventBody) => void = () => undefined,
): Promise<FromRunChild> {
  const { storeRoot, dataDir } = settings;
  const ledger = openLedger(settings);
  try {
    const shared = await openStore(storeRoot, 'patient');
    const store = fencedStore(shared, () => ledger.runs.checkFence(runId, fence));
    await claimRun(store, runId, fence);
    const deps: RunDependencies = {
      ...ledger,
      ...parts,
      events: {
        append: (id, token, event) => {
          onEvent(event);
          return ledger.events.append(id, token, event);
        },
      },
      store,
      registry: new ModelRegistry(store),
      loadEvaluator: () => parts.loadEvaluator(dataDir, store),
      loadDataset: (id) => parts.loadDataset(id, dataDir, storeRoot === dataDir ? undefined : shared),
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
