import { gunzipSync } from 'node:zlib';
import { type ErrorCode, StylographError } from '../core/errors.ts';

/** Magic numbers: unsigned bytes (0x08) in 3 or 1 dimensions. */
export const IMAGES_MAGIC = 0x0803;
export const LABELS_MAGIC = 0x0801;
/** Larger than any real dataset; a damaged or hostile gzip file cannot fill the memory. */
const MAX_UNPACKED_BYTES = 2 ** 31;

/** The file and the user's remedy, both for the text of errors. */
export interface IdxOrigin {
  file: string;
  remedy: string;
}

export interface IdxImages {
  count: number;
  height: number;
  width: number;
  /** count × height × width bytes, row-major. */
  pixels: Uint8Array;
}

/**
 * Reads an IDX3 file of unsigned bytes, gzipped or not (format: http://yann.lecun.com/exdb/mnist/).
 * `pixels` is a view of `bytes` unless they were gzipped.
 * @throws idx_bad_magic, idx_truncated, idx_trailing_bytes; dataset_corrupt for bad gzip or images without pixels
 */
export function parseIdxImages(bytes: Uint8Array, origin: IdxOrigin): IdxImages {
  const { dimensions, body } = parse(bytes, IMAGES_MAGIC, 'images', origin);
  const [count = 0, height = 0, width = 0] = dimensions;
  if (height === 0 || width === 0) {
    fail('dataset_corrupt', origin, `states images of ${width}×${height} pixels`);
  }
  return { count, height, width, pixels: body };
}

/**
 * Reads an IDX1 file of unsigned bytes, gzipped or not: one label index per item.
 * @throws idx_bad_magic, idx_truncated, idx_trailing_bytes; dataset_corrupt for bad gzip
 */
export function parseIdxLabels(bytes: Uint8Array, origin: IdxOrigin): Uint8Array {
  return parse(bytes, LABELS_MAGIC, 'labels', origin).body;
}

function parse(packed: Uint8Array, magic: number, kind: string, origin: IdxOrigin) {
  const bytes = unpack(packed, origin);
  const dimensionCount = magic & 0xff;
  const headerLength = 4 + 4 * dimensionCount;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint32(0) !== magic) {
    fail(
      'idx_bad_magic',
      origin,
      `is not an IDX file of ${kind}: it starts with ${hex(view.getUint32(0))}, expected ${hex(magic)}`,
    );
  }
  if (bytes.length < headerLength) {
    fail(
      'idx_truncated',
      origin,
      `ends inside its header: expected at least ${headerLength} bytes, found ${bytes.length}`,
    );
  }
  const dimensions = Array.from({ length: dimensionCount }, (_, index) => view.getUint32(4 + 4 * index));
  const expected = headerLength + dimensions.reduce((product, size) => product * size, 1);
  const stated = `its header states ${dimensions.join('×')} ${kind}, so expected ${expected} bytes, found ${bytes.length}`;
  if (bytes.length < expected) fail('idx_truncated', origin, `ends too early: ${stated}`);
  if (bytes.length > expected) fail('idx_trailing_bytes', origin, `is too long: ${stated}`);
  // A Uint8Array even if the file is a Buffer, whose `slice` would not copy.
  return {
    dimensions,
    body: new Uint8Array(bytes.buffer, bytes.byteOffset + headerLength, bytes.length - headerLength),
  };
}

/** Recognises gzip by its first bytes; an IDX file starts with two zeros. */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

function unpack(bytes: Uint8Array, origin: IdxOrigin): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    return fail('dataset_corrupt', origin, 'is damaged: it cannot be decompressed', cause);
  }
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function fail(code: ErrorCode, { file, remedy }: IdxOrigin, what: string, cause?: unknown): never {
  throw new StylographError(code, `${file} ${what}. ${remedy}`, { cause });
}
