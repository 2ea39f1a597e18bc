import { z } from 'zod';
import { DatasetId, DatasetInfo } from '../../core/contracts/dataset.ts';
import { isFinished } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';
import { receiveDataset, registerMultipart, UPLOAD_FORM } from '../datasets/receive.ts';
import type { ApiDeps } from '../deps.ts';
import { matchesEtag, strongEtag } from '../inference/answer.ts';
import { problems } from '../problem.ts';
import { binary, empty, json, NOT_MODIFIED, NoQuery, page, pageQuery, slicePage } from '../schemas.ts';
import { type App, clientSignal } from './context.ts';

const params = z.strictObject({
  dataset: z.string().meta({ description: 'A dataset id.', example: 'mnist' }),
});

const RUNS_AT_ONCE = 200;

/** @throws dataset_in_use naming a run that is not finished */
async function requireIdle({ runs }: Pick<ApiDeps, 'runs'>, dataset: string): Promise<void> {
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await runs.list({ limit: RUNS_AT_ONCE, cursor });
    const user = items.find((run) => run.dataset === dataset && !isFinished(run.state));
    if (user !== undefined) {
      throw new StylographError(
        'dataset_in_use',
        `${user.id} is ${user.state} and uses ${dataset}; cancel it, or wait until it is finished.`,
      );
    }
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}

export async function datasetRoutes(app: App, deps: ApiDeps): Promise<void> {
  const { datasets } = deps;
  await registerMultipart(app as never);

  app.get(
    '/datasets',
    {
      schema: {
        operationId: 'listDatasets',
        tags: ['datasets'],
        summary: 'Datasets that runs can use',
        querystring: z.strictObject(pageQuery(DatasetId)),
        response: {
          200: json(page(DatasetInfo, 'DatasetPage'), 'A page of datasets, by id.'),
          ...problems('dataset_corrupt'),
        },
      },
    },
    async ({ query }) => {
      const all = (await datasets.list()).sort((a, b) => (a.id < b.id ? -1 : 1));
      return slicePage(all, query, ({ id }) => id);
    },
  );

  app.post(
    '/datasets',
    {
      config: { scope: 'train', takesFiles: true },
      schema: {
        operationId: 'uploadDataset',
        tags: ['datasets'],
        summary: 'Bring your own labelled images',
        description:
          'A zip file with a folder of PNG, JPEG or WebP pictures a label (`A/1.png`); around the labels, folders `train`, `validation` and `test` fix the split, and a folder within a label (`A/some-font/1.png`) makes a group that stays together. Or an NPZ file with `x` and `y` (`x_train`, …), or IDX files of images and labels, as one zip or as two `file` parts. Every image is padded to a square and resized to one side between 16 and 64. What cannot be taken is refused by name and nothing is kept; what is doubtful is told in `warnings`. The same upload again changes nothing.',
        querystring: NoQuery,
        body: z.unknown(),
        response: {
          200: json(DatasetInfo, 'It was here already.'),
          201: json(DatasetInfo, 'It is here now.'),
          ...problems(
            'invalid_dataset',
            'body_too_large',
            'unsupported_media_type',
            'queue_full',
            'disk_full',
            'child_died',
          ),
        },
        'x-doc': { headers: ['Location'], form: UPLOAD_FORM },
      },
    },
    async (request, reply) => {
      const { info, added } = await receiveDataset(request, datasets, clientSignal(reply));
      return reply
        .code(added ? 201 : 200)
        .header('location', `/datasets/${info.id}`)
        .send(info);
    },
  );

  app.get(
    '/datasets/:dataset',
    {
      schema: {
        operationId: 'getDataset',
        tags: ['datasets'],
        summary: 'One dataset',
        params,
        querystring: NoQuery,
        response: {
          200: json(DatasetInfo, 'The dataset.'),
          ...problems('dataset_not_found', 'dataset_missing', 'dataset_corrupt'),
        },
      },
    },
    async (request) => datasets.describe(request.params.dataset),
  );

  app.delete(
    '/datasets/:dataset',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'deleteDataset',
        tags: ['datasets'],
        summary: 'Remove an uploaded dataset that no run uses',
        description: 'Models that were trained on it stay.',
        params,
        querystring: NoQuery,
        response: {
          204: empty('It is gone.'),
          ...problems('dataset_not_found', 'dataset_in_use', 'dataset_built_in', 'redis_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const { dataset } = request.params;
      await requireIdle(deps, dataset);
      await datasets.remove(dataset);
      return reply.code(204).send();
    },
  );

  app.get(
    '/datasets/:dataset/sheet.png',
    {
      config: { produces: ['image/png'] },
      schema: {
        operationId: 'getDatasetSheet',
        tags: ['datasets'],
        summary: 'The mean image and some images of each label',
        params,
        querystring: NoQuery,
        response: {
          304: NOT_MODIFIED,
          200: {
            description: 'A row a label, its mean first.',
            content: { 'image/png': { schema: binary('image/png') } },
          },
          ...problems('dataset_not_found', 'dataset_missing', 'dataset_corrupt'),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async (request, reply) => {
      const png = Buffer.from(await datasets.sheet(await datasets.describe(request.params.dataset)));
      const etag = strongEtag(png);
      reply.header('etag', etag).header('cache-control', 'no-cache').type('image/png');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.send(png);
    },
  );
}
