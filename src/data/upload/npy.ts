import { refuse } from './refusals.ts';

/** An array as NumPy stores it. */
export interface NpyArray {
  shape: number[];
  /** NumPy's code of its elements, such as `<f4`. */
  type: string;
  body: Uint8Array;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Bytes of an element of each kind that is read; `U` has four a character, `S` one. */
const KINDS = /^[<>|=]?(?:u1|i1|b1|[ui][248]|f[48]|[US]\d+)$/;

/**
 * Reads an .npy file (numpy/lib/format.py, versions 1 to 3). Arrays of Python objects are pickles and are never read.
 * @throws invalid_dataset
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < 12 || !data.subarray(0, 6).equals(MAGIC)) refuse(`${name} is no array of NumPy.`);
  const isLong = data[6]! >= 2;
  const start = isLong ? 12 : 10;
  const end = start + (isLong ? data.readUInt32LE(8) : data.readUInt16LE(8));
  const header = data.subarray(start, end).toString('latin1');
  const type = /'descr'\s*:\s*'([^']+)'/.exec(header)?.[1] ?? '';
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  if (end > data.length || order === undefined || sizes === undefined)
    refuse(`${name} has a damaged header.`);
  if (!KINDS.test(type)) {
    refuse(
      `${name} holds elements of the kind ${type || 'object'}; store numbers (uint8, float32, …) or strings.`,
    );
  }
  if (order === 'True') {
    refuse(`${name} is stored by columns; store np.ascontiguousarray(…).`);
  }
  const shape = sizes!
    .split(',')
    .map((size) => size.trim())
    .filter(Boolean)
    .map(Number.parseFloat);
  const expected = shape.reduce((product, size) => product * size, elementBytes(type));
  const body = new Uint8Array(data.buffer, data.byteOffset + end, data.length - end);
  if (body.length !== expected) {
    refuse(`${name} is damaged: its header states ${expected} bytes, and it holds ${body.length}.`);
  }
  return { shape, type, body };
}

function elementBytes(type: string): number {
  const [, kind, size] = /([a-zA-Z])(\d+)$/.exec(type)!;
  return kind === 'U' ? 4 * Number(size) : Number(size);
}

/** All elements as numbers; 64-bit integers are exact up to 2⁵³. */
export function numbersOf(array: NpyArray, name: string): Float64Array | Uint8Array {
  const { type, body } = array;
  const [, kind, digits] = /([a-zA-Z])(\d+)$/.exec(type)!;
  if (kind === 'U' || kind === 'S') refuse(`${name} holds text where numbers are expected.`);
  if (type.endsWith('u1') || kind === 'b') return body;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const size = Number(digits);
  const little = !type.startsWith('>');
  const read = READERS[`${kind}${size}`]!;
  return Float64Array.from({ length: body.length / size }, (_, at) => read(view, at * size, little));
}

const READERS: Record<string, (view: DataView, at: number, little: boolean) => number> = {
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  i2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};

/** All elements as text, without the zeros that fill them up. */
export function textsOf({ type, body }: NpyArray): string[] {
  const size = elementBytes(type);
  const isWide = type.includes('U');
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return Array.from({ length: body.length / size }, (_, at) => {
    let text = '';
    for (let i = at * size; i < (at + 1) * size; i += isWide ? 4 : 1) {
      const code = isWide ? view.getUint32(i, !type.startsWith('>')) : view.getUint8(i);
      if (code === 0) break;
      text += String.fromCodePoint(Math.min(code, 0x10ffff));
    }
    return text.normalize('NFC');
  });
}

export const isText = ({ type }: NpyArray): boolean => /[US]\d+$/.test(type);
