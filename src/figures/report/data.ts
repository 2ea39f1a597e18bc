import type { TrainingConfig } from '../../core/contracts/config.ts';
import type { DatasetInfo } from '../../core/contracts/dataset.ts';
import type { Figure } from '../../core/contracts/figures.ts';
import type { DrawingRecord } from '../../core/contracts/films.ts';
import type { Run } from '../../core/contracts/run.ts';

/** All that a report shows. */
export interface ReportData {
  run: Run;
  /** What the run's preset says. */
  presetConfig: TrainingConfig;
  /** Unless its files are gone. */
  dataset: DatasetInfo | undefined;
  /** SHA-256 of the weights that were published, or of the newest checkpoint. */
  weights: { digest: string; iteration: number } | undefined;
  /** Undefined while nothing was drawn. */
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
  /** Animated WebP; without it the film would have made the page too large. */
  webp: Uint8Array | undefined;
}
