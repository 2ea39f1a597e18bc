import type { Datatype, InferInput, InferRequest } from '../../core/contracts/open-inference.ts';
import { invalidField } from '../../core/errors.ts';

/** A tensor with its elements in row-major order; whole numbers of 64 bits are plain numbers here. */
export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  values: Float32Array | Uint8Array | Int32Array;
}

const BYTES: Record<Datatype, number> = { FP32: 4, UINT8: 1, INT64: 8 };

export function refuse(path: string, message: string): never {
  throw invalidField(path, message);
}

const countOf = (shape: readonly number[]): number => shape.reduce((total, side) => total * side, 1);

/**
 * The bytes of each input that has any after the JSON, by its position.
 * @throws validation_failed when they do not come out even
 */
export function splitTail(inputs: InferRequest['inputs'], tail: Buffer): (Buffer | undefined)[] {
  let at = 0;
  const parts = inputs.map(({ parameters }) => {
    const size = parameters?.binary_data_size;
    if (size === undefined) return undefined;
    at += size;
    return tail.subarray(at - size, at);
  });
  if (at !== tail.length) {
    const where = 'as the header Inference-Header-Content-Length divides it';
    refuse('body', `has ${tail.length} bytes after the JSON, ${where}; the inputs say ${at}`);
  }
  return parts;
}

/** An input in one of the datatypes that its place takes. @throws validation_failed */
export function readTensor(input: InferInput, bytes: Buffer | undefined, taken: readonly Datatype[]): Tensor {
  const path = `inputs.${input.name}`;
  const datatype = taken.find((one) => one === input.datatype);
  if (!datatype) refuse(`${path}.datatype`, `is ${input.datatype}; send ${taken.join(' or ')}`);
  const count = countOf(input.shape);
  if (bytes && input.data) refuse(path, 'has both data and binary_data_size; send one of them');
  if (!bytes && !input.data)
    refuse(`${path}.data`, 'is missing; send the elements, or their bytes after the JSON');
  const values = bytes
    ? fromBytes(bytes, datatype, count, path)
    : fromNumbers(flatten(input.data!, count, path), datatype, path);
  return { name: input.name, datatype, shape: input.shape, values };
}

/** More than a shape may have sides; whatever is nested deeper is no element. */
const DEPTH = 8;

/** Elements out of arrays in arrays. */
function flatten(data: unknown[], count: number, path: string): unknown[] {
  const flat = data.flat(DEPTH) as unknown[];
  if (flat.length === count) return flat;
  return refuse(`${path}.data`, `has ${flat.length} elements; the shape says ${count}`);
}

function fromNumbers(data: unknown[], datatype: Datatype, path: string): Tensor['values'] {
  const [least, most] = { FP32: [-3.4e38, 3.4e38], UINT8: [0, 255], INT64: [-1, 2 ** 31 - 1] }[datatype];
  const fits = (value: unknown): value is number =>
    typeof value === 'number' &&
    value >= least! &&
    value <= most! &&
    (datatype === 'FP32' || Number.isInteger(value));
  const wrong = data.findIndex((value) => !fits(value));
  if (wrong >= 0) refuse(`${path}.data`, `has an element that is no ${datatype} of use here, at ${wrong}`);
  if (datatype === 'FP32') return Float32Array.from(data as number[]);
  return datatype === 'UINT8' ? Uint8Array.from(data as number[]) : Int32Array.from(data as number[]);
}

/** Little-endian, without gaps, wherever in the body they begin. */
function fromBytes(bytes: Buffer, datatype: Datatype, count: number, path: string): Tensor['values'] {
  const wanted = count * BYTES[datatype];
  if (bytes.length !== wanted)
    refuse(path, `has ${bytes.length} bytes; its shape and ${datatype} make ${wanted}`);
  if (datatype === 'UINT8') return new Uint8Array(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = Array.from({ length: count }, (_, i) =>
    datatype === 'FP32' ? view.getFloat32(i * 4, true) : Number(view.getBigInt64(i * 8, true)),
  );
  return fromNumbers(numbers, datatype, path);
}

/** The bytes of an output. */
export function toBytes({ datatype, values }: Tensor): Buffer {
  const bytes = Buffer.alloc(values.length * BYTES[datatype]);
  if (datatype === 'UINT8') bytes.set(values);
  else {
    values.forEach((value, i) => {
      if (datatype === 'FP32') bytes.writeFloatLE(value, i * 4);
      else bytes.writeBigInt64LE(BigInt(value), i * 8);
    });
  }
  return bytes;
}
