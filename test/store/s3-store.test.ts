import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, utimes } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { errorCodeOf } from '../../src/core/errors.ts';
import { openStore } from '../../src/store/index.ts';
import { parseS3Location } from '../../src/store/s3/location.ts';
import { openS3Store } from '../../src/store/s3/store.ts';
import { noS3, startS3 } from './s3-server.ts';

const skip = noS3;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const refused = (pattern: RegExp) => (error: Error) =>
  errorCodeOf(error) === 'store_unavailable' && pattern.test(error.message);

test('a bad store address is refused with the reason', () => {
  assert.deepEqual(parseS3Location('s3://bucket/a/b/?endpoint=http://h:9000&region=eu-1'), {
    bucket: 'bucket',
    prefix: 'a/b/',
    endpoint: 'http://h:9000',
    region: 'eu-1',
  });
  assert.equal(parseS3Location('s3://bucket').prefix, '');
  const wrong: [string, RegExp][] = [
    ['s3://', /names no bucket|not an address/],
    ['http://bucket', /does not start with s3/],
    ['s3://key:secret@bucket', /credentials/],
    ['s3://bucket/a%20b', /prefix with characters/],
    ['s3://bucket/a?endpoint=h:9000', /endpoint without/],
    ['s3://bucket/a?acl=public', /unknown option "acl"/],
  ];
  for (const [text, pattern] of wrong) assert.throws(() => parseS3Location(text), pattern, text);
});

test('the errors for a missing bucket and for wrong keys name the remedy', { skip }, async (t) => {
  const server = await startS3(t);
  const missing = server.location('x').replace('test-bucket', 'other-bucket');
  await assert.rejects(
    openStore(missing, 'prompt'),
    refused(/other-bucket.*create it, or correct STORE_URL/),
  );
  process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
  await assert.rejects(openStore(server.location('x'), 'prompt'), refused(/AWS_SECRET_ACCESS_KEY/));
  Object.assign(process.env, server.env);
  const store = await openStore(server.location('x'), 'prompt');
  await server.stop();
  await assert.rejects(store.readFile('a'), refused(/does not answer/));
});

test('a patient caller retries until the server is back', { skip }, async (t) => {
  const server = await startS3(t);
  const store = await openS3Store(server.location('x'), { timeoutMs: 20_000, retryForMs: 120_000 });
  await store.write('runs/a', { file: bytes('before') });
  await server.stop();
  const written = store.write('runs/a', { file: bytes('after') });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await server.start();
  await written;
  assert.equal(Buffer.from(await store.read('runs/a', 'file')).toString(), 'after');
});

test('a folder is written although the response to its manifest was lost', {
  skip,
}, async (t) => {
  const server = await startS3(t);
  const direct = await openStore(server.location('x'), 'prompt');
  const proxy = await startDroppingProxy(t, server.location('x'));
  const store = await openStore(proxy.location, 'prompt');
  await store.write('models/m', { file: bytes('before') });
  proxy.dropManifestResponses();
  await store.write('models/m', { file: bytes('after') });
  assert.equal(Buffer.from(await direct.read('models/m', 'file')).toString(), 'after');
  proxy.closeAfterManifest();
  await assert.rejects(store.write('models/m', { file: bytes('later') }), refused(/does not answer/));
  assert.equal(Buffer.from(await direct.read('models/m', 'file')).toString(), 'later');
});

/** A proxy to a bucket that can drop the responses to written manifests, and then all connections. */
async function startDroppingProxy(t: TestContext, location: string) {
  const { port } = new URL(parseS3Location(location).endpoint!);
  const open = new Set<Socket>();
  let mode: 'open' | 'losing' | 'closing' | 'closed' = 'open';
  const server = createServer((client) => {
    const bucket = connect(Number(port), '127.0.0.1');
    let isLost = false;
    const cut = (): void => void [client, bucket].map((socket) => socket.destroy());
    for (const socket of [client, bucket]) {
      open.add(socket);
      socket.on('error', () => undefined).once('close', () => open.delete(socket));
    }
    client.once('close', cut).on('data', (chunk) => {
      if (mode === 'closed') return cut();
      if (mode !== 'open' && /^PUT \S+manifest/m.test(chunk.toString('latin1'))) isLost = true;
      bucket.write(chunk);
    });
    bucket.once('close', cut).on('data', (chunk) => {
      // "100 Continue" only asks for the body.
      if (!isLost || chunk.toString('latin1').startsWith('HTTP/1.1 100')) return void client.write(chunk);
      if (mode === 'closing') mode = 'closed';
      cut();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const { port: own } = server.address() as AddressInfo;
  return {
    location: location.replace(`:${port}`, `:${own}`),
    dropManifestResponses: () => {
      mode = 'losing';
    },
    closeAfterManifest: () => {
      mode = 'closing';
    },
  };
}

test('a reader sees the old or the new version of a folder while it is replaced', { skip }, async (t) => {
  const server = await startS3(t);
  const store = await openStore(server.location('x'), 'prompt');
  const version = (letter: string) => ({ file: bytes(letter.repeat(20_000)) });
  await store.write('models/m', version('a'));
  const replacing = (async () => {
    for (const letter of 'bcdefghijk') await store.write('models/m', version(letter));
  })();
  let isReplaced = false;
  void replacing.finally(() => {
    isReplaced = true;
  });
  while (!isReplaced) {
    const seen = Buffer.from(await store.read('models/m', 'file')).toString();
    assert.equal(seen, seen[0]!.repeat(20_000));
  }
  await replacing;
});

test('old parts of a killed process are removed, parts in use stay', {
  skip,
}, async (t) => {
  const server = await startS3(t);
  const store = await openStore(server.location('x'), 'prompt');
  const partsNow = async (): Promise<string[]> => {
    const all = await readdir(join(server.bucketFolder, 'x/.parts'), { recursive: true });
    return all.filter((name) => name.endsWith('/file'));
  };
  await store.write('runs/a/kept', { file: bytes('kept') });
  await store.write('runs/a/aside', { file: bytes('aside') });
  await store.setAside('runs/a/aside');
  let killed: () => void = () => undefined;
  const half = new Promise<void>((resolve) => {
    killed = resolve;
  });
  // Never commits, like a process that was killed just before.
  void store.write(
    'runs/a/half',
    { file: bytes('half') },
    {
      beforeCommit: () => {
        killed();
        return new Promise(() => undefined);
      },
    },
  );
  await half;
  await store.tidy('runs/a');
  assert.equal((await partsNow()).length, 3);
  for (const name of await partsNow()) await utimes(join(server.bucketFolder, 'x/.parts', name), 1, 1);
  await store.tidy('runs/a');
  assert.deepEqual((await partsNow()).map((name) => name.split('/')[2]).sort(), ['aside', 'kept']);
  assert.equal(Buffer.from(await store.read('runs/a/kept', 'file')).toString(), 'kept');
});
