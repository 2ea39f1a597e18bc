import type { Datatype, InferInput, InferRequest } from '../../core/contracts/open-inference.ts';
import { invalidField } from '../../core/errors.ts';

/** A tensor with its elements in row-major order. INT64 elements are held as 32-bit numbers. */
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
 * The bytes of each binary input, by the input's position.
 * @throws validation_failed unless the inputs' sizes add up to the tail
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
    refuse(
      'body',
      `has ${tail.length} bytes after the JSON, but the inputs state ${at}; check Inference-Header-Content-Length and binary_data_size`,
    );
  }
  return parts;
}

/** @param taken the datatypes that the input may have @throws validation_failed */
export function readTensor(input: InferInput, bytes: Buffer | undefined, taken: readonly Datatype[]): Tensor {
  const path = `inputs.${input.name}`;
  const datatype = taken.find((one) => one === input.datatype);
  if (!datatype) refuse(`${path}.datatype`, `is ${input.datatype}; send ${taken.join(' or ')}`);
  const count = countOf(input.shape);
  if (bytes && input.data) refuse(path, 'has both data and binary_data_size; send one of them');
  if (!bytes && !input.data) {
    refuse(`${path}.data`, 'is missing; send the elements, or their bytes after the JSON');
  }
  const values = bytes
    ? fromBytes(bytes, datatype, count, path)
    : fromNumbers(flatten(input.data!, count, path), datatype, path);
  return { name: input.name, datatype, shape: input.shape, values };
}

/** The most dimensions of a shape. */
const DEPTH = 8;

/** The elements of nested arrays. */
function flatten(data: unknown[], count: number, path: string): unknown[] {
  const flat = data.flat(DEPTH) as unknown[];
  if (flat.length === count) return flat;
  return refuse(`${path}.data`, `has ${flat.length} elements, but the shape has ${count}`);
}

/** Values that an element may have. */
const RANGES: Record<Datatype, { least: number; most: number; text: string }> = {
  FP32: { least: -3.4e38, most: 3.4e38, text: 'finite FP32 numbers' },
  UINT8: { least: 0, most: 255, text: 'whole numbers from 0 to 255' },
  INT64: { least: -1, most: 2 ** 31 - 1, text: 'whole numbers from -1 to 2147483647' },
};

function fromNumbers(data: unknown[], datatype: Datatype, path: string): Tensor['values'] {
  const { least, most } = RANGES[datatype];
  const fits = (value: unknown): value is number =>
    typeof value === 'number' &&
    value >= least &&
    value <= most &&
    (datatype === 'FP32' || Number.isInteger(value));
  const wrong = data.findIndex((value) => !fits(value));
  if (wrong >= 0) refuse(`${path}.data`, `must hold ${RANGES[datatype].text}; element ${wrong} does not`);
  if (datatype === 'FP32') return Float32Array.from(data as number[]);
  return datatype === 'UINT8' ? Uint8Array.from(data as number[]) : Int32Array.from(data as number[]);
}

/** Elements in little-endian order; their start in the body need not be aligned. */
function fromBytes(bytes: Buffer, datatype: Datatype, count: number, path: string): Tensor['values'] {
  const wanted = count * BYTES[datatype];
  if (bytes.length !== wanted) {
    refuse(path, `has ${bytes.length} bytes, but its shape and ${datatype} need ${wanted}`);
  }
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
