import { ulid } from 'ulid';
import { errorCodeOf } from '../core/errors.ts';
import type { FolderStore } from './store.ts';

const FILE = 'store.json';

/** A name that a store is given once and keeps wherever it is copied to. */
export async function storeIdentity(store: FolderStore): Promise<string> {
  const found = await store.readVersioned(FILE);
  if (found !== undefined)
    return (JSON.parse(Buffer.from(found.bytes).toString('utf8')) as { id: string }).id;
  const id = ulid();
  try {
    await store.swapFile(FILE, Buffer.from(`${JSON.stringify({ id })}\n`), undefined);
    return id;
  } catch (error) {
    if (errorCodeOf(error) !== 'store_conflict') throw error;
    // Another process was the first at the same moment.
    return await storeIdentity(store);
  }
}
