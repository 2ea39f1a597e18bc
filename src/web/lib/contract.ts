/** The HTTP contract as the dashboard uses it: types alone, nothing of them reaches the bundle. */
import type { z } from 'zod';
import type { TrainingConfig } from '../../core/contracts/config.ts';
import type { EncodedImages, GeneratedImages, StyleTransfers } from '../../core/contracts/inference.ts';

export type { TrainingConfig } from '../../core/contracts/config.ts';
export type { DatasetInfo } from '../../core/contracts/dataset.ts';
export type { Diagnosis, Evaluation, SampleScores, Validation } from '../../core/contracts/evaluation.ts';
export type { Film } from '../../core/contracts/films.ts';
export type { Model } from '../../core/contracts/model.ts';
export type { CheckpointInfo, Run, RunEvent, RunProgress, RunState } from '../../core/contracts/run.ts';

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface FieldError {
  path: string;
  message: string;
}

export interface Preset {
  name: string;
  description: string;
  config: TrainingConfig;
}

export interface ResolvedRun {
  name: string;
  preset: string;
  dataset: string;
  seed: number;
  config: TrainingConfig;
  estimate: {
    seconds: number | null;
    measuredOn: string | null;
    reason: string | null;
    memoryBytes: number;
    checkpointBytes: number;
  };
}

export interface Figure {
  file: string;
  kind: string;
  iteration: number | null;
  mediaType: string;
  href: string;
}

export type Series = Record<string, [iteration: number, value: number | null][]>;
export type Encoded = z.infer<typeof EncodedImages>;
export type Generated = z.infer<typeof GeneratedImages>;
export type Transferred = z.infer<typeof StyleTransfers>;
