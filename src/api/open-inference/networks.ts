import { MAX_ENCODE_IMAGES, MAX_GENERATE_IMAGES } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import type { Datatype, TensorMetadata } from '../../core/contracts/open-inference.ts';
import { StylographError } from '../../core/errors.ts';
import type { EncodeInput, InferenceCall } from '../inference/call.ts';
import { refuse, type Tensor } from './tensors.ts';

/** Inputs by name, as sent. */
type Inputs = ReadonlyMap<string, Tensor>;

/** The encoder or decoder of a model. Each is a model of its own in the Open Inference Protocol: tensors in, tensors out. */
export interface Network {
  /** `also`: a second datatype that the input may have. */
  inputs(model: ModelRecord): (TensorMetadata & { optional?: boolean; also?: Datatype })[];
  outputs(model: ModelRecord): TensorMetadata[];
  /** @throws validation_failed, invalid_label, too_many_images, and what inference throws */
  run(call: InferenceCall, inputs: Inputs): Promise<Tensor[]>;
}

const image = ({ image: { height, width, channels } }: ModelRecord): TensorMetadata => ({
  name: 'image',
  datatype: 'UINT8',
  shape: [-1, height, width, channels],
});
const latents = (name: string, { latentDim }: ModelRecord): TensorMetadata => ({
  name,
  datatype: 'FP32',
  shape: [-1, latentDim],
});
const LABEL: TensorMetadata = { name: 'label', datatype: 'INT64', shape: [-1] };

/** The batch size: the first dimension of an input. */
function batchSize(inputs: Inputs, name: string, most: number): number {
  const [count = 0] = inputs.get(name)!.shape;
  if (count < 1 || count > most) {
    refuse(`inputs.${name}.shape`, `has a batch size of ${count}; it must be 1 to ${most}`);
  }
  return count;
}

/** Labels are always indices here, since a model may have a label "3" at index 0. @throws invalid_label */
function checkedIndex({ id, image: { labels } }: ModelRecord, index: number): number {
  if (index >= 0 && index < labels.length) return index;
  const last = labels.length - 1;
  throw new StylographError('invalid_label', `${id} has no label at index ${index}; use 0 to ${last}.`);
}

/** Row `i` of a tensor with rows of `size` elements. */
const row = <T extends Tensor['values']>({ values }: { values: T }, i: number, size: number): T =>
  values.subarray(i * size, (i + 1) * size) as T;

const decoder: Network = {
  inputs: (model) => [latents('latent', model), LABEL],
  outputs: (model) => [image(model)],
  async run(call, inputs) {
    const { model } = call;
    const count = batchSize(inputs, 'latent', MAX_GENERATE_IMAGES);
    const latent = inputs.get('latent')!;
    const labels = inputs.get('label')!.values;
    const decodeInputs = Array.from({ length: count }, (_, i) => ({
      label: checkedIndex(model, labels[i]!),
      latent: call.checkedLatent(Array.from(row(latent, i, model.latentDim))),
      seed: null,
    }));
    const images = await call.decode(decodeInputs);
    const { height, width, channels } = model.image;
    const values = new Uint8Array(count * height * width * channels);
    images.forEach(({ pixels }, i) => {
      values.set(pixels, i * pixels.length);
    });
    return [{ name: 'image', datatype: 'UINT8', shape: [count, height, width, channels], values }];
  },
};

/** FP32 pixels are 0 to 1, UINT8 pixels 0 to 255; ink is high. */
function toPixels({ values, datatype }: Tensor): Uint8Array {
  if (datatype === 'UINT8') return values as Uint8Array;
  return Uint8Array.from(values as Float32Array, (value) => {
    if (value < 0 || value > 1) {
      refuse('inputs.image.data', `has ${value}; FP32 pixels must be 0 to 1, UINT8 pixels 0 to 255`);
    }
    return Math.round(value * 255);
  });
}

const encoder: Network = {
  inputs: (model) => [
    { ...image(model), also: 'FP32' },
    { ...LABEL, optional: true },
  ],
  outputs: (model) => [latents('mean', model), latents('log_var', model), LABEL],
  async run(call, inputs) {
    const { model } = call;
    const count = batchSize(inputs, 'image', MAX_ENCODE_IMAGES);
    const pixels = toPixels(inputs.get('image')!);
    const size = pixels.length / count;
    const labels = inputs.get('label')?.values;
    const images: EncodeInput[] = Array.from({ length: count }, (_, i) => {
      const given = labels?.[i] ?? -1;
      const labelInferred = given === -1;
      return {
        pixels: pixels.subarray(i * size, (i + 1) * size),
        label: labelInferred ? 0 : checkedIndex(model, given),
        labelInferred,
      };
    });
    await call.inferLabels(images);
    const encoded = await call.encode(images);
    const joined = (name: 'mean' | 'logVar'): Float32Array => {
      const values = new Float32Array(count * model.latentDim);
      encoded.forEach((image, i) => {
        values.set(image[name], i * model.latentDim);
      });
      return values;
    };
    const shape = [count, model.latentDim];
    return [
      { name: 'mean', datatype: 'FP32', shape, values: joined('mean') },
      { name: 'log_var', datatype: 'FP32', shape, values: joined('logVar') },
      {
        name: 'label',
        datatype: 'INT64',
        shape: [count],
        values: Int32Array.from(encoded, ({ label }) => label),
      },
    ];
  },
};

const NETWORKS = { encoder, decoder };

/** @throws model_not_found naming both */
export function networkNamed(name: string): Network {
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name as keyof typeof NETWORKS];
  throw new StylographError(
    'model_not_found',
    `There is no model "${name}" here; use ${Object.keys(NETWORKS).join(' or ')}. GET /models lists their versions.`,
  );
}
