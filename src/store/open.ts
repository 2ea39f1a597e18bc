import { openFolderStore } from './folders.ts';
import { PATIENT, PROMPT } from './s3/bucket.ts';
import { isS3 } from './s3/location.ts';
import { openS3Store } from './s3/store.ts';
import type { FolderStore } from './store.ts';

/**
 * Opens the store of a location: a folder's path, or `s3://bucket/prefix`.
 *
 * @param manner `prompt` for those whose callers wait for an answer; `patient` waits minutes for a store that is away
 * @throws validation_failed, store_unavailable
 */
export async function openStore(location: string, manner: 'prompt' | 'patient'): Promise<FolderStore> {
  if (!isS3(location)) return await openFolderStore(location);
  return await openS3Store(location, manner === 'patient' ? PATIENT : PROMPT);
}
