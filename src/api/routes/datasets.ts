import { z } from 'zod';
import { DatasetId, DatasetInfo } from '../../core/contracts/dataset.ts';
import { isFinished } from '../../core/contracts/run.ts';
import { StylographError } from '../../core/errors.ts';
import { type App, clientSignal, type RouteDeps } from '../context.ts';
import { receiveDataset, registerMultipart, UPLOAD_FORM } from '../dataset-upload.ts';
import { isNotModified } from '../etag.ts';
import { problems } from '../problem.ts';
import { binary, empty, json, NOT_MODIFIED, NoQuery, page, pageQuery, slicePage } from '../schemas.ts';

const DatasetParams = z.strictObject({
  dataset: z.string().meta({ description: 'A dataset id.', example: 'mnist' }),
});

export async function datasetRoutes(app: App, deps: RouteDeps): Promise<void> {
  await registerMultipart(app);
  listDatasets(app, deps);
  uploadDataset(app, deps);
  getDataset(app, deps);
  deleteDataset(app, deps);
  getDatasetSheet(app, deps);
}

function listDatasets(app: App, { datasets }: RouteDeps): void {
  app.get(
    '/datasets',
    {
      schema: {
        operationId: 'listDatasets',
        tags: ['datasets'],
        summary: 'Datasets to train on',
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
}

function uploadDataset(app: App, { datasets }: RouteDeps): void {
  app.post(
    '/datasets',
    {
      config: { scope: 'train', takesFiles: true },
      schema: {
        operationId: 'uploadDataset',
        tags: ['datasets'],
        summary: 'Upload labelled images',
        description:
          'Send one of: a zip file with a folder of PNG, JPEG or WebP images per label (`A/1.png`); an NPZ file with `x` and `y` (or `x_train`, …); IDX files of images and labels, in one zip or as two `file` parts. ' +
          'In a zip, outer folders `train`, `validation` and `test` fix the split, and a folder within a label (`A/some-font/1.png`) is a group that stays in one split. ' +
          'Every image is padded to a square and resized to one side between 16 and 64. ' +
          'If any file is unusable, the upload is rejected with its name and nothing is stored. Doubtful images are listed in `warnings`. Repeating an upload changes nothing.',
        querystring: NoQuery,
        body: z.unknown(),
        response: {
          200: json(DatasetInfo, 'The dataset already existed.'),
          201: json(DatasetInfo, 'The dataset was added.'),
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
}

function getDataset(app: App, { datasets }: RouteDeps): void {
  app.get(
    '/datasets/:dataset',
    {
      schema: {
        operationId: 'getDataset',
        tags: ['datasets'],
        summary: 'One dataset',
        params: DatasetParams,
        querystring: NoQuery,
        response: {
          200: json(DatasetInfo, 'The dataset.'),
          ...problems('dataset_not_found', 'dataset_missing', 'dataset_corrupt'),
        },
      },
    },
    async ({ params }) => datasets.describe(params.dataset),
  );
}

function deleteDataset(app: App, deps: RouteDeps): void {
  app.delete(
    '/datasets/:dataset',
    {
      config: { scope: 'train' },
      schema: {
        operationId: 'deleteDataset',
        tags: ['datasets'],
        summary: 'Delete an uploaded dataset that no run uses',
        description: 'Models that were trained on it stay.',
        params: DatasetParams,
        querystring: NoQuery,
        response: {
          204: empty('The dataset is deleted.'),
          ...problems('dataset_not_found', 'dataset_in_use', 'dataset_built_in', 'redis_unavailable'),
        },
      },
    },
    async ({ params }, reply) => {
      await requireIdle(deps, params.dataset);
      await deps.datasets.remove(params.dataset);
      return reply.code(204).send();
    },
  );
}

const RUNS_PER_PAGE = 200;

/** @throws dataset_in_use naming an unfinished run of the dataset */
async function requireIdle({ runs }: Pick<RouteDeps, 'runs'>, dataset: string): Promise<void> {
  for (let cursor: string | undefined; ; ) {
    const { items, nextCursor } = await runs.list({ limit: RUNS_PER_PAGE, cursor });
    const user = items.find((run) => run.dataset === dataset && !isFinished(run.state));
    if (user !== undefined) {
      throw new StylographError(
        'dataset_in_use',
        `Run ${user.id} is ${user.state} and uses ${dataset}. Cancel it, or wait until it has finished.`,
      );
    }
    if (nextCursor === null) return;
    cursor = nextCursor;
  }
}

function getDatasetSheet(app: App, { datasets }: RouteDeps): void {
  app.get(
    '/datasets/:dataset/sheet.png',
    {
      config: { produces: ['image/png'] },
      schema: {
        operationId: 'getDatasetSheet',
        tags: ['datasets'],
        summary: 'The mean image and sample images of each label',
        params: DatasetParams,
        querystring: NoQuery,
        response: {
          304: NOT_MODIFIED,
          200: {
            description: 'A row per label, the mean image first.',
            content: { 'image/png': { schema: binary('image/png') } },
          },
          ...problems('dataset_not_found', 'dataset_missing', 'dataset_corrupt'),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async ({ params }, reply) => {
      const png = Buffer.from(await datasets.sheet(await datasets.describe(params.dataset)));
      reply.type('image/png');
      return isNotModified(reply, png) ? reply.code(304).send() : reply.send(png);
    },
  );
}
