import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../../bench/lib/port.ts';

/** The reason to skip tests that need a bucket, or false. */
export const noS3: string | false = process.env.S3_SERVER
  ? false
  : 'S3_SERVER names no S3 server; "npm test" builds one where Go is installed';

const KEYS = { AWS_ACCESS_KEY_ID: 'stylograph-test', AWS_SECRET_ACCESS_KEY: 'only for a test' };

export interface S3Server {
  /** Value of STORE_URL for its bucket. */
  location(prefix: string): string;
  /** Folder with a file per object of the bucket. */
  bucketFolder: string;
  env: Record<string, string>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts a real S3 server with one empty bucket until the end of the test. Sets its keys in this process. */
export async function startS3(t: TestContext): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-s3-'));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = KEYS;
    const args = ['--access', access, '--secret', secret, '--port', `127.0.0.1:${port}`, '--quiet'];
    child = spawn(process.env.S3_SERVER!, [...args, 'posix', join(folder, 'buckets')], { stdio: 'ignore' });
    for (let attempt = 0; ; attempt++) {
      if (await fetch(endpoint).catch(() => undefined)) return;
      assert.ok(attempt < 600 && child.exitCode === null, 'the S3 server does not start');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await mkdir(join(folder, 'buckets'));
  await start();
  t.after(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  Object.assign(process.env, KEYS);
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: 'test-bucket' }));
  client.destroy();
  return {
    location: (prefix) => `s3://test-bucket/${prefix}?endpoint=${endpoint}`,
    bucketFolder: join(folder, 'buckets', 'test-bucket'),
    env: KEYS,
    start,
    stop,
  };
}
