import { open, readFile } from 'node:fs/promises';
import type { DatasetLimits, ReceivedDataset } from '../../core/contracts/dataset.ts';
import { fromFolders } from './folders.ts';
import { fromIdx, isIdxName, looksLikeIdx } from './idx-pairs.ts';
import { fromNpz } from './npz.ts';
import type { Pictures } from './pictures.ts';
import { refuse } from './refusals.ts';
import { openZip } from './zip.ts';

const WANTED =
  'Send a zip file with a folder of pictures a label, an NPZ file with x and y, or IDX files of images and of labels.';

/** Finds out what was sent, by its bytes, and opens it. @throws invalid_dataset */
export async function openUpload(
  { fields, files }: ReceivedDataset,
  limits: DatasetLimits,
): Promise<Pictures> {
  const [first, ...others] = files;
  if (first === undefined) return refuse(`There is no \`file\` part. ${WANTED}`);
  const start = await firstBytes(first.path);
  if (start[0] === 0x50 && start[1] === 0x4b) {
    if (others.length > 0) refuse(`${first.name} is an archive; send it alone.`);
    return await fromArchive(first, fields.labels, limits);
  }
  if (!looksLikeIdx(start)) refuse(`${first.name} is neither a zip nor an IDX file. ${WANTED}`);
  const loaded = await Promise.all(
    files.map(async ({ path, name }) => ({ name, bytes: await readFile(path) })),
  );
  return fromIdx(loaded, fields.labels, limits);
}

async function fromArchive(
  { path, name }: ReceivedDataset['files'][number],
  labels: readonly string[] | undefined,
  limits: DatasetLimits,
): Promise<Pictures> {
  const archive = await openZip(path, { title: name, limits, allows: isIdxName });
  const { files } = archive;
  if (files.length > 0 && files.every((file) => file.name.endsWith('.npy'))) {
    return await fromNpz(archive, labels, limits);
  }
  const packed = files.filter((file) => isIdxName(file.name));
  if (packed.length === 0) {
    if (labels !== undefined) refuse('`labels` is for arrays; pictures have the names of their folders.');
    return fromFolders(archive, limits);
  }
  try {
    const loaded = [];
    for (const file of packed) {
      const bytes = await file
        .read()
        .catch((error: Error) => refuse(`${file.name} ${error.message}.`, error));
      loaded.push({ name: file.name, bytes });
    }
    return fromIdx(loaded, labels, limits);
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
