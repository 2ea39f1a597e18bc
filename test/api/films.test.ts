import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import request from 'supertest';
import { saveFigure, saveFilm } from '../../src/store/index.ts';
import { squareFilm } from '../figures/square-film.ts';
import { assertProblem, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
const api = () => request(server.url);
before(async () => {
  server = await startServer();
});
after(() => server.close());

const newRun = async (): Promise<string> => (await api().post('/runs').expect(202)).body.id;

test('a run without films explains why it has none', async () => {
  const id = await newRun();
  assert.deepEqual((await api().get(`/runs/${id}/films`).expect(200)).body, { items: [], nextCursor: null });
  const { detail } = assertProblem(await api().get(`/runs/${id}/films/3.mp4`), 404, 'film_not_found');
  assert.match(detail, /made after training, unless config\.figures\.frames is 0/);
  assertProblem(await api().get(`/runs/${id}/films/3.avi`), 404, 'film_not_found');
  assertProblem(await api().get('/runs/run_1/films'), 404, 'run_not_found');
  assertProblem(await api().get('/runs/run_1/films/3.mp4'), 404, 'run_not_found');
});

test('films are listed by label, and found by index or name', async () => {
  const id = await newRun();
  for (const [label, name] of ['zero', 'T-shirt/top'].entries()) {
    await saveFilm(server.store, id, await squareFilm({ label, name }));
  }
  const { items } = (await api().get(`/runs/${id}/films`).expect(200)).body;
  assert.deepEqual(items[1], {
    label: 1,
    name: 'T-shirt/top',
    frames: 4,
    iterations: [0, 100, 200, 300],
    href: {
      mp4: `/runs/${id}/films/1.mp4`,
      webp: `/runs/${id}/films/1.webp`,
      gif: `/runs/${id}/films/1.gif`,
    },
  });
  const byIndex = await api().get(items[1].href.gif).expect(200).expect('content-type', 'image/gif');
  const byName = await api()
    .get(`/runs/${id}/films/${encodeURIComponent('T-shirt/top')}.gif`)
    .expect(200);
  assert.deepEqual(byName.body, byIndex.body);
  assert.equal(byName.headers.etag, byIndex.headers.etag);
  await api().get(items[1].href.gif).set('if-none-match', byIndex.headers.etag!).expect(304);
  assert.deepEqual(
    (await api().get(`/runs/${id}/films?limit=1`)).body.items.map(({ label }: { label: number }) => label),
    [0],
  );
  assertProblem(await api().get(`/runs/${id}/films/7.gif`), 404, 'film_not_found');
});

test('a film that cannot be encoded fails with child_died, and the next film is encoded', async () => {
  const id = await newRun();
  const film = await squareFilm({ name: 'damaged' });
  await saveFilm(server.store, id, { ...film, frames: film.frames.subarray(0, 3) });
  await saveFilm(server.store, id, await squareFilm({ label: 1, name: 'whole' }));
  const [broken, whole] = await Promise.all([
    api().get(`/runs/${id}/films/0.gif`),
    api().get(`/runs/${id}/films/1.gif`),
  ]);
  assert.match(assertProblem(broken, 500, 'child_died').detail, /"damaged".*another format/);
  assert.equal(whole.status, 200);
});

test('range requests get parts of a video', async () => {
  const id = await newRun();
  await saveFilm(server.store, id, await squareFilm());
  const get = (headers: Record<string, string> = {}) =>
    api().get(`/runs/${id}/films/0.mp4`).set(headers).buffer().parse(bytesOf);
  // Two concurrent requests: the film is encoded once, and both get the same bytes.
  const [whole, twin] = await Promise.all([get(), get()]);
  assert.deepEqual([whole.status, twin.status], [200, 200]);
  const all = whole.body as Buffer;
  assert.deepEqual(twin.body, all);
  assert.deepEqual([whole.headers['accept-ranges'], whole.headers['content-type']], ['bytes', 'video/mp4']);

  const part = await get({ range: 'bytes=4-7' });
  assert.equal(part.status, 206);
  assert.equal(String(part.body), 'ftyp');
  assert.equal(part.headers['content-range'], `bytes 4-7/${all.length}`);
  const end = await get({ range: 'bytes=-5', 'if-range': whole.headers.etag! });
  assert.deepEqual([end.status, end.body], [206, all.subarray(-5)]);

  for (const headers of [
    { range: 'bytes=4-7', 'if-range': '"another"' },
    { range: 'bytes=0-1,4-7' },
    { range: 'pages=1-2' },
    { range: 'bytes=nonsense' },
  ]) {
    const answer = await get(headers);
    assert.deepEqual([answer.status, answer.body.length], [200, all.length], JSON.stringify(headers));
  }
  const beyond = await api().get(`/runs/${id}/films/0.mp4`).set('range', 'bytes=99999999-');
  assertProblem(beyond, 416, 'range_not_satisfiable');
  assert.equal(beyond.headers['content-range'], `bytes */${all.length}`);
  const head = await api().head(`/runs/${id}/films/0.mp4`).expect(200);
  assert.equal(head.headers['content-length'], String(all.length));
});

test('the report of a run is one page, available at any time', async () => {
  const id = await newRun();
  const early = await api()
    .get(`/runs/${id}/report`)
    .expect(200)
    .expect('content-type', /^text\/html/);
  assert.match(early.text, /^<!doctype html>/);
  assert.match(early.text, /No figures yet/);
  assert.match(
    early.headers['content-security-policy']!,
    /^default-src 'none'; img-src data:; font-src data:; style-src 'sha256-/,
  );

  await saveFilm(server.store, id, await squareFilm({ name: '<zero>' }));
  for (const file of ['labels.png', 'labels@2x.png', 'labels-000000100.png', 'losses.svg', 'losses.png']) {
    await saveFigure(server.store, id, file, Buffer.from(file));
  }
  const page = await api().get(`/runs/${id}/report`).expect(200);
  const shown = [...page.text.matchAll(/data:(image\/[\w+]+);base64,([\w+/=]+)/g)].map(([, type, data]) => [
    type,
    type === 'image/webp' ? '' : Buffer.from(data!, 'base64').toString(),
  ]);
  assert.deepEqual(shown, [
    ['image/png', 'labels@2x.png'],
    ['image/webp', ''],
    ['image/svg+xml', 'losses.svg'],
  ]);
  assert.match(page.text, /Film of the manifold of label &lt;zero&gt;/);
  await api().get(`/runs/${id}/report`).set('if-none-match', page.headers.etag!).expect(304);
  assertProblem(await api().get('/runs/run_1/report'), 404, 'run_not_found');
});

/** Parses the body as bytes, for media types that supertest does not know. */
function bytesOf(response: unknown, done: (error: Error | null, body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  const stream = response as NodeJS.ReadableStream;
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => done(null, Buffer.concat(chunks)));
}
