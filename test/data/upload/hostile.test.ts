import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Zippable, zipSync } from 'fflate';
import sharp from 'sharp';
import { DEFAULT_DATASET_LIMITS } from '../../../src/core/contracts/dataset.ts';
import { importDataset } from '../../../src/data/upload/import.ts';
import { folders, picture } from './labelled-pictures.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylograph-hostile-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const LIMITS = { ...DEFAULT_DATASET_LIMITS, unpackedBytes: 6_000_000, images: 500, imagePixels: 1_000_000 };
const pack = (files: Zippable): Uint8Array => zipSync(files, { level: 6, mtime: new Date(1980, 0, 1) });

/** Changes the first entry of the central directory. */
function patched(zip: Uint8Array, change: (entry: DataView) => void): Uint8Array {
  const copy = Uint8Array.from(zip);
  const at = Buffer.from(copy).indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
  change(new DataView(copy.buffer, at));
  return copy;
}

const zeros = (count: number): Uint8Array => new Uint8Array(count);

test('hostile and unusable archives are refused, naming the file', async (context) => {
  const good = await folders(['A', 'B'], 4);
  const one = await picture(0, 1);
  const hostile: [what: string, zip: Uint8Array, says: RegExp][] = [
    ['a path that leads out', pack({ ...good, '../evil.png': one }), /evil\.png.*leads out of the archive/],
    ['an absolute path', pack({ ...good, '/etc/x.png': one }), /absolute path/],
    ['a Windows path that leads out', pack({ ...good, '..\\x.png': one }), /leads out of the archive/],
    ['a drive', pack({ ...good, 'c:/x.png': one }), /absolute path/],
    [
      'a symbolic link',
      pack({ ...good, 'A/link.png': [one, { os: 3, attrs: (0o120777 << 16) >>> 0 }] }),
      /A\/link\.png.*symbolic link/,
    ],
    ['an encrypted file', patched(pack(good), (entry) => entry.setUint16(8, 1, true)), /encrypted/],
    [
      'an unsupported compression method',
      patched(pack(good), (entry) => entry.setUint16(10, 12, true)),
      /method/,
    ],
    ['an archive within', pack({ ...good, 'A/more.zip': pack(good) }), /A\/more\.zip.*archive within/],
    [
      'a stated size beyond the limit',
      pack({ ...good, 'A/big.png': zeros(7_000_000) }),
      /would unpack to .*DATASET_UNPACKED_MIB/,
    ],
    [
      'a file larger than stated',
      patched(pack({ 'A/big.png': zeros(900_000), ...good }), (entry) => entry.setUint32(24, 1_000, true)),
      /A\/big\.png cannot be unpacked/,
    ],
    [
      'a wrong checksum',
      patched(pack(good), (entry) => entry.setUint32(16, 1, true)),
      /A\/0\.png is damaged: its checksum/,
    ],
    [
      'too many files',
      pack(Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`A/${at}.png`, one]))),
      /contains 501 files; at most 500/,
    ],
    ['a truncated archive', pack(good).subarray(0, 500), /damaged or not a zip file/],
    ['a file that is not an archive', Buffer.from('hello'), /neither a zip nor an IDX file/],
    ['an archive without pictures', pack({ 'readme.txt': Buffer.from('hello') }), /contains no PNG/],
    [
      'text as a picture',
      pack({ ...good, 'A/x.png': Buffer.from('hello') }),
      /A\/x\.png cannot be used: .*not a PNG/,
    ],
    [
      'a truncated picture',
      pack({ ...good, 'B/x.png': one.subarray(0, 60) }),
      /B\/x\.png cannot be used: .*damaged/,
    ],
    [
      'a picture that unpacks to too many pixels',
      pack({ ...good, 'B/x.png': await flat(1_200) }),
      /B\/x\.png .*1200×1200 pixels; at most 1000000/,
    ],
    ['an unsupported format', pack({ ...good, 'B/x.gif': one }), /B\/x\.gif is not PNG, JPEG or WebP/],
    ['a picture outside of folders', pack({ ...good, 'x.png': one }), /x\.png is not in a label folder/],
    ['one label', pack(await folders(['A'], 4)), /only one label, A/],
    [
      'too few images of a label',
      pack({ ...good, ...(await folders(['C'], 2)) }),
      /Too few different images of C/,
    ],
    ['a path with an empty part', pack({ ...good, 'A//x.png': one }), /empty part/],
    ['control characters', pack({ ...good, 'A/\u0007.png': one }), /control characters/],
    [
      'too few different images of a label',
      pack({ ...good, 'C/1.png': one, 'C/2.png': one, 'C/3.png': one }),
      /Too few different images of C/,
    ],
  ];
  for (const [what, zip, says] of hostile) {
    await context.test(what, async () => {
      const path = join(folder, 'test.zip');
      await writeFile(path, zip);
      const received = {
        fields: { name: 'Test', polarity: 'auto' as const },
        files: [{ path, name: 'test.zip' }],
      };
      await assert.rejects(importDataset(received, LIMITS, new AbortController().signal), {
        code: 'invalid_dataset',
        message: says,
      });
    });
  }
});

const flat = async (side: number): Promise<Uint8Array> =>
  await sharp({ create: { width: side, height: side, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
