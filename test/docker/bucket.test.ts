import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../src/store/index.ts';
import { noS3, startS3 } from '../store/s3-server.ts';
import { ROOT } from './support.ts';

/** Runs the program that creates the bucket of docker-compose.yml. */
async function makeBucket(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(ROOT, 'docker/make-bucket.mjs')], {
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

test('the bucket is created on an empty S3 server, and a second call changes nothing', {
  skip: noS3,
}, async (t) => {
  const s3 = await startS3(t);
  const STORE_URL = s3.location('').replace('test-bucket', 'stylograph');
  const first = await makeBucket({ ...s3.env, STORE_URL });
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, /stylograph was created/);
  assert.ok(existsSync(join(s3.bucketFolder, '..', 'stylograph')));
  assert.equal((await makeBucket({ ...s3.env, STORE_URL })).code, 0);
  await openStore(STORE_URL, 'prompt');

  const wrong = await makeBucket({
    ...s3.env,
    AWS_SECRET_ACCESS_KEY: 'another',
    STORE_URL: STORE_URL.replace('stylograph', 'other'),
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /other could not be created at http/);
});

test('without STORE_URL the error says what is missing', async () => {
  const { code, output } = await makeBucket({ STORE_URL: '' });
  assert.equal(code, 1);
  assert.match(output, /STORE_URL must look like s3:\/\/bucket\?endpoint=/);
});
