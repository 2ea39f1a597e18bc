import { open, readFile } from 'node:fs/promises';
import type { DatasetLimits, ReceivedDataset } from '../../core/contracts/dataset.ts';
import { picturesFromFolders } from './folders.ts';
import { isIdxName, looksLikeIdx, type NamedBytes, picturesFromIdx } from './idx-pairs.ts';
import { picturesFromNpz } from './npz.ts';
import type { Pictures } from './pictures.ts';
import { refuse } from './refusals.ts';
import { openZip, readOrRefuse } from './zip.ts';

const ACCEPTED =
  'Send a zip file with one folder of pictures per label, an NPZ file with x and y, or IDX files of images and labels.';

/** Recognises the files of an upload by their bytes and opens them. @throws invalid_dataset */
export async function openPictures(
  { fields, files }: ReceivedDataset,
  limits: DatasetLimits,
): Promise<Pictures> {
  const [first, ...others] = files;
  if (first === undefined) return refuse(`There is no \`file\` part. ${ACCEPTED}`);
  const start = await firstBytes(first.path);
  if (start[0] === 0x50 && start[1] === 0x4b) {
    if (others.length > 0) refuse(`${first.name} is an archive. Send it without other files.`);
    return await openArchive(first, fields.labels, limits);
  }
  if (!looksLikeIdx(start)) refuse(`${first.name} is neither a zip nor an IDX file. ${ACCEPTED}`);
  const loaded = await Promise.all(
    files.map(async ({ path, name }) => ({ name, bytes: await readFile(path) })),
  );
  return picturesFromIdx(loaded, fields.labels, limits);
}

async function openArchive(
  { path, name }: ReceivedDataset['files'][number],
  labels: readonly string[] | undefined,
  limits: DatasetLimits,
): Promise<Pictures> {
  const archive = await openZip(path, { name, limits, allowsNested: isIdxName });
  const { files } = archive;
  if (files.length > 0 && files.every((file) => file.name.endsWith('.npy'))) {
    return await picturesFromNpz(archive, labels, limits);
  }
  const idxFiles = files.filter((file) => isIdxName(file.name));
  if (idxFiles.length === 0) {
    if (labels !== undefined) {
      refuse('`labels` is for arrays only: pictures are labelled by their folders. Omit it.');
    }
    return picturesFromFolders(archive, limits);
  }
  try {
    const loaded: NamedBytes[] = [];
    for (const file of idxFiles) loaded.push({ name: file.name, bytes: await readOrRefuse(file) });
    return picturesFromIdx(loaded, labels, limits);
  } finally {
    archive.close();
  }
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
