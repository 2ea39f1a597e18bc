import { ulid } from 'ulid';
import { errorCodeOf } from '../core/errors.ts';
import type { FolderStore } from './folder-store.ts';
import { openFolderStore } from './local-store.ts';
import { PATIENT, PROMPT } from './s3/bucket.ts';
import { isS3 } from './s3/location.ts';
import { openS3Store } from './s3/store.ts';

const ID_FILE = 'store.json';

/**
 * Opens the store at a location: a folder's path, or `s3://bucket/prefix`.
 *
 * @param patience `prompt` if a caller waits for an answer; `patient` retries for minutes while the store is unavailable
 * @throws validation_failed, store_unavailable
 */
export async function openStore(location: string, patience: 'prompt' | 'patient'): Promise<FolderStore> {
  if (!isS3(location)) return await openFolderStore(location);
  return await openS3Store(location, patience === 'patient' ? PATIENT : PROMPT);
}

/** The id of a store: it is assigned once and stays when the store is copied. */
export async function storeIdentity(store: FolderStore): Promise<string> {
  const found = await store.readVersioned(ID_FILE);
  if (found !== undefined) {
    return (JSON.parse(Buffer.from(found.bytes).toString('utf8')) as { id: string }).id;
  }
  const id = ulid();
  try {
    await store.swapFile(ID_FILE, Buffer.from(`${JSON.stringify({ id })}\n`), undefined);
    return id;
  } catch (error) {
    if (errorCodeOf(error) !== 'store_conflict') throw error;
    // Another process assigned an id at the same moment.
    return await storeIdentity(store);
  }
}
