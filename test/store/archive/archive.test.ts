import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unzipSync, zipSync } from 'fflate';
import { errorCodeOf } from '../../../src/core/errors.ts';
import { packModel } from '../../../src/store/archive/pack.ts';
import { unpackModel } from '../../../src/store/archive/unpack.ts';
import { sha256 } from '../../../src/store/index.ts';
import { someNetworks, TINY } from './perturbed-model.ts';

const { record, weights } = someNetworks({ networks: TINY });
const archive = packModel(record, weights);
const files = (): Record<string, Uint8Array> => unzipSync(archive);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** An archive whose manifest agrees with its files, as someone would make it who knows the format. */
function forged(added: Record<string, Uint8Array>, removed: string[] = []): Uint8Array {
  const all = { ...files(), ...added };
  for (const name of ['stylograph.json', ...removed]) delete all[name];
  const entries = Object.entries(all).map(([name, bytes]) => [
    name,
    { sha256: sha256(bytes), bytes: bytes.length },
  ]);
  const manifest = Buffer.from(JSON.stringify({ format: 1, files: Object.fromEntries(entries) }));
  return zipSync({ ...all, 'stylograph.json': manifest });
}

const x = Buffer.from('x');
const toJson = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

const refused = (pattern: RegExp) => (error: Error) =>
  errorCodeOf(error) === 'invalid_archive' && pattern.test(error.message);

test('a model comes back from its archive as it was, and the same model makes the same archive', () => {
  const back = unpackModel(archive);
  assert.deepEqual(back.record, record);
  assert.deepEqual(back.weights, weights);
  assert.deepEqual(packModel(record, weights), archive);
  const packed = files();
  assert.match(text(packed['README.md']!), /tf\.loadLayersModel/);
  assert.ok(!Object.keys(packed).some((name) => /\.(js|mjs|cjs|py|sh|node|so)$/.test(name)));
});

test('one that was packed again, compressed, is taken too', () => {
  assert.deepEqual(unpackModel(zipSync(files(), { level: 9 })).record, record);
});

test('whatever is not exactly a model is refused with the reason', () => {
  const damaged = Buffer.from(archive);
  // Somewhere within the weights.
  damaged[Math.floor(archive.length / 2)]! ^= 1;
  const otherWeights = Buffer.from(files()['weights.safetensors']!);
  otherWeights[otherWeights.length - 1]! ^= 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /no zip file/],
    ['noise', Buffer.from('PK\x03\x04 and so on'), /no zip file/],
    ['half an archive', archive.subarray(0, archive.length / 2), /no zip file/],
    ['a flipped bit', damaged, /damaged: the digest of/],
    ['a way out', forged({ '../../etc/passwd': x }), /"\.\.\/\.\.\/etc\/passwd"/],
    ['an absolute path', forged({ '/tmp/x': x }), /"\/tmp\/x"/],
    ['a program', forged({ 'tfjs/decoder/index.js': x }), /index\.js/],
    ['a name of the language', forged({ constructor: x }), /"constructor"/],
    ['no weights', forged({}, ['weights.safetensors']), /holds no weights/],
    ['no record', forged({}, ['model.json']), /holds no model\.json/],
    ['no manifest', zipSync({ 'model.json': files()['model.json']! }), /holds no stylograph\.json/],
    [
      'a file it does not list',
      zipSync({ ...files(), 'stylograph.json': toJson({ format: 1, files: {} }) }),
      /does not list/,
    ],
    [
      'another version',
      zipSync({ ...files(), 'stylograph.json': toJson({ format: 2, files: {} }) }),
      /another form/,
    ],
    ['other weights', forged({ 'weights.safetensors': otherWeights }), /another digest/],
    [
      'a record with more in it',
      forged({ 'model.json': toJson({ ...record, onLoad: 'rm -rf /' }) }),
      /cannot be read.*onLoad/s,
    ],
    [
      'a record with a strange id',
      forged({ 'model.json': toJson({ ...record, id: '../../x' }) }),
      /cannot be read/,
    ],
    [
      'far more than it seems',
      forged({ 'README.md': new Uint8Array(2_000_000) }),
      /README\.md with 2000000 bytes/,
    ],
  ];
  for (const [name, bytes, pattern] of cases) assert.throws(() => unpackModel(bytes), refused(pattern), name);
});

test('a file that is there twice, or lies about its size, is refused', () => {
  // Two entries of one name: the second of two names is overwritten in both of its headers.
  const double = Buffer.from(zipSync({ 'README.md': Buffer.from('a'), 'README.mx': Buffer.from('b') }));
  for (let at = double.indexOf('README.mx'); at >= 0; at = double.indexOf('README.mx'))
    double.write('README.md', at);
  assert.throws(() => unpackModel(double), refused(/README\.md twice/));

  const bomb = Buffer.from(zipSync({ 'README.md': new Uint8Array(90_000) }, { level: 9 }));
  const central = bomb.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  bomb.writeUInt32LE(10, central + 24);
  assert.throws(() => unpackModel(bomb), refused(/./));
});
