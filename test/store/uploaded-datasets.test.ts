import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { zipSync } from 'fflate';
import { CHILD_MODULES } from '../../src/bin/child-modules.ts';
import { loadDataset } from '../../src/data/datasets.ts';
import { DatasetLibrary } from '../../src/data/library.ts';
import { openStore } from '../../src/store/index.ts';
import { folders } from '../data/upload/labelled-pictures.ts';
import { noS3, startS3 } from './s3-server.ts';
import { temporaryFolder } from './small-models.ts';

test('an uploaded dataset is stored in the bucket, and another machine copies it once', {
  skip: noS3,
}, async (t) => {
  const server = await startS3(t);
  const storeRoot = server.location('lab');
  const store = await openStore(storeRoot, 'prompt');
  const [here, there] = [await temporaryFolder(t), await temporaryFolder(t)];
  const library = new DatasetLibrary({ dataDir: here, storeRoot, store, uploadChild: CHILD_MODULES.upload });
  const upload = await library.receive();
  const zip = zipSync(await folders(['A', 'B'], 6));
  await upload.addFile('ab.zip', Readable.from([Buffer.from(zip)]));
  const { info, added } = await upload.import({ name: 'AB', polarity: 'auto' }, new AbortController().signal);
  await upload.discard();
  assert.equal(added, true);
  assert.deepEqual(await library.describe(info.id), info);
  assert.deepEqual(await readdir(join(here, 'datasets')).catch(() => []), []);
  assert.ok((await library.sheet(info)).length > 100);

  const loaded = await loadDataset(info.id, there, store);
  assert.equal(loaded.train.count, info.split.train);
  const copy = await readFile(join(there, 'datasets', info.id, 'images.u8'));
  assert.equal(copy.length, 12 * 32 * 32);
  // Read from the copy while the bucket is unavailable.
  await server.stop();
  assert.deepEqual((await loadDataset(info.id, there, store)).train.images, loaded.train.images);
  await server.start();
  await library.remove(info.id);
  await assert.rejects(library.describe(info.id), { code: 'dataset_not_found' });
});
