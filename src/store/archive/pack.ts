import { zipSync } from 'fflate';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { encodeWeights, sha256 } from '../index.ts';
import { type ArchiveManifest, FILES, FORMAT } from './format.ts';
import { decoderLayersModel, encoderLayersModel, type LayersModel } from './layers-model.ts';

/** The earliest time in a zip file. It is fixed, so that the archive of a model always has the same bytes. */
const NO_TIME = new Date(1980, 0, 1);

/**
 * Packs a model as a zip file: its record, its weights as safetensors, and encoder and decoder for plain TensorFlow.js.
 * Floats hardly compress, so the files are only stored.
 * @throws export_unsupported
 */
export function packModel(record: ModelRecord, weights: readonly NamedWeights[]): Uint8Array {
  const files: Record<string, Uint8Array> = {
    [FILES.record]: toJson(record),
    [FILES.weights]: encodeWeights(weights, { modelId: record.id, digest: record.digest }),
    [FILES.readme]: Buffer.from(readme(record)),
    ...layersFiles(FILES.encoder, encoderLayersModel(record, weights)),
    ...layersFiles(FILES.decoder, decoderLayersModel(record, weights)),
  };
  const entries = Object.entries(files).map(([name, bytes]): [string, ArchiveManifest['files'][string]] => [
    name,
    { sha256: sha256(bytes), bytes: bytes.length },
  ]);
  const manifest: ArchiveManifest = { format: FORMAT, files: Object.fromEntries(entries) };
  const all = { [FILES.manifest]: toJson(manifest), ...files };
  return zipSync(all, { level: 0, mtime: NO_TIME });
}

const toJson = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

function layersFiles(
  names: { topology: string; weights: string },
  { topology, weights }: LayersModel,
): Record<string, Uint8Array> {
  return { [names.topology]: Buffer.from(topology), [names.weights]: weights };
}

function readme({ id, preset, dataset, image, latentDim, digest }: ModelRecord): string {
  const { width, height, channels, labels } = image;
  return `# ${id}

A conditional VAE+GAN (preset ${preset}, dataset ${dataset}), exported by Stylograph.
Images are ${width} × ${height} × ${channels}, ${labels.length} labels: ${labels.join(', ')}. Latents have ${latentDim} numbers.
SHA-256 of the weights as served: ${digest}.

Another Stylograph server takes this archive as it is: \`stylograph models import ${id}.zip\`, or
\`curl -X POST localhost:8080/models -H 'content-type: application/zip' --data-binary @${id}.zip\`.

TensorFlow.js takes the folder \`tfjs\` without Stylograph:

\`\`\`js
const decoder = await tf.loadLayersModel('file://tfjs/decoder/model.json'); // or an http address, in a browser
const z = tf.randomNormal([1, ${latentDim}]);
const y = tf.oneHot(tf.tensor1d([0], 'int32'), ${labels.length}).toFloat();  // the label's position in the list above
const image = decoder.predict([z, y]); // 1 × ${height} × ${width} × ${channels}, from 0 to 1, 1 is ink

const encoder = await tf.loadLayersModel('file://tfjs/encoder/model.json');
const [mean, logVar] = encoder.predict([image, y]); // each 1 × ${latentDim}
\`\`\`
`;
}
