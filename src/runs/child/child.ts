import { readFileSync } from 'node:fs';
import type { EngineFacts } from '../../core/contracts/engine.ts';
import { loadDataset } from '../../data/index.ts';
import { drawFigures, drawSample } from '../../figures/index.ts';
import { startTracing } from '../../platform/telemetry/index.ts';
import type { FolderStore } from '../../store/index.ts';
import type { Evaluator } from './evaluate.ts';
import { serveRunChild } from './process.ts';
import type { Trainer } from './run.ts';

function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

let engineFacts: (() => EngineFacts) | undefined;

/** Importing the trainer loads TensorFlow: done when a run has started, so that it can tell what is missing. */
async function loadTrainer(): Promise<Trainer> {
  const training = await import('../../training/loop.ts');
  const { device, engineVersions, servedWeights, train } = training;
  engineFacts = training.engineFacts;
  const { openDrawings } = await import('../../training/drawings.ts');
  return {
    train,
    servedWeights,
    openDrawings,
    device,
    software: { stylograph: ownVersion(), node: process.versions.node, ...engineVersions },
  };
}

async function loadEvaluator(dataDir: string, store: FolderStore): Promise<Evaluator> {
  const {
    diagnoseEvaluation,
    diagnoseLive,
    ensureClassifier,
    evaluateModel,
    LOSSES_KEPT,
    MEASURES_KEPT,
    Watch,
  } = await import('../../training/evaluation/index.ts');
  return {
    diagnoseEvaluation,
    diagnoseLive,
    LOSSES_KEPT,
    MEASURES_KEPT,
    prepare: (dataset, options) => ensureClassifier(dataset, { ...options, store }),
    watch: (dataset, record) => Watch.over(dataset, record, store),
    evaluate: (options) => evaluateModel({ ...options, dataDir, store }),
  };
}

serveRunChild({
  loadDataset,
  drawSample,
  drawFigures,
  loadTrainer,
  loadEvaluator,
  engineFacts: () => engineFacts?.(),
  traceRun: async (runId, traceparent) => {
    const tracing = await startTracing('stylograph-run', ownVersion());
    return { span: tracing.startRun(runId, traceparent), close: () => tracing.close() };
  },
});
