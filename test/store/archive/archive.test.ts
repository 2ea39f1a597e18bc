import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unzipSync, zipSync } from 'fflate';
import { errorCodeOf } from '../../../src/core/errors.ts';
import { packModel } from '../../../src/store/archive/pack.ts';
import { unpackModel } from '../../../src/store/archive/unpack.ts';
import { sha256 } from '../../../src/store/index.ts';
import { perturbedModel, TINY } from './perturbed-model.ts';

const { record, weights } = perturbedModel({ networks: TINY });
const archive = packModel(record, weights);
const files = (): Record<string, Uint8Array> => unzipSync(archive);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** An archive whose manifest matches its files, as an attacker who knows the format would make it. */
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

test('an archive returns the same model, and the same model gives the same archive', () => {
  const back = unpackModel(archive);
  assert.deepEqual(back.record, record);
  assert.deepEqual(back.weights, weights);
  assert.deepEqual(packModel(record, weights), archive);
  const packed = files();
  assert.match(text(packed['README.md']!), /tf\.loadLayersModel/);
  assert.ok(!Object.keys(packed).some((name) => /\.(js|mjs|cjs|py|sh|node|so)$/.test(name)));
});

test('an archive that was compressed again is accepted', () => {
  assert.deepEqual(unpackModel(zipSync(files(), { level: 9 })).record, record);
});

test('anything but an intact model archive is refused with the reason', () => {
  const damaged = Buffer.from(archive);
  // A bit of the weights.
  damaged[Math.floor(archive.length / 2)]! ^= 1;
  const otherWeights = Buffer.from(files()['weights.safetensors']!);
  otherWeights[otherWeights.length - 1]! ^= 1;
  const cases: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(0), /not a readable zip file/],
    ['noise', Buffer.from('PK\x03\x04 and so on'), /not a readable zip file/],
    ['a truncated archive', archive.subarray(0, archive.length / 2), /not a readable zip file/],
    ['a flipped bit', damaged, /damaged: the digest of/],
    ['a path out of the archive', forged({ '../../etc/passwd': x }), /"\.\.\/\.\.\/etc\/passwd"/],
    ['an absolute path', forged({ '/tmp/x': x }), /"\/tmp\/x"/],
    ['a program', forged({ 'tfjs/decoder/index.js': x }), /index\.js/],
    ['a property name of JavaScript', forged({ constructor: x }), /"constructor"/],
    ['no weights', forged({}, ['weights.safetensors']), /contains no weights/],
    ['no record', forged({}, ['model.json']), /contains no model\.json/],
    ['no manifest', zipSync({ 'model.json': files()['model.json']! }), /contains no stylograph\.json/],
    [
      'a file that the manifest does not list',
      zipSync({ ...files(), 'stylograph.json': toJson({ format: 1, files: {} }) }),
      /does not list/,
    ],
    [
      'an unknown version',
      zipSync({ ...files(), 'stylograph.json': toJson({ format: 2, files: {} }) }),
      /unknown form or version/,
    ],
    ['other weights', forged({ 'weights.safetensors': otherWeights }), /do not match the digest/],
    [
      'a record with an unknown field',
      forged({ 'model.json': toJson({ ...record, onLoad: 'rm -rf /' }) }),
      /cannot be read.*onLoad/s,
    ],
    [
      'a record with a bad id',
      forged({ 'model.json': toJson({ ...record, id: '../../x' }) }),
      /cannot be read/,
    ],
    [
      'a file beyond its size limit',
      forged({ 'README.md': new Uint8Array(2_000_000) }),
      /README\.md with 2000000 bytes/,
    ],
  ];
  for (const [name, bytes, pattern] of cases) assert.throws(() => unpackModel(bytes), refused(pattern), name);
});

test('a file that occurs twice or is larger than stated is refused', () => {
  // Two entries of one name: the second name is overwritten in both of its headers.
  const double = Buffer.from(zipSync({ 'README.md': Buffer.from('a'), 'README.mx': Buffer.from('b') }));
  for (let at = double.indexOf('README.mx'); at >= 0; at = double.indexOf('README.mx'))
    double.write('README.md', at);
  assert.throws(() => unpackModel(double), refused(/README\.md twice/));

  const bomb = Buffer.from(zipSync({ 'README.md': new Uint8Array(90_000) }, { level: 9 }));
  const central = bomb.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  bomb.writeUInt32LE(10, central + 24);
  assert.throws(() => unpackModel(bomb), refused(/./));
});
