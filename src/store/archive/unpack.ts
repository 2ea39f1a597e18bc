import { unzipSync } from 'fflate';
import { z } from 'zod';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { errorCodeOf, StylographError } from '../../core/errors.ts';
import { fieldErrorsOf } from '../../core/validation-messages.ts';
import { decodeWeights, parseModelRecord, sha256, weightsDigest } from '../index.ts';
import { ArchiveManifest, FILES, MOST_BYTES } from './format.ts';

/** Limit of the unpacked bytes per byte of the archive. */
const MOST_EXPANSION = 64;

function refuse(what: string, cause?: unknown): never {
  throw new StylographError(
    'invalid_archive',
    `The archive ${what}. Export the model again: GET /models/{model}/download, or "stylograph models export".`,
    { cause },
  );
}

/** Unpacks only files that belong in an archive, each within its size limit. */
function unzip(archive: Uint8Array): Record<string, Uint8Array> {
  const seen = new Set<string>();
  let total = 0;
  try {
    return unzipSync(archive, {
      filter: ({ name, originalSize, size }) => {
        const most = Object.hasOwn(MOST_BYTES, name)
          ? MOST_BYTES[name]!
          : refuse(`contains ${JSON.stringify(name)}, which is not part of a model`);
        if (seen.has(name)) refuse(`contains ${name} twice`);
        seen.add(name);
        total += originalSize;
        if (originalSize > most) refuse(`contains ${name} with ${originalSize} bytes; the limit is ${most}`);
        if (size > archive.length || total > MOST_EXPANSION * archive.length) {
          refuse('would unpack to far more bytes than it has');
        }
        return true;
      },
    });
  } catch (error) {
    if (errorCodeOf(error) !== undefined) throw error;
    return refuse('is not a readable zip file', error);
  }
}

/** Checks that all files exist and match the manifest. */
function checkFiles(files: Record<string, Uint8Array>): void {
  const stated = files[FILES.manifest] ?? refuse(`contains no ${FILES.manifest}`);
  const parsed = ArchiveManifest.safeParse(fromJson(FILES.manifest, stated));
  if (!parsed.success) refuse(`has a ${FILES.manifest} of an unknown form or version`);
  const listed = parsed.data!.files;
  for (const name of Object.keys(files)) {
    if (name !== FILES.manifest && !Object.hasOwn(listed, name))
      refuse(`contains ${name}, which its manifest does not list`);
  }
  for (const [name, { bytes, sha256: digest }] of Object.entries(listed)) {
    const file = Object.hasOwn(files, name)
      ? files[name]!
      : refuse(`lists ${name}, which it does not contain`);
    if (file.length !== bytes) refuse(`is damaged: ${name} has ${file.length} bytes, expected ${bytes}`);
    if (sha256(file) !== digest) refuse(`is damaged: the digest of ${name} does not match`);
  }
}

function fromJson(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    return refuse(`has a ${name} that is not JSON`, error);
  }
}

/**
 * Reads the record and the weights of an archive from `packModel`. No code in it is run.
 * @throws invalid_archive
 */
export function unpackModel(archive: Uint8Array): { record: ModelRecord; weights: NamedWeights[] } {
  const files = unzip(archive);
  checkFiles(files);
  const recordBytes = files[FILES.record] ?? refuse(`contains no ${FILES.record}`);
  const weightBytes = files[FILES.weights] ?? refuse(`contains no ${FILES.weights}`);
  const record = parseRecord(recordBytes);
  const weights = parseWeights(weightBytes);
  if (weightsDigest(weights) !== record.digest) {
    refuse('contains weights that do not match the digest in its record');
  }
  return { record, weights };
}

function parseRecord(bytes: Uint8Array): ModelRecord {
  try {
    return parseModelRecord(bytes);
  } catch (error) {
    const fields = error instanceof z.ZodError ? fieldErrorsOf(error.issues, FILES.record) : [];
    const first = fields[0] === undefined ? '' : `: ${fields[0].path} ${fields[0].message}`;
    return refuse(`contains a ${FILES.record} that cannot be read${first}`, error);
  }
}

function parseWeights(bytes: Uint8Array): NamedWeights[] {
  try {
    return decodeWeights(bytes).weights;
  } catch (error) {
    return refuse(`contains a ${FILES.weights} that cannot be read`, error);
  }
}
