import { z } from 'zod';
import { describeFigure, FIGURE_TYPES, Figure } from '../../core/contracts/figures.ts';
import { CheckpointInfo } from '../../core/contracts/run.ts';
import { invalidField, StylographError } from '../../core/errors.ts';
import type { Series } from '../../runs/redis/metrics.ts';
import { listCheckpoints as storedCheckpoints } from '../../store/checkpoints.ts';
import { readFigure, listFigures as storedFigures } from '../../store/run-files.ts';
import type { App, RouteDeps } from '../context.ts';
import { isNotModified } from '../etag.ts';
import { problems } from '../problem.ts';
import {
  binary,
  json,
  NOT_MODIFIED,
  NoQuery,
  NumberCursor,
  page,
  pageQuery,
  queryInt,
  RunParams,
  slicePage,
} from '../schemas.ts';

const CSV = 'text/csv';

export function runResultRoutes(app: App, deps: RouteDeps): void {
  getRunMetrics(app, deps);
  listCheckpoints(app, deps);
  listFigures(app, deps);
  getFigure(app, deps);
}

const MetricPoint = z
  .tuple([z.int(), z.number().nullable()])
  .meta({ id: 'MetricPoint', description: 'An iteration and the value at it.' });
const Metrics = z
  .strictObject({
    series: z.record(z.string(), z.array(MetricPoint)).meta({
      description: 'Points of iteration and value, by metric name; null where a loss was not finite.',
    }),
  })
  .meta({ id: 'Metrics', example: { series: { discriminatorLoss: [[10, 0.052]] } } });

function getRunMetrics(app: App, { runs, metrics }: RouteDeps): void {
  app.get(
    '/runs/:run/metrics',
    {
      config: { produces: ['application/json', CSV] },
      schema: {
        operationId: 'getRunMetrics',
        tags: ['runs'],
        summary: 'Losses and other metrics of a run',
        params: RunParams,
        querystring: z.strictObject({
          names: z
            .string()
            .regex(/^\w+(,\w+)*$/, 'must be names separated by commas')
            .optional()
            .meta({
              description: 'Comma-separated metric names; all when not given.',
              example: 'ganLoss,priorLoss',
            }),
          from: queryInt(0, 1_000_000, 'First iteration.').optional(),
          to: queryInt(0, 1_000_000, 'Last iteration.').optional(),
          maxPoints: queryInt(
            1,
            100_000,
            'Most points per series; the first and the last are always included.',
          ).optional(),
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
        throw invalidField('query.from', 'must not be greater than "to"');
      }
      const { id } = await runs.get(request.params.run);
      const series = await metrics(id, { names: names?.split(','), from, to, maxPoints });
      reply.header('cache-control', 'no-store');
      if (request.answerType === CSV) return reply.type(`${CSV}; charset=utf-8`).send(toCsv(series));
      return reply.send({ series });
    },
  );
}

/** A row per iteration and a column per metric; empty where a metric has no value. */
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

function listCheckpoints(app: App, { runs, store }: RouteDeps): void {
  app.get(
    '/runs/:run/checkpoints',
    {
      schema: {
        operationId: 'listCheckpoints',
        tags: ['runs'],
        summary: 'Stored checkpoints of a run',
        params: RunParams,
        querystring: z.strictObject(pageQuery(NumberCursor)),
        response: {
          200: json(page(CheckpointInfo, 'CheckpointPage'), 'A page of checkpoints, by iteration.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await runs.get(params.run);
      const key = (iteration: number | string): string => String(iteration).padStart(9, '0');
      const all = (await storedCheckpoints(store, id)).sort((a, b) => a.iteration - b.iteration);
      const cursor = query.cursor === undefined ? undefined : key(query.cursor);
      return slicePage(all, { ...query, cursor }, ({ iteration }) => key(iteration));
    },
  );
}

function listFigures(app: App, { runs, store }: RouteDeps): void {
  app.get(
    '/runs/:run/figures',
    {
      schema: {
        operationId: 'listFigures',
        tags: ['runs'],
        summary: 'Figures of a run',
        params: RunParams,
        querystring: z.strictObject(pageQuery(z.string().min(1).max(200))),
        response: {
          200: json(page(Figure, 'FigurePage'), 'A page of figures, by file name.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await runs.get(params.run);
      const figures = (await storedFigures(store, id)).flatMap((file) => describeFigure(id, file) ?? []);
      return slicePage(figures, query, ({ file }) => file);
    },
  );
}

function getFigure(app: App, { runs, store }: RouteDeps): void {
  app.get(
    '/runs/:run/figures/:file',
    {
      config: { produces: FIGURE_TYPES },
      schema: {
        operationId: 'getFigure',
        tags: ['runs'],
        summary: 'One figure of a run',
        params: RunParams.extend({ file: z.string().meta({ example: 'manifold-3-000000300.png' }) }),
        querystring: NoQuery,
        response: {
          200: {
            description: 'The figure.',
            content: Object.fromEntries(FIGURE_TYPES.map((type) => [type, { schema: binary(type) }])),
          },
          304: NOT_MODIFIED,
          ...problems('run_not_found', 'figure_not_found', 'redis_unavailable'),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async (request, reply) => {
      const { id } = await runs.get(request.params.run);
      const { file } = request.params;
      const figure = describeFigure(id, file);
      if (figure === undefined) {
        const detail = `Run ${id} has no figure with this name; GET /runs/${id}/figures lists its figures.`;
        throw new StylographError('figure_not_found', detail);
      }
      const bytes = await readFigure(store, id, file);
      if (isNotModified(reply, bytes)) return reply.code(304).send();
      return reply.type(figure.mediaType).send(Buffer.from(bytes));
    },
  );
}
