import type { TrainingConfig } from '../../core/contracts/config.ts';
import type { DatasetInfo } from '../../core/contracts/dataset.ts';
import type { Figure } from '../../core/contracts/figures.ts';
import type { DrawingRecord } from '../../core/contracts/films.ts';
import type { Run } from '../../core/contracts/run.ts';

/** The contents of a report. */
export interface ReportData {
  run: Run;
  /** Configuration of the run's preset. */
  presetConfig: TrainingConfig;
  /** Undefined if its files were deleted. */
  dataset: DatasetInfo | undefined;
  /** SHA-256 of the published weights, or of the newest checkpoint. */
  weights: { digest: string; iteration: number } | undefined;
  /** Undefined before the figures are drawn. */
  drawing: DrawingRecord | undefined;
  /** Final figures. */
  figures: readonly ReportFigure[];
  films: readonly ReportFilm[];
}

export interface ReportFigure extends Pick<Figure, 'kind' | 'label' | 'mediaType'> {
  bytes: Uint8Array;
}

export interface ReportFilm {
  name: string;
  frames: number;
  /** Animated WebP; undefined for films that would make the page too large. */
  webp: Uint8Array | undefined;
}
