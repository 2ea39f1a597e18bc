import { Model } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { packModel } from '../../store/archive/pack.ts';
import { unpackModel } from '../../store/archive/unpack.ts';
import { type ApiDeps, limitsOf } from '../deps.ts';
import { problems } from '../problem.ts';
import { binary, json, NoQuery } from '../schemas.ts';
import { type App, chooserOf, ModelParams } from './context.ts';

const ZIP = 'application/zip';

export async function archiveRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.addContentTypeParser(
    [ZIP, 'application/x-zip-compressed'],
    { parseAs: 'buffer', bodyLimit: limitsOf(deps).archiveBytes },
    (_request, body, done) => done(null, body),
  );

  app.get(
    '/models/:model/download',
    {
      config: { produces: [ZIP] },
      schema: {
        operationId: 'downloadModel',
        tags: ['models'],
        summary: 'A model as one archive',
        description:
          'A zip file that another server takes with `POST /models`: the record, the weights as safetensors, and encoder and decoder for `tf.loadLayersModel` of plain TensorFlow.js, with a README.',
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
      const record = await deps.models.record(params.model);
      const archive = packModel(record, await deps.models.readWeights(record.id));
      reply.header('x-model-id', record.id).header('cache-control', 'no-cache');
      reply.header('content-disposition', `attachment; filename="${record.id}.zip"`);
      return reply.type(ZIP).send(Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength));
    },
  );

  app.post(
    '/models',
    {
      config: { scope: 'admin', takesFiles: true },
      schema: {
        operationId: 'importModel',
        tags: ['models'],
        summary: 'Take a model from an archive',
        description:
          'What `GET /models/{model}/download` gave, here or on another server. Every digest is checked, nothing in it is run, and it is loaded once before it is taken. It keeps its id; `latest` counts it by the time it was made.',
        querystring: NoQuery,
        body: { content: { [ZIP]: { schema: binary(ZIP) } } },
        response: {
          200: json(Model, 'It was here already.'),
          201: json(Model, 'It is here now.'),
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
      chooserOf(deps).forget();
      reply.header('location', `/models/${record.id}`);
      return reply.code(added ? 201 : 200).send(await deps.models.get(record.id));
    },
  );
}

/** A model that cannot be loaded is not taken. @throws invalid_archive, inference_unavailable */
async function loadOnce(
  { inference }: ApiDeps,
  record: Parameters<ApiDeps['inference']['ensure']>[0],
): Promise<void> {
  try {
    await inference.ensure(record);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'checkpoint_corrupt' && code !== 'inference_failed') throw error;
    const detail = `The archive holds a model that cannot be loaded, and it was not taken: ${(error as Error).message}`;
    throw new StylographError('invalid_archive', detail, { cause: error });
  }
}
