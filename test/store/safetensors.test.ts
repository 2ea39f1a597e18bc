import assert from 'node:assert/strict';
import test from 'node:test';
import { decode, encode } from '../../src/store/safetensors.ts';
import { someWeights } from './small-models.ts';

/** A file with any header and `dataBytes` zero bytes. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const corrupt = (pattern: RegExp) => (error: Error & { code?: string }) =>
  error.code === 'checkpoint_corrupt' && pattern.test(error.message);

test('tensors keep names, shapes, values, order and metadata', () => {
  const weights = [
    ...someWeights(),
    { name: 'empty', shape: [0, 4], values: new Float32Array() },
    { name: 'odd', shape: [3], values: Float32Array.from([Number.NaN, -0, 3e-45]) },
  ];
  const decoded = decode(encode(weights, { digest: 'é' }));
  assert.deepEqual(decoded.weights, weights);
  assert.deepEqual(decoded.metadata, { digest: 'é' });
});

test('the layout follows the published format', () => {
  const bytes = Buffer.from(encode([{ name: 'a', shape: [2], values: Float32Array.from([1, 2]) }]));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  assert.equal((8 + headerLength) % 8, 0);
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString());
  assert.deepEqual(header, { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } });
  assert.equal(bytes.readFloatLE(8 + headerLength + 4), 2);
  assert.equal(bytes.length, 8 + headerLength + 8);
});

test('a view into a larger buffer is decoded', () => {
  const bytes = encode(someWeights());
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  assert.deepEqual(decode(larger.subarray(3)).weights, someWeights());
});

test('a truncated file is refused wherever it ends', () => {
  const bytes = encode(someWeights());
  for (const length of [0, 7, 8, 40, bytes.length - 4, bytes.length - 1]) {
    assert.throws(() => decode(bytes.subarray(0, length)), corrupt(/ends within/), `${length} bytes`);
  }
});

test('files that violate the format are refused', () => {
  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  const cases: [string, Uint8Array, RegExp][] = [
    ['another type', fileWith({ a: { ...f32(0, 8), dtype: 'F64' } }, 8), /F64/],
    ['overlap', fileWith({ a: f32(0, 8), b: f32(4, 12) }, 12), /overlaps/],
    ['gap', fileWith({ a: f32(0, 8), b: f32(12, 16) }, 16), /gap/],
    ['surplus bytes', fileWith({ a: f32(0, 8) }, 9), /after the last/],
    ['shape and bytes disagree', fileWith({ a: f32(0, 8, [3]) }, 8), /do not match its shape/],
    ['negative shape', fileWith({ a: f32(0, 8, [-1, -2]) }, 8), /shape/],
    ['no offsets', fileWith({ a: { dtype: 'F32', shape: [1] } }, 4), /offsets/],
    ['no JSON', fileWith('{"a":', 0), /JSON/],
    ['a list', fileWith([], 0), /JSON object/],
    ['huge header', Buffer.from('ffffffffffffff7f', 'hex'), /header/],
  ];
  for (const [name, bytes, pattern] of cases) assert.throws(() => decode(bytes), corrupt(pattern), name);
});

test('inconsistent weights are not encoded', () => {
  const [first] = someWeights();
  assert.throws(() => encode([first!, first!]), /two tensors/);
  assert.throws(() => encode([{ ...first!, shape: [7] }]), /needs 7/);
});
