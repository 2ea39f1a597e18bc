import { describeFigure, type Figure } from '../../core/contracts/figures.ts';
import { PRESETS } from '../../core/contracts/presets.ts';
import type { Run } from '../../core/contracts/run.ts';
import { errorCodeOf } from '../../core/errors.ts';
import type { ReportData, ReportFigure, ReportFilm } from '../../figures/report/index.ts';
import { listCheckpoints } from '../../store/checkpoints.ts';
import { listFigures, listFilms, readDrawing, readFigure } from '../../store/run-files.ts';
import type { ApiDeps } from '../deps.ts';
import type { EncodedFilms } from './films.ts';

/** Bytes of films in a report, which must be small enough to mail. */
const MOST_FILM_BYTES = 4_500_000;

/** Kinds that the report shows large, at twice the scale for dense screens. */
const DENSE = new Set(['labels', 'style-transfer', 'reconstructions', 'scatter']);

/** Collects the contents of a run's report. Missing parts are omitted. */
export async function gatherReport(deps: ApiDeps, encodedFilms: EncodedFilms, run: Run): Promise<ReportData> {
  const [dataset, weights, drawing, figures, films] = await Promise.all([
    deps.datasets.describe(run.dataset).catch(() => undefined),
    weightsOf(deps, run),
    readDrawing(deps.store, run.id),
    figuresOf(deps, run.id),
    filmsOf(deps, encodedFilms, run.id),
  ]);
  return { run, presetConfig: PRESETS[run.preset].config, dataset, weights, drawing, figures, films };
}

async function weightsOf({ models, store }: ApiDeps, run: Run): Promise<ReportData['weights']> {
  if (run.modelId !== undefined) {
    try {
      const { digest, iteration } = await models.record(run.modelId);
      return { digest, iteration };
    } catch (error) {
      // The model was deleted; the run's last checkpoint has the same weights.
      if (errorCodeOf(error) !== 'model_not_found') throw error;
    }
  }
  const newest = (await listCheckpoints(store, run.id)).at(-1);
  return newest && { digest: newest.digest, iteration: newest.iteration };
}

/** One file per figure: the loss plot as SVG, large figures at twice the scale. */
async function figuresOf({ store }: ApiDeps, runId: string): Promise<ReportFigure[]> {
  const wanted = (figure: Figure): boolean => {
    if (figure.iteration !== null) return false;
    if (figure.kind === 'losses') return figure.mediaType === 'image/svg+xml';
    const large = DENSE.has(figure.kind) && (figure.label === null || figure.kind === 'style-transfer');
    return figure.mediaType === 'image/png' && figure.scale === (large ? 2 : 1);
  };
  const files = await listFigures(store, runId);
  const figures = files.flatMap((file) => describeFigure(runId, file) ?? []).filter(wanted);
  const shown = figures.map(async ({ file, kind, label, mediaType }) => ({
    kind,
    label,
    mediaType,
    bytes: await readFigure(store, runId, file),
  }));
  return (await Promise.all(shown)).sort((a, b) => (a.label ?? -1) - (b.label ?? -1));
}

async function filmsOf({ store }: ApiDeps, encodedFilms: EncodedFilms, runId: string): Promise<ReportFilm[]> {
  const films: ReportFilm[] = [];
  let left = MOST_FILM_BYTES;
  for (const { label, name, iterations } of await listFilms(store, runId)) {
    const webp = left > 0 ? await encodedFilms.bytes(runId, label, 'webp', 'small') : undefined;
    const fits = webp !== undefined && webp.length <= left;
    left = fits ? left - webp.length : 0;
    films.push({ name, frames: iterations.length, webp: fits ? webp : undefined });
  }
  return films;
}
