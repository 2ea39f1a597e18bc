import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import request from 'supertest';
import { DEFAULT_API_LIMITS } from '../../src/api/deps.ts';
import { KeyRing } from '../../src/platform/keys/index.ts';
import { until } from '../runs/support.ts';
import { assertProblem, publishModel, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
/** A server with short time-outs, which would interrupt calls that compute. */
let impatient: TestServer;
before(async () => {
  server = await startServer({
    keys: await KeyRing.open({ specs: ['one-of-the-keys', 'another-of-the-keys', 'infer:a-third-key'] }),
    limits: {
      bodyBytes: 20_000,
      imageBytes: 10_000,
      imagePixels: 10_000,
      callPixels: 15_000,
      callImages: 30,
      sheetPixels: 300_000,
      runBytes: 1200 * 2 ** 20,
      requestsPerMinute: 40,
      streamsPerKey: 2,
      // Keep-alive comments are off, since writing one would reveal a disconnected client by chance.
      keepAliveMs: 3_600_000,
    },
  });
  await publishModel(server.models);
  impatient = await startServer({
    inference: server.inference,
    keys: await KeyRing.open({ specs: ['one-of-the-keys'] }),
    limits: { headersTimeoutMs: 300, requestTimeoutMs: 600, filesTimeoutMs: 3_000, idleTimeoutMs: 900 },
  });
});
after(async () => {
  await impatient.close();
  await server.close();
});

const get = (path: string, key = 'one-of-the-keys') =>
  request(server.url).get(path).set('authorization', `Bearer ${key}`);
const post = (path: string, body: string | object | Buffer, type = 'application/json') =>
  request(server.url)
    .post(path)
    .set({ authorization: 'Bearer one-of-the-keys', 'content-type': type })
    .send(body as string);

const blank = async (width: number, height: number): Promise<Buffer> =>
  await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .png({ compressionLevel: 9 })
    .toBuffer();

test('oversized bodies and image files are refused', async () => {
  const long = JSON.stringify({ items: [{ label: 3 }], more: 'x'.repeat(20_000) });
  assertProblem(await post('/generate', long), 413, 'body_too_large');
  assertProblem(await post('/encode', Buffer.alloc(10_001), 'image/png'), 413, 'body_too_large');
  const png = Buffer.concat([await blank(4, 4), Buffer.alloc(10_000)]).toString('base64');
  assertProblem(await post('/encode', { images: [{ png }] }), 422, 'invalid_image');
});

test('images with too many pixels, one or all together, are refused by their header', async () => {
  const bomb = await blank(101, 100);
  assert.match(
    assertProblem(await post('/encode', bomb, 'image/png'), 422, 'invalid_image').detail,
    /101×100/,
  );
  const half = (await blank(100, 80)).toString('base64');
  const images = [{ png: half }, { png: half }];
  assert.match(assertProblem(await post('/encode', { images }), 422, 'invalid_image').detail, /in total/);
  await post('/encode', { images: images.slice(1) }).expect(200);
});

test('every call is limited in the images that it generates', async () => {
  const png = (await blank(28, 28)).toString('base64');
  for (const answer of [
    await get('/generate?label=3&count=31'),
    await post('/generate', {
      items: [
        { label: 3, count: 16 },
        { label: 4, count: 15 },
      ],
    }),
    await get('/manifold?label=3&size=6'),
    await post('/style-transfer', { images: [{ png }, { png }, { png }, { png }], labels: [1, 2, 3, 4] }),
  ]) {
    assert.match(assertProblem(answer, 422, 'too_many_images').detail, /the most per call is 30/);
  }
  await get('/generate?label=3&count=30').expect(200);
});

test('an oversized sheet is refused on every route before anything is computed', async () => {
  const png = (await blank(28, 28)).toString('base64');
  const item = { latent: [0, 0, 0, 0], label: 3 };
  for (const answer of [
    await get('/generate?label=3&count=9&scale=16'),
    // The image limit is exceeded as well, but the sheet is checked first.
    await get('/generate?label=3&count=400'),
    await get('/manifold?label=3&size=40'),
    await post('/generate?format=png&scale=16', { items: [{ label: 3, count: 9 }] }),
    await post('/decode?format=png&scale=16', { latents: Array.from({ length: 9 }, () => item) }),
    await post('/interpolate?format=png&scale=16', { from: item, to: item, steps: 9 }),
    await post('/reconstruct?format=png&scale=16', { images: [{ png }, { png }, { png }] }),
    await post('/style-transfer?format=png&scale=16', { images: [{ png }] }),
  ]) {
    const { detail } = assertProblem(answer, 422, 'sheet_too_large');
    assert.match(detail, /\d+×\d+ pixels, but SHEET_PIXELS allows 300000.*"scale".*"size" or "count"/);
  }
  await get('/generate?label=3&count=9&scale=6').expect(200);
  await get('/generate?label=3&count=9&scale=16&format=json').expect(200);
});

test('the default limit allows the largest manifold of the largest images', () => {
  assert.ok(DEFAULT_API_LIMITS.sheetPixels >= (40 * 64) ** 2);
});

test('a run that needs more memory than allowed is refused', async () => {
  const config = { batchSize: 512 };
  for (const path of ['/runs', '/runs?dryRun=true']) {
    const refused = assertProblem(await post(path, { config }), 422, 'run_too_large');
    assert.match(refused.detail, /about \d+ MiB .* RUN_MEMORY_MIB allows 1200/);
  }
});

test('a client is limited in its open event streams, and may open another after closing one', async () => {
  const posted = await post('/runs', {}).expect(202);
  const run = posted.body as { id: string };
  const open = async (key: string): Promise<{ response: Response; close(): void }> => {
    const controller = new AbortController();
    const response = await fetch(`${server.url}/runs/${run.id}/events`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${key}` },
      signal: controller.signal,
    });
    return { response, close: () => controller.abort() };
  };
  const first = await open('another-of-the-keys');
  const second = await open('another-of-the-keys');
  assert.deepEqual([first.response.status, second.response.status], [200, 200]);
  const third = await open('another-of-the-keys');
  assert.equal(third.response.status, 429);
  assert.equal(((await third.response.json()) as { code: string }).code, 'too_many_streams');
  assert.ok(third.response.headers.has('retry-after'));
  const others = await open('one-of-the-keys');
  assert.equal(others.response.status, 200);
  others.close();
  first.close();
  const again = await until('room', async () => {
    const opened = await open('another-of-the-keys');
    return opened.response.status === 200 && opened;
  });
  again.close();
  second.close();
});

/** Sends raw text, and returns everything that the server answers until it closes the connection. */
async function raw(
  { url }: TestServer,
  sent: string,
  more?: (socket: ReturnType<typeof connect>) => void,
): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(sent);
  more?.(socket);
  await once(socket, 'close');
  return answer;
}

test('a client that sends its headers or body too slowly is disconnected', async () => {
  const drip = (socket: ReturnType<typeof connect>): void => {
    const timer = setInterval(() => socket.write('x-a: b\r\n'), 50);
    socket.once('close', () => clearInterval(timer));
  };
  const slow = await raw(impatient, 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n', drip);
  assert.match(slow, /^HTTP\/1\.1 408 [\s\S]*application\/problem\+json[\s\S]*"code":"request_timeout"/);

  const body = await raw(
    impatient,
    'POST /generate HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer one-of-the-keys\r\n' +
      'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
    (socket) => {
      const timer = setInterval(() => socket.write(' '), 50);
      socket.once('close', () => clearInterval(timer));
    },
  );
  assert.match(body, /^HTTP\/1\.1 408 /);
});

/** Sends a form to `/datasets` slowly: its preamble in single spaces, then the rest. */
const slowForm = (key: string, spaces: number): Promise<string> => {
  const end = '\r\n--b\r\ncontent-disposition: form-data; name="unknown"\r\n\r\nx\r\n--b--\r\n';
  const head =
    `POST /datasets HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
    `content-type: multipart/form-data; boundary=b\r\ncontent-length: ${spaces + end.length}\r\n\r\n`;
  return raw(impatient, head, (socket) => {
    let sent = 0;
    const timer = setInterval(() => {
      if (sent++ < spaces) return socket.write(' ');
      clearInterval(timer);
      return socket.write(end);
    }, 50);
    socket.once('close', () => clearInterval(timer));
  });
};

test('files may take longer to arrive, but only from authorised clients', async () => {
  const inTime = await slowForm('one-of-the-keys', 30);
  assert.match(inTime, /^HTTP\/1\.1 400 [\s\S]*"code":"validation_failed"/);
  const tooLate = await slowForm('one-of-the-keys', 1_000);
  assert.match(tooLate, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
  const stranger = await slowForm('not-a-key', 1_000);
  assert.match(stranger, /^HTTP\/1\.1 401 /);
});

test('an idle connection is closed, before and during an answer', async () => {
  const answered = await raw(impatient, 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
  assert.match(answered, /^HTTP\/1\.1 200 /);

  // The answer is larger than all buffers on its way, and the client does not read it.
  const reader = connect(Number(new URL(server.url).port), '127.0.0.1').pause();
  reader.on('error', () => undefined);
  await once(reader, 'connect');
  reader.write('GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(200));
  const connections = (): Promise<number> =>
    new Promise((resolve) => impatient.app.server.getConnections((_, count) => resolve(count)));
  await until('the connection to be closed', async () => (await connections()) === 0);
  reader.destroy();
});

test('oversized headers and invalid HTTP are answered with a problem', async () => {
  const long = await raw(
    server,
    `GET / HTTP/1.1\r\nhost: localhost\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`,
  );
  assert.match(long, /^HTTP\/1\.1 431 [\s\S]*"code":"headers_too_large"/);
  assert.match(
    await raw(server, '\x16\x03\x01\x02\x00\x01\r\n\r\n'),
    /^HTTP\/1\.1 400 [\s\S]*"code":"validation_failed"/,
  );
});

test('requests per key and minute are limited, with the remaining number in headers', async () => {
  const first = await get('/runs', 'a-third-key').expect(200);
  assert.equal(first.headers['ratelimit-limit'], '40');
  assert.equal(first.headers['ratelimit-remaining'], '39');
  assert.ok(Number(first.headers['ratelimit-reset']) <= 60);
  let answer = first;
  for (let i = 0; i < 40; i++) answer = await get('/runs', 'a-third-key');
  assert.match(assertProblem(answer, 429, 'rate_limited').detail, /40 requests/);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  await get('/runs', 'another-of-the-keys').expect(200);
  await request(server.url).get('/health/live').expect(200);
});

test('connections over the limit are closed at once', async () => {
  const small = await startServer({ inference: server.inference, limits: { connections: 1 } });
  try {
    const held = connect(Number(new URL(small.url).port), '127.0.0.1');
    held.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(held, 'data');
    await assert.rejects(fetch(`${small.url}/health/live`));
    held.destroy();
  } finally {
    await small.close();
  }
});
