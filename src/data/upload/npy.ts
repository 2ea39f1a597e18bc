import { refuse } from './refusals.ts';

/** A NumPy array as stored. */
export interface NpyArray {
  shape: number[];
  /** NumPy's code of the element type, such as `<f4`. */
  type: string;
  body: Uint8Array;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Supported element types: byte order, kind and size. `U` has four bytes per character, `S` one. */
const TYPES = /^[<>|=]?(?:u1|i1|b1|[ui][248]|f[48]|[US]\d+)$/;

/**
 * Reads an .npy file (numpy/lib/format.py, versions 1 to 3). Arrays of Python objects are pickles, which could run code,
 * and are refused.
 * @throws invalid_dataset
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < 12 || !data.subarray(0, 6).equals(MAGIC)) refuse(`${name} is not a NumPy array.`);
  const hasLongHeader = data[6]! >= 2;
  const start = hasLongHeader ? 12 : 10;
  const end = start + (hasLongHeader ? data.readUInt32LE(8) : data.readUInt16LE(8));
  const header = data.subarray(start, end).toString('latin1');
  const type = /'descr'\s*:\s*'([^']+)'/.exec(header)?.[1] ?? '';
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  if (end > data.length || order === undefined || sizes === undefined) {
    return refuse(`${name} has a damaged header. Save the array again.`);
  }
  if (!TYPES.test(type)) {
    refuse(
      `${name} has elements of the type ${type || 'object'}. Store numbers (uint8, float32, …) or strings.`,
    );
  }
  if (order === 'True') {
    refuse(`${name} is stored in Fortran order. Store np.ascontiguousarray(…) instead.`);
  }
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter(Boolean)
    .map(Number.parseFloat);
  const expected = shape.reduce((product, size) => product * size, elementBytes(type));
  const body = new Uint8Array(data.buffer, data.byteOffset + end, data.length - end);
  if (body.length !== expected) {
    refuse(
      `${name} is damaged: its header states ${expected} bytes, found ${body.length}. Save the array again.`,
    );
  }
  return { shape, type, body };
}

function elementBytes(type: string): number {
  const [, kind, size] = /([a-zA-Z])(\d+)$/.exec(type)!;
  return kind === 'U' ? 4 * Number(size) : Number(size);
}

/** All elements as numbers; 64-bit integers are exact up to 2⁵³. @throws invalid_dataset for strings */
export function numbersOf({ type, body }: NpyArray, name: string): Float64Array | Uint8Array {
  const [, kind, digits] = /([a-zA-Z])(\d+)$/.exec(type)!;
  if (kind === 'U' || kind === 'S') refuse(`${name} contains strings, expected numbers.`);
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

/** All elements as strings, without trailing zeros. */
export function stringsOf({ type, body }: NpyArray): string[] {
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

export const hasStrings = ({ type }: NpyArray): boolean => /[US]\d+$/.test(type);
