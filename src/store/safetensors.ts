import type { NamedWeights } from '../core/contracts/model.ts';
import { StylographError } from '../core/errors.ts';

/** Limit of the format; our headers are a few kilobytes. */
const MAX_HEADER_BYTES = 100_000_000;
const ALIGNMENT = 8;
const METADATA = '__metadata__';

export interface DecodedTensors {
  weights: NamedWeights[];
  metadata: Record<string, string>;
}

/**
 * Encodes 32-bit floats as safetensors (https://github.com/huggingface/safetensors, "Format"): the header's length as a
 * little-endian u64, a JSON header, then the tensors without gaps. The header is padded with spaces, so that the tensors
 * start at a multiple of eight bytes.
 */
export function encode(weights: readonly NamedWeights[], metadata: Record<string, string> = {}): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header[METADATA] = metadata;
  let offset = 0;
  for (const { name, shape, values } of weights) {
    if (Object.hasOwn(header, name)) throw new TypeError(`two tensors are called "${name}"`);
    const size = shape.reduce((product, n) => product * n, 1);
    if (size !== values.length) {
      throw new TypeError(`"${name}" has ${values.length} values, its shape [${shape}] needs ${size}`);
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const out = Buffer.alloc(8 + headerBytes + offset, ' ');
  out.writeBigUInt64LE(BigInt(headerBytes), 0);
  json.copy(out, 8);
  let at = 8 + headerBytes;
  for (const { values } of weights) {
    out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return out;
}

function corrupt(what: string): StylographError {
  return new StylographError(
    'checkpoint_corrupt',
    `A safetensors file is damaged: ${what}. Remove it, or start from an older checkpoint.`,
  );
}

interface Entry {
  name: string;
  shape: number[];
  begin: number;
  end: number;
}

function readEntry(name: string, value: unknown): Entry {
  const entry = value as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null;
  if (entry?.dtype !== 'F32')
    throw corrupt(`"${name}" has the type ${String(entry?.dtype)}; only F32 is supported`);
  const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  const { shape, data_offsets: offsets } = entry;
  if (!Array.isArray(shape) || !shape.every(isSize)) throw corrupt(`"${name}" has an invalid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw corrupt(`"${name}" has invalid offsets`);
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== shape.reduce((product, n) => product * n, 4)) {
    throw corrupt(`"${name}" has ${end - begin} bytes, which do not match its shape [${shape}]`);
  }
  return { name, shape, begin, end };
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) throw corrupt('it ends within its first eight bytes');
  const length = Number(Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64LE(0));
  if (length > MAX_HEADER_BYTES || length > bytes.length - 8) throw corrupt('it ends within its header');
  const json = Buffer.from(bytes.buffer, bytes.byteOffset + 8, length).toString('utf8');
  try {
    const header: unknown = JSON.parse(json);
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) {
      return { header: header as Record<string, unknown>, dataStart: 8 + length };
    }
  } catch {
    // Not JSON: the same error as for JSON that is not an object.
  }
  throw corrupt('its header is not a JSON object');
}

/**
 * Decodes the tensors in file order. They must cover the data exactly.
 * @throws checkpoint_corrupt if the file is truncated, tensors overlap or leave gaps, or a type is not F32
 */
export function decode(bytes: Uint8Array): DecodedTensors {
  const { header, dataStart } = readHeader(bytes);
  const metadata = (header[METADATA] ?? {}) as Record<string, string>;
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => readEntry(name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  const weights = entries.map(({ name, shape, begin, end }) => {
    if (begin < covered) throw corrupt(`"${name}" overlaps the tensor before it`);
    if (begin > covered) throw corrupt(`there is a gap before "${name}"`);
    if (dataStart + end > bytes.length) throw corrupt(`it ends within "${name}"`);
    covered = end;
    // A copy, because a Float32Array must start at a multiple of four bytes. `slice` of a Buffer would not copy.
    const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    return { name, shape, values: new Float32Array(copy.buffer) };
  });
  if (dataStart + covered !== bytes.length) throw corrupt('there are bytes after the last tensor');
  return { weights, metadata };
}
