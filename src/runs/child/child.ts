import type { EngineFacts } from '../../core/contracts/engine.ts';
import { loadDataset } from '../../data/datasets.ts';
import { drawFigureSheet, drawSampleSheet } from '../../figures/draw-sheets.ts';
import { startTracing } from '../../platform/telemetry/index.ts';
import { ownVersion } from '../../platform/version.ts';
import type { FolderStore } from '../../store/index.ts';
import type { Evaluator } from './evaluate.ts';
import type { TrainingParts } from './process.ts';
import type { Trainer } from './run.ts';

/** Importing the trainer loads TensorFlow: done when a run has started, so that it can tell what is missing. */
async function loadTrainer(): Promise<{ trainer: Trainer; engineFacts: () => EngineFacts }> {
  const training = await import('../../training/loop.ts');
  const { device, engineFacts, engineVersions, servedWeights, train } = training;
  const { openDrawings } = await import('../../training/drawings.ts');
  const software = { stylograph: ownVersion(), node: process.versions.node, ...engineVersions };
  return { trainer: { train, servedWeights, openDrawings, device, software }, engineFacts };
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

/** What trains and evaluates runs with TensorFlow. */
export function trainingParts(): TrainingParts {
  let engineFacts: (() => EngineFacts) | undefined;
  return {
    loadDataset,
    drawSample: drawSampleSheet,
    drawFigures: drawFigureSheet,
    loadTrainer: async () => {
      const loaded = await loadTrainer();
      engineFacts = loaded.engineFacts;
      return loaded.trainer;
    },
    loadEvaluator,
    engineFacts: () => engineFacts?.(),
    traceRun: async (runId, traceparent) => {
      const tracing = await startTracing('stylograph-run', ownVersion());
      return { span: tracing.startRun(runId, traceparent), close: () => tracing.close() };
    },
  };
}
