import { buildWithGo } from './go.mjs';
import { findOnPath } from './paths.mjs';
import { say } from './problem.mjs';

const REMEDY = `install Go (https://go.dev), or name the program of a Versity S3 Gateway in S3_SERVER`;

/**
 * Finds a Versity S3 Gateway for the tests of the store in a bucket: named in S3_SERVER, on PATH, or built now with Go.
 * Without one those tests are skipped, and one line says how to enable them.
 *
 * @returns {Promise<string | undefined>} path of the program
 */
export async function findS3Server() {
  const found = process.env.S3_SERVER || findOnPath('versitygw');
  if (found) return found;
  const { program, problem } = await buildWithGo({
    name: 's3',
    module: 'github.com/versity/versitygw/cmd/versitygw',
    version: 'v1.8.0',
    what: 'an S3 server for the tests of the store',
  });
  if (!program) say(`no S3 server found (${problem}), so the store in a bucket is not tested; ${REMEDY}.`);
  return program;
}
