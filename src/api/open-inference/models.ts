import { MAX_ENCODE_IMAGES, MAX_GENERATE_IMAGES } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import type { Datatype, TensorMetadata } from '../../core/contracts/open-inference.ts';
import { StylographError } from '../../core/errors.ts';
import { checkedLatent } from '../inference/model.ts';
import { type Calling, decodeWishes } from '../inference/pictures.ts';
import { encodeSources, inferLabels, type Source } from '../inference/received.ts';
import { refuse, type Tensor } from './tensors.ts';

/** Inputs by their names, as they came. */
type Inputs = ReadonlyMap<string, Tensor>;

/** Half of a model, as the Open Inference Protocol sees it: tensors in, tensors out. */
export interface Half {
  inputs(model: ModelRecord): (TensorMetadata & { optional?: boolean; also?: Datatype })[];
  outputs(model: ModelRecord): TensorMetadata[];
  /** @throws validation_failed, invalid_label, too_many_images and whatever inference may */
  run(calling: Calling, inputs: Inputs): Promise<Tensor[]>;
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

/** How many are asked for: the first side of the first input. */
function countOf(inputs: Inputs, name: string, most: number): number {
  const [count = 0] = inputs.get(name)!.shape;
  if (count < 1 || count > most)
    refuse(`inputs.${name}.shape`, `asks for ${count}; 1 to ${most} go at a time`);
  return count;
}

/** Labels are indices here, whatever their names are: a model may have a label "3" at 0. @throws invalid_label */
function checkedIndex({ id, image: { labels } }: ModelRecord, index: number): number {
  if (index >= 0 && index < labels.length) return index;
  const last = labels.length - 1;
  throw new StylographError('invalid_label', `${id} has no label at index ${index}; they are 0 to ${last}.`);
}

/** A place's part of an input. */
const at = <T extends Tensor['values']>({ values }: { values: T }, i: number, size: number): T =>
  values.subarray(i * size, (i + 1) * size) as T;

const decoder: Half = {
  inputs: (model) => [latents('latent', model), LABEL],
  outputs: (model) => [image(model)],
  async run(calling, inputs) {
    const { model } = calling;
    const count = countOf(inputs, 'latent', MAX_GENERATE_IMAGES);
    const latent = inputs.get('latent')!;
    const labels = inputs.get('label')!.values;
    const wishes = Array.from({ length: count }, (_, i) => ({
      label: checkedIndex(model, labels[i]!),
      latent: checkedLatent(model, Array.from(at(latent, i, model.latentDim))),
      seed: null,
    }));
    const pictures = await decodeWishes(calling, wishes);
    const { height, width, channels } = model.image;
    const values = new Uint8Array(count * height * width * channels);
    pictures.forEach(({ pixels }, i) => {
      values.set(pixels, i * pixels.length);
    });
    return [{ name: 'image', datatype: 'UINT8', shape: [count, height, width, channels], values }];
  },
};

/** Floating-point pixels are ink from 0 to 1, bytes from 0 to 255. */
function toPixels({ values, datatype }: Tensor): Uint8Array {
  if (datatype === 'UINT8') return values as Uint8Array;
  return Uint8Array.from(values as Float32Array, (value) => {
    if (value < 0 || value > 1)
      refuse('inputs.image.data', `has ${value}; FP32 pixels are 0 to 1, UINT8 ones 0 to 255`);
    return Math.round(value * 255);
  });
}

const encoder: Half = {
  inputs: (model) => [
    { ...image(model), also: 'FP32' },
    { ...LABEL, optional: true },
  ],
  outputs: (model) => [latents('mean', model), latents('log_var', model), LABEL],
  async run(calling, inputs) {
    const { model } = calling;
    const count = countOf(inputs, 'image', MAX_ENCODE_IMAGES);
    const pixels = toPixels(inputs.get('image')!);
    const size = pixels.length / count;
    const labels = inputs.get('label')?.values;
    const sources: Source[] = Array.from({ length: count }, (_, i) => {
      const given = labels?.[i] ?? -1;
      const labelInferred = given === -1;
      return {
        pixels: pixels.subarray(i * size, (i + 1) * size),
        label: labelInferred ? 0 : checkedIndex(model, given),
        labelInferred,
      };
    });
    await inferLabels(calling, sources);
    const encoded = await encodeSources(calling, sources);
    const joined = (of: 'mean' | 'logVar'): Float32Array => {
      const values = new Float32Array(count * model.latentDim);
      encoded.forEach((source, i) => {
        values.set(source[of], i * model.latentDim);
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

export const HALVES = { encoder, decoder };
