import { z } from 'zod';
import { DatasetId, DatasetInfo } from '../../contracts/dataset.ts';
import { encodePng, tileImages } from '../../images/index.ts';
import type { ApiDeps, Datasets } from '../deps.ts';
import { matchesEtag, strongEtag } from '../inference/answer.ts';
import { problems } from '../problem.ts';
import { binary, json, NOT_MODIFIED, NoQuery, page, pageQuery, slicePage } from '../schemas.ts';
import type { App } from './context.ts';

const SHEET_COLUMNS = 10;

const params = z.strictObject({
  dataset: z.string().meta({ description: 'A dataset id.', example: 'mnist' }),
});

/** The first images of each label, a row a label. */
function drawSheet({ info, train }: Awaited<ReturnType<Datasets['load']>>): Buffer {
  const { width, height, channels } = info;
  const size = width * height * channels;
  const rows = info.labels.map((): Uint8Array[] => []);
  for (let i = 0; i < train.count; i++) {
    const row = rows[train.labels[i]!];
    if (row && row.length < SHEET_COLUMNS) row.push(train.images.subarray(i * size, (i + 1) * size));
  }
  const blank = new Uint8Array(size);
  const cells = rows.flatMap((row) => Array.from({ length: SHEET_COLUMNS }, (_, i) => row[i] ?? blank));
  const sheet = tileImages(cells, { width, height, channels, columns: SHEET_COLUMNS });
  return encodePng(sheet.pixels, { ...sheet, text: { Software: 'Stylograph', digest: info.digest } });
}

export async function datasetRoutes(app: App, deps: ApiDeps): Promise<void> {
  /** Drawn once a dataset's digest: reading its pixels takes a while. */
  const sheets = new Map<string, Promise<Buffer>>();

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
      const all = (await deps.datasets.list()).sort((a, b) => (a.id < b.id ? -1 : 1));
      return slicePage(all, query, ({ id }) => id);
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
    async (request) => deps.datasets.describe(request.params.dataset),
  );

  app.get(
    '/datasets/:dataset/sheet.png',
    {
      config: { produces: ['image/png'] },
      schema: {
        operationId: 'getDatasetSheet',
        tags: ['datasets'],
        summary: 'Some images of each label',
        params,
        querystring: NoQuery,
        response: {
          304: NOT_MODIFIED,
          200: { description: 'A row a label.', content: { 'image/png': { schema: binary('image/png') } } },
          ...problems('dataset_not_found', 'dataset_missing', 'dataset_corrupt'),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async (request, reply) => {
      const { id, digest } = await deps.datasets.describe(request.params.dataset);
      const sheet = sheets.get(digest) ?? deps.datasets.load(id).then(drawSheet);
      sheets.set(digest, sheet);
      sheet.catch(() => sheets.delete(digest));
      const png = await sheet;
      const etag = strongEtag(png);
      reply.header('etag', etag).header('cache-control', 'no-cache').type('image/png');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.send(png);
    },
  );
}
