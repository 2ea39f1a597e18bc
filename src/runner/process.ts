import { constants, setPriority } from 'node:os';
import { type FromRunChild, type RunChildSettings, ToRunChild } from '../contracts/worker.ts';
import { errorCodeOf } from '../errors.ts';
import { claimRun, fencedStore, ModelRegistry, openStore } from '../store/index.ts';
import { openLedger } from './ledger.ts';
import { type RunnerDependencies, runTraining } from './run.ts';

/** What a run child needs beyond its settings. */
export type TrainingParts = Pick<RunnerDependencies, 'loadTrainer' | 'drawSample' | 'drawFigures'> & {
  loadDataset(id: string, dataDir: string): ReturnType<RunnerDependencies['loadDataset']>;
  loadEvaluator(dataDir: string): ReturnType<RunnerDependencies['loadEvaluator']>;
};

async function outcomeOf(
  { runId, fence, settings }: { runId: string; fence: number; settings: RunChildSettings },
  parts: TrainingParts,
  signal: AbortSignal,
): Promise<FromRunChild> {
  const ledger = openLedger(settings.records, settings.storeRoot);
  try {
    const store = fencedStore(await openStore(settings.storeRoot, 'patient'), () =>
      ledger.runs.checkFence(runId, fence),
    );
    await claimRun(store, runId, fence);
    const deps: RunnerDependencies = {
      ...ledger,
      store,
      registry: new ModelRegistry(store),
      loadTrainer: parts.loadTrainer,
      drawSample: parts.drawSample,
      loadEvaluator: () => parts.loadEvaluator(settings.dataDir),
      drawFigures: parts.drawFigures,
      loadDataset: (id) => parts.loadDataset(id, settings.dataDir),
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

/**
 * Makes this process a run child: it answers `ready`, trains the run it is told, tells how that ended, exits.
 * Only the parent decides when it stops: signals to the process group are ignored, and without a parent it exits.
 */
export function serveRunChild(parts: TrainingParts): void {
  const stop = new AbortController();
  const answer = (message: FromRunChild, then: () => void): void => {
    process.send!(message, then);
  };
  // Serving and the queue's locks come first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(1));
  process.on('message', (raw) => {
    const message = ToRunChild.parse(raw);
    if (message.type === 'stop') stop.abort(message.reason);
    else outcomeOf(message, parts, stop.signal).then((outcome) => answer(outcome, () => process.exit(0)));
  });
  answer({ type: 'ready' }, () => undefined);
}
