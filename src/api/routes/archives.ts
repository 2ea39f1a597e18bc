import { Model, type ModelRecord } from '../../core/contracts/model.ts';
import { errorCodeOf, StylographError } from '../../core/errors.ts';
import { packModel } from '../../store/archive/pack.ts';
import { unpackModel } from '../../store/archive/unpack.ts';
import type { App, RouteDeps } from '../context.ts';
import { problems } from '../problem.ts';
import { binary, json, ModelParams, NoQuery } from '../schemas.ts';

const ZIP = 'application/zip';

export function archiveRoutes(app: App, deps: RouteDeps): void {
  app.addContentTypeParser(
    [ZIP, 'application/x-zip-compressed'],
    { parseAs: 'buffer', bodyLimit: deps.limits.archiveBytes },
    (_request, body, done) => done(null, body),
  );
  downloadModel(app, deps);
  importModel(app, deps);
}

function downloadModel(app: App, { models }: RouteDeps): void {
  app.get(
    '/models/:model/download',
    {
      config: { produces: [ZIP] },
      schema: {
        operationId: 'downloadModel',
        tags: ['models'],
        summary: 'Download a model as one archive',
        description:
          'A zip file that another server imports with `POST /models`. It holds the record, the weights as safetensors, the encoder and decoder for `tf.loadLayersModel` of TensorFlow.js, and a README.',
        params: ModelParams,
        querystring: NoQuery,
        response: {
          200: { description: 'The archive.', content: { [ZIP]: { schema: binary(ZIP) } } },
          ...problems('no_model', 'model_not_found', 'checkpoint_corrupt', 'export_unsupported'),
        },
        'x-doc': { headers: ['X-Model-Id'] },
      },
    },
    async ({ params }, reply) => {
      const record = await models.record(params.model);
      const archive = packModel(record, await models.readWeights(record.id));
      reply.header('x-model-id', record.id).header('cache-control', 'no-cache');
      reply.header('content-disposition', `attachment; filename="${record.id}.zip"`);
      return reply.type(ZIP).send(Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength));
    },
  );
}

function importModel(app: App, deps: RouteDeps): void {
  app.post(
    '/models',
    {
      config: { scope: 'admin', takesFiles: true },
      schema: {
        operationId: 'importModel',
        tags: ['models'],
        summary: 'Import a model from an archive',
        description:
          'Send an archive from `GET /models/{model}/download` of any server. Every digest is checked and no code in the archive is run. The model is loaded once before it is accepted. It keeps its id; `latest` orders models by the time they were created.',
        querystring: NoQuery,
        body: { content: { [ZIP]: { schema: binary(ZIP) } } },
        response: {
          200: json(Model, 'The model already existed.'),
          201: json(Model, 'The model was added.'),
          ...problems(
            'invalid_archive',
            'model_exists',
            'body_too_large',
            'unsupported_media_type',
            'inference_unavailable',
            'disk_full',
          ),
        },
        'x-doc': { headers: ['Location'], bodyTypes: [ZIP], bodyIsBytes: true },
      },
    },
    async ({ body }, reply) => {
      const { record, weights } = unpackModel(body as Uint8Array);
      const added = await deps.models.add(record, weights, () => loadOnce(deps, record));
      deps.chooser.forget();
      reply.header('location', `/models/${record.id}`);
      return reply.code(added ? 201 : 200).send(await deps.models.get(record.id));
    },
  );
}

/** Loads an imported model. @throws invalid_archive if it cannot be loaded, inference_unavailable */
async function loadOnce({ inference }: RouteDeps, record: ModelRecord): Promise<void> {
  try {
    await inference.ensure(record);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code !== 'checkpoint_corrupt' && code !== 'inference_failed') throw error;
    const detail = `The model in the archive cannot be loaded and was not imported: ${(error as Error).message}`;
    throw new StylographError('invalid_archive', detail, { cause: error });
  }
}
