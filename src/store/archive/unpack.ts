import { unzipSync } from 'fflate';
import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { errorCodeOf, StylographError } from '../../core/errors.ts';
import { decodeWeights, parseModelRecord, sha256, weightsDigest } from '../index.ts';
import { ArchiveManifest, FILES, MOST_BYTES } from './format.ts';

const MOST_EXPANSION = 64;

function refuse(what: string, cause?: unknown): never {
  throw new StylographError(
    'invalid_archive',
    `The archive ${what}. Export the model anew: GET /models/{model}/download, or "stylograph models export".`,
    { cause },
  );
}

/** Unpacks nothing but files that belong in an archive, each within its size. */
function unzip(archive: Uint8Array): Record<string, Uint8Array> {
  const seen = new Set<string>();
  let total = 0;
  try {
    return unzipSync(archive, {
      filter: ({ name, originalSize, size }) => {
        const most = Object.hasOwn(MOST_BYTES, name)
          ? MOST_BYTES[name]!
          : refuse(`holds ${JSON.stringify(name)}, which is no part of a model`);
        if (seen.has(name)) refuse(`holds ${name} twice`);
        seen.add(name);
        total += originalSize;
        if (originalSize > most) refuse(`holds ${name} with ${originalSize} bytes, more than ${most}`);
        if (size > archive.length || total > MOST_EXPANSION * archive.length) {
          refuse('would become far larger than it is');
        }
        return true;
      },
    });
  } catch (error) {
    if (errorCodeOf(error) !== undefined) throw error;
    return refuse(`is no zip file that can be read (${(error as Error).message})`, error);
  }
}

/** Every file is there, and is what the manifest says. */
function checkFiles(files: Record<string, Uint8Array>): void {
  const stated = files[FILES.manifest] ?? refuse(`holds no ${FILES.manifest}`);
  const parsed = ArchiveManifest.safeParse(fromJson(FILES.manifest, stated));
  if (!parsed.success) refuse(`has a ${FILES.manifest} of another form: ${parsed.error.issues[0]!.message}`);
  const listed = parsed.data!.files;
  for (const name of Object.keys(files)) {
    if (name !== FILES.manifest && !Object.hasOwn(listed, name))
      refuse(`holds ${name}, which it does not list`);
  }
  for (const [name, { bytes, sha256: digest }] of Object.entries(listed)) {
    const file = Object.hasOwn(files, name) ? files[name]! : refuse(`lists ${name}, which it does not hold`);
    if (file.length !== bytes) refuse(`is damaged: ${name} has ${file.length} bytes in place of ${bytes}`);
    if (sha256(file) !== digest) refuse(`is damaged: the digest of ${name} does not hold`);
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
 * Reads what `packModel` wrote. Only record and weights are taken from it, and nothing of it is run.
 * @throws invalid_archive saying what is wrong
 */
export function unpackModel(archive: Uint8Array): { record: ModelRecord; weights: NamedWeights[] } {
  const files = unzip(archive);
  checkFiles(files);
  const recordBytes = files[FILES.record] ?? refuse(`holds no ${FILES.record}`);
  const weightBytes = files[FILES.weights] ?? refuse(`holds no ${FILES.weights}`);
  let record: ModelRecord;
  let weights: NamedWeights[];
  try {
    record = parseModelRecord(recordBytes);
    ({ weights } = decodeWeights(weightBytes));
  } catch (error) {
    return refuse(`holds a model that cannot be read: ${(error as Error).message.slice(0, 300)}`, error);
  }
  if (weightsDigest(weights) !== record.digest) {
    refuse('holds weights of another digest than its record states');
  }
  return { record, weights };
}
