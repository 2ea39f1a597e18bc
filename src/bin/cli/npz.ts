import { zipSync } from 'fflate';

/** An array of bytes in C order. */
export interface ByteArray {
  shape: readonly number[];
  bytes: Uint8Array;
}

/** Writes arrays of bytes as NumPy's `savez_compressed` does (numpy/lib/format.py, version 1). */
export function packNpz(arrays: Readonly<Record<string, ByteArray>>): Uint8Array<ArrayBuffer> {
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)]);
  // A fixed time makes the bytes reproducible; this is the earliest that a zip file can store.
  return zipSync(Object.fromEntries(files), { level: 4, mtime: new Date(1980, 0, 1) });
}

const HEADER_UNIT = 64;

function npy({ shape, bytes }: ByteArray): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + text.length + 1) / HEADER_UNIT) * HEADER_UNIT;
  const head = Buffer.alloc(length, ' ');
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(length - 10, 8);
  head.write(text, 10, 'latin1');
  head.write('\n', length - 1, 'latin1');
  return Buffer.concat([head, bytes]);
}
