import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { CACHE, findOnPath } from './paths.mjs';
import { say } from './problem.mjs';
import { execute } from './processes.mjs';

const MODULE = 'github.com/versity/versitygw/cmd/versitygw';
const VERSION = 'v1.8.0';
const PROGRAM = 'versitygw';
const REMEDY = `install Go (https://go.dev), or name the program of a Versity S3 Gateway in S3_SERVER`;

/**
 * An S3 server for the tests of the store in a bucket: the Versity S3 Gateway named in S3_SERVER, else this machine's,
 * else one that Go builds into the cache. Without one those tests are skipped, and one line says how to enable them.
 *
 * @returns {Promise<string | undefined>} path of the program
 */
export async function findS3Server() {
  const found = process.env.S3_SERVER || findOnPath(PROGRAM);
  if (found) return found;
  const folder = join(CACHE, `s3-${process.arch}-${VERSION}`);
  const program = join(folder, PROGRAM);
  if (existsSync(program)) return program;
  const go = findOnPath('go') ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : undefined);
  if (!go) return without('here is no Go to build it with');
  mkdirSync(CACHE, { recursive: true });
  const problem = await withLock(`${folder}.lock`, async () => {
    if (existsSync(program)) return undefined;
    say('building an S3 server for the tests of the store (once) ...');
    const unfinished = `${folder}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    const env = { ...process.env, GOBIN: unfinished };
    const { code, output } = await execute(go, ['install', `${MODULE}@${VERSION}`], { env });
    if (code !== 0) return output.trim().split('\n').at(-1);
    renameSync(unfinished, folder);
    return undefined;
  });
  return problem === undefined ? program : without(problem);
}

function without(why) {
  say(`no S3 server is here (${why}), so the store in a bucket is not tested; ${REMEDY}.`);
  return undefined;
}
