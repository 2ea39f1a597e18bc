import { z } from 'zod';
import { describeFigure, FIGURE_TYPES, Figure } from '../../core/contracts/figures.ts';
import { CheckpointInfo } from '../../core/contracts/run.ts';
import { invalidField, StylographError } from '../../core/errors.ts';
import type { Series } from '../../runs/redis/metrics.ts';
import { listCheckpoints } from '../../store/checkpoints.ts';
import { listFigures, readFigure } from '../../store/run-files.ts';
import type { ApiDeps } from '../deps.ts';
import { matchesEtag, strongEtag } from '../inference/answer.ts';
import { problems } from '../problem.ts';
import { binary, json, NOT_MODIFIED, NoQuery, page, pageQuery, queryInt, slicePage } from '../schemas.ts';
import type { App } from './context.ts';
import { RunParams } from './runs.ts';

const CSV = 'text/csv';
const MetricPoint = z
  .tuple([z.int(), z.number().nullable()])
  .meta({ id: 'MetricPoint', description: 'An iteration and the value there.' });
const Metrics = z
  .strictObject({
    series: z.record(z.string(), z.array(MetricPoint)).meta({
      description: 'By name, points of iteration and value; null where a loss was not finite.',
    }),
  })
  .meta({ id: 'Metrics', example: { series: { discriminatorLoss: [[10, 0.052]] } } });

/** One row an iteration, one column a name; empty where a name has no value. */
export function toCsv(series: Series): string {
  const names = Object.keys(series);
  const rows = new Map<number, (number | null)[]>();
  for (const [column, name] of names.entries()) {
    for (const [iteration, value] of series[name]!) {
      const row = rows.get(iteration) ?? new Array<number | null>(names.length).fill(null);
      row[column] = value;
      rows.set(iteration, row);
    }
  }
  const lines = [...rows].sort(([a], [b]) => a - b).map(([iteration, row]) => [iteration, ...row].join(','));
  return `${[['iteration', ...names].join(','), ...lines].join('\r\n')}\r\n`;
}

export async function runResultRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/runs/:run/metrics',
    {
      config: { produces: ['application/json', CSV] },
      schema: {
        operationId: 'getRunMetrics',
        tags: ['runs'],
        summary: 'Losses and other numbers over a run',
        params: RunParams,
        querystring: z.strictObject({
          names: z
            .string()
            .regex(/^\w+(,\w+)*$/, 'must be names with commas between them')
            .optional()
            .meta({ description: 'Only these, with commas between them.', example: 'ganLoss,priorLoss' }),
          from: queryInt(0, 1_000_000, 'First iteration.').optional(),
          to: queryInt(0, 1_000_000, 'Last iteration.').optional(),
          maxPoints: queryInt(1, 100_000, 'Most points a series; the first and the last stay.').optional(),
        }),
        response: {
          200: {
            description: 'The series.',
            content: { 'application/json': { schema: Metrics }, [CSV]: { schema: z.string() } },
          },
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const { names, from, to, maxPoints } = request.query;
      if (from !== undefined && to !== undefined && from > to) {
        throw invalidField('query.from', 'must not be above to');
      }
      const { id } = await deps.runs.get(request.params.run);
      const series = await deps.metrics(id, { names: names?.split(','), from, to, maxPoints });
      reply.header('cache-control', 'no-store');
      if (request.answerType === CSV) return reply.type(`${CSV}; charset=utf-8`).send(toCsv(series));
      return reply.send({ series });
    },
  );

  app.get(
    '/runs/:run/checkpoints',
    {
      schema: {
        operationId: 'listCheckpoints',
        tags: ['runs'],
        summary: 'Checkpoints that are stored',
        params: RunParams,
        querystring: z.strictObject(pageQuery(z.string().regex(/^\d{1,9}$/))),
        response: {
          200: json(page(CheckpointInfo, 'CheckpointPage'), 'A page of checkpoints, by iteration.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await deps.runs.get(params.run);
      const key = (iteration: number | string): string => String(iteration).padStart(9, '0');
      const all = (await listCheckpoints(deps.store, id)).sort((a, b) => a.iteration - b.iteration);
      const cursor = query.cursor === undefined ? undefined : key(query.cursor);
      return slicePage(all, { ...query, cursor }, ({ iteration }) => key(iteration));
    },
  );

  app.get(
    '/runs/:run/figures',
    {
      schema: {
        operationId: 'listFigures',
        tags: ['runs'],
        summary: 'Pictures of a run',
        params: RunParams,
        querystring: z.strictObject(pageQuery(z.string().min(1).max(200))),
        response: {
          200: json(page(Figure, 'FigurePage'), 'A page of figures, by file name.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await deps.runs.get(params.run);
      const files = await listFigures(deps.store, id);
      return slicePage(
        files.flatMap((file) => describeFigure(id, file) ?? []),
        query,
        ({ file }) => file,
      );
    },
  );

  app.get(
    '/runs/:run/figures/:file',
    {
      config: { produces: FIGURE_TYPES },
      schema: {
        operationId: 'getFigure',
        tags: ['runs'],
        summary: 'One picture of a run',
        params: RunParams.extend({ file: z.string().meta({ example: 'manifold-3-000000300.png' }) }),
        querystring: NoQuery,
        response: {
          200: {
            description: 'The picture.',
            content: Object.fromEntries(FIGURE_TYPES.map((type) => [type, { schema: binary(type) }])),
          },
          304: NOT_MODIFIED,
          ...problems('run_not_found', 'figure_not_found', 'redis_unavailable'),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async (request, reply) => {
      const { id } = await deps.runs.get(request.params.run);
      const { file } = request.params;
      const figure = describeFigure(id, file);
      if (figure === undefined) {
        const detail = `Run ${id} has no figure of that name; GET /runs/${id}/figures lists those it has.`;
        throw new StylographError('figure_not_found', detail);
      }
      const bytes = await readFigure(deps.store, id, file);
      const etag = strongEtag(bytes);
      reply.header('etag', etag).header('cache-control', 'no-cache');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.type(figure.mediaType).send(Buffer.from(bytes));
    },
  );
}
