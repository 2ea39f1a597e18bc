import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pairWithStore } from '../../src/runs/redis/pairing.ts';
import { openFolderStore, storeIdentity } from '../../src/store/index.ts';
import { withCode, workplace } from './support.ts';

test('a Redis stays with the store it met first; another is refused, a copy is the same', async (t) => {
  const { target, folder } = await workplace(t);
  const open = (name: string) => openFolderStore(join(folder, name));
  // Machines that start at once agree.
  const first = await open('first');
  const seen = await Promise.all(Array.from({ length: 5 }, async () => storeIdentity(await open('first'))));
  assert.equal(new Set(seen).size, 1);
  await pairWithStore(target, first);
  await pairWithStore(target, await open('first'));
  await assert.rejects(pairWithStore(target, await open('second')), withCode('store_mismatch'));
  await pairWithStore(target, await open('second'), 'another-prefix');
  await cp(join(folder, 'first'), join(folder, 'copy'), { recursive: true });
  await pairWithStore(target, await open('copy'));
});
