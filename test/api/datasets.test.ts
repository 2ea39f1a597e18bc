import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Zippable, zipSync } from 'fflate';
import { CHILD_MODULES } from '../../src/bin/child-modules.ts';
import type { Dataset } from '../../src/client/index.ts';
import { loadDataset } from '../../src/data/datasets.ts';
import { DatasetLibrary } from '../../src/data/library.ts';
import { openFolderStore } from '../../src/store/local-store.ts';
import { folders, picture } from '../data/upload/labelled-pictures.ts';
import { until } from '../runs/support.ts';
import { assertProblem, pngSize, startServer, type TestServer } from './test-server.ts';

let server: TestServer;
let folder: string;

const LIMITS = { fileBytes: 4_000_000, unpackedBytes: 6_000_000, images: 500, imagePixels: 1_000_000 };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stylograph-datasets-'));
  const store = await openFolderStore(folder);
  const datasets = new DatasetLibrary({
    dataDir: folder,
    storeRoot: folder,
    store,
    limits: LIMITS,
    uploadChild: CHILD_MODULES.upload,
  });
  server = await startServer({ datasets });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

type Fields = Record<string, string>;

async function upload(files: Uint8Array | [string, Uint8Array][], fields: Fields = { name: 'Test' }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const parts: [string, Uint8Array][] = Array.isArray(files) ? files : [['test.zip', files]];
  for (const [name, bytes] of parts) form.append('file', new Blob([Buffer.from(bytes)]), name);
  const response = await fetch(`${server.url}/datasets`, { method: 'POST', body: form });
  const text = await response.text();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text,
    body: JSON.parse(text),
  };
}

/** Entries of the folder other than complete datasets. */
async function leftovers(): Promise<string[]> {
  const found = [];
  for (const name of ['uploads', '.tmp']) found.push(...(await readdir(join(folder, name)).catch(() => [])));
  return found;
}

async function names(): Promise<string[]> {
  const { items } = (await (await fetch(`${server.url}/datasets`)).json()) as { items: Dataset[] };
  return items.filter(({ createdAt }) => createdAt !== null).map(({ id }) => id);
}

const pack = (files: Zippable): Uint8Array => zipSync(files, { level: 6, mtime: new Date(1980, 0, 1) });
const RED = [220, 40, 30] as const;

test('a zip of folders becomes a dataset, and the same upload again changes nothing', async () => {
  const zip = pack(await folders(['cat', 'dog', 'Ölvogel'], 24, { ink: RED, width: 40, height: 30 }));
  const { status, headers, body } = await upload(zip, { name: 'Three Beasts' });
  assert.equal(status, 201, JSON.stringify(body));
  const info = body as Dataset;
  assert.match(info.id, /^three-beasts-[0-9a-f]{8}$/);
  assert.equal(headers.location, `/datasets/${info.id}`);
  assert.deepEqual(
    info.labels,
    ['cat', 'dog', 'Ölvogel'].map((name, index) => ({ index, name, count: 24 })),
  );
  assert.deepEqual([info.width, info.height, info.channels], [40, 40, 3]);
  assert.deepEqual(info.split, { train: 60, validation: 6, test: 6 });
  assert.match(info.warnings.join(' '), /72 of 72 images are not 40×40 \(cat\/0\.png/);
  assert.deepEqual(await (await fetch(`${server.url}/datasets/${info.id}`)).json(), info);

  const loaded = await loadDataset(info.id, folder);
  for (const part of [loaded.train, loaded.validation, loaded.test]) {
    assert.deepEqual(new Set(part.labels), new Set([0, 1, 2]));
  }
  // The ink is red and the paper black, including the padding.
  assert.deepEqual([...loaded.train.images.subarray(0, 3)], [0, 0, 0]);
  assert.ok(loaded.train.images.some((level, at) => at % 3 === 0 && level === 220));

  const sheet = Buffer.from(await (await fetch(`${server.url}/datasets/${info.id}/sheet.png`)).arrayBuffer());
  assert.deepEqual(pngSize(sheet), [11 * 40, 3 * 40]);

  const again = await upload(zip, { name: 'Three Beasts' });
  assert.deepEqual([again.status, again.body], [200, info]);
  assert.deepEqual(await names(), [info.id]);
  assert.deepEqual(await leftovers(), []);
  // The dataset id also works without its suffix.
  assert.equal(((await (await fetch(`${server.url}/datasets/three-beasts`)).json()) as Dataset).id, info.id);
});

test('folders train, validation and test fix the split, and doubtful images are listed as warnings', async () => {
  const files: Record<string, Uint8Array> = {};
  for (const [at, part] of ['train', 'train', 'validation', 'test'].entries()) {
    for (const kind of [0, 1]) {
      for (let variant = 0; variant < 10; variant++) {
        files[`my data/${part}/${'AB'[kind]}/${at}-${variant}.jpeg`] = await picture(
          kind,
          at * 10 + variant,
          {
            ink: [0, 0, 0],
            paper: [255, 255, 255],
            format: 'jpeg',
          },
        );
      }
    }
  }
  files['my data/train/A/copy.jpeg'] = files['my data/train/A/0-0.jpeg']!;
  files['my data/train/B/copy.jpeg'] = files['my data/train/A/0-1.jpeg']!;
  files['my data/notes.txt'] = Buffer.from('hello');
  files['__MACOSX/._x.png'] = Buffer.from('litter');
  const { status, body } = await upload(pack(files), { name: 'Given' });
  assert.equal(status, 201, JSON.stringify(body));
  assert.deepEqual([body.channels, body.width, body.split], [1, 32, { train: 42, validation: 20, test: 20 }]);
  const told = body.warnings.join('\n');
  for (const expected of [
    /dark on light .*All were inverted/,
    /Images that also have another label: 1 \(my data\/train\/B\/copy\.jpeg and my data\/train\/A\/0-1\.jpeg \(B and A\)\)/,
    /Images that are exact copies of others: 1 /,
    /Files that are not pictures were left out: my data\/notes\.txt/,
  ]) {
    assert.match(told, expected);
  }
  const { train } = await loadDataset(body.id, folder);
  assert.ok(train.images[0]! < 16, 'the paper is dark now');
  assert.equal((await fetch(`${server.url}/datasets/${body.id}`, { method: 'DELETE' })).status, 204);
});

test('images of a group stay in one part of the split', async () => {
  const files: Record<string, Uint8Array> = {};
  for (let group = 0; group < 30; group++) {
    for (const kind of [0, 1]) files[`${'AB'[kind]}/hand-${group}/x.png`] = await picture(kind, group);
  }
  const { status, body } = await upload(pack(files), { name: 'Hands' });
  assert.equal(status, 201, JSON.stringify(body));
  const { train, validation, test: held } = await loadDataset(body.id, folder);
  assert.deepEqual([train.count, validation.count, held.count], [48, 6, 6]);
  const ofLabel = (part: typeof held, label: number) => part.labels.filter((each) => each === label).length;
  for (const part of [train, validation, held]) assert.equal(ofLabel(part, 0), ofLabel(part, 1));
});

test('a dataset is not deleted while a run uses it, and built-in ones never are', async () => {
  const [id] = await names();
  const response = await fetch(`${server.url}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ dataset: id, config: { batchSize: 8 } }),
  });
  const run = (await response.json()) as { id: string; dataset: string };
  assert.deepEqual([response.status, run.dataset], [202, id]);
  const remove = async (dataset: string) => {
    const answer = await fetch(`${server.url}/datasets/${dataset}`, { method: 'DELETE' });
    const text = await answer.text();
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: undefined, text };
  };
  const used = assertProblem(await remove(id!), 409, 'dataset_in_use');
  assert.match(used.detail, new RegExp(run.id));
  assertProblem(await remove('mnist'), 409, 'dataset_built_in');
  assertProblem(await remove('nothing-00000000'), 404, 'dataset_not_found');
  await fetch(`${server.url}/runs/${run.id}/cancel`, { method: 'POST' });
  assert.equal((await remove(id!)).status, 204);
  assertProblem(await remove(id!), 404, 'dataset_not_found');
});

test('hostile uploads are refused with the name of the file and leave nothing behind', async () => {
  const before = await names();
  const good = await folders(['A', 'B'], 4);
  const hostile: [zip: Uint8Array, says: RegExp][] = [
    [pack({ ...good, '../evil.png': await picture(0, 1) }), /evil\.png.*leads out of the archive/],
    [pack({ ...good, 'A/big.png': new Uint8Array(7_000_000) }), /would unpack to .*DATASET_UNPACKED_MIB/],
    [
      pack({ ...good, 'B/x.png': (await picture(0, 1)).subarray(0, 60) }),
      /B\/x\.png cannot be used: .*damaged/,
    ],
    [pack(good).subarray(0, 500), /damaged or not a zip file/],
  ];
  for (const [zip, says] of hostile) {
    assert.match(assertProblem(await upload(zip), 422, 'invalid_dataset').detail, says);
    assert.deepEqual(await leftovers(), []);
  }
  assert.deepEqual(await names(), before);
});

test('unusable files are listed one by one, up to a limit', async () => {
  const bad = Object.fromEntries(
    Array.from({ length: 60 }, (_, at) => [`${'AB'[at % 2]}/${at}.png`, Buffer.from(`no ${at}`)]),
  );
  const { detail, errors } = assertProblem(await upload(pack(bad)), 422, 'invalid_dataset');
  assert.match(detail, /^60 files cannot be used: A\/0\.png .*; and 57 more\./);
  assert.equal(errors!.length, 50);
});

test('form fields are validated like the fields of other calls', async () => {
  const zip = pack(await folders(['A', 'B'], 4));
  const refused = async (fields: Fields) =>
    assertProblem(await upload(zip, fields), 400, 'validation_failed').detail;
  assert.match(await refused({}), /body\.name/);
  assert.match(await refused({ name: 'x', size: '30' }), /body\.size: must be a multiple of 4/);
  assert.match(await refused({ name: 'x', size: '80' }), /body\.size/);
  assert.match(await refused({ name: 'x', colour: 'red' }), /body\.colour: is not known here/);
  const json = await fetch(`${server.url}/datasets`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(json.status, 415);
  assert.deepEqual(await leftovers(), []);
});

test('a malformed form is answered with 400', async () => {
  const part = (head: string) => `--cut\r\ncontent-disposition: form-data; name="${head}\r\n\r\n`;
  const file = 'file"; filename="x.zip"\r\ncontent-type: application/zip';
  for (const [type, body] of [
    ['multipart/form-data', 'x'],
    ['multipart/form-data; boundary=', 'x'],
    [`multipart/form-data; boundary=${'x'.repeat(300)}`, 'x'],
    ['multipart/form-data; boundary=cut', '--cut\r\n[None, None]--cut--\r\n'],
    ['multipart/form-data; boundary=cut', `${part('name"')}x`],
    ['multipart/form-data; boundary=cut', `${part('name"')}x\r\n${part(file)}PK`],
  ] as const) {
    const answer = await fetch(`${server.url}/datasets`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    const told = (await answer.json()) as { code: string; detail: string };
    assert.deepEqual(
      [answer.status, told.code],
      [400, 'validation_failed'],
      `${type} ${body} ${told.detail}`,
    );
    assert.match(told.detail, /is not a complete multipart form/, `${type} ${body}`);
  }
  assert.deepEqual(await leftovers(), []);
});

test('an upload over the limit is refused, with or without a Content-Length', async () => {
  const big = Buffer.alloc(6_000_000, 7);
  const { detail } = assertProblem(await upload(big), 413, 'body_too_large');
  assert.match(detail, /DATASET_MIB/);
  const form = new Response(formWith(big));
  const response = await fetch(`${server.url}/datasets`, {
    method: 'POST',
    headers: { 'content-type': form.headers.get('content-type')! },
    body: form.body,
    duplex: 'half',
  } as RequestInit);
  assert.equal(response.status, 413);
  assert.deepEqual(await leftovers(), []);
});

function formWith(bytes: Uint8Array): FormData {
  const form = new FormData();
  form.set('name', 'x');
  form.append('file', new Blob([Buffer.from(bytes)]), 'x.zip');
  return form;
}

test('an interrupted upload leaves nothing behind', async () => {
  const before = await names();
  const form = new Response(formWith(pack(await folders(['A', 'B'], 20))));
  const body = Buffer.from(await form.arrayBuffer());
  const call = request(`${server.url}/datasets`, {
    method: 'POST',
    headers: { 'content-type': form.headers.get('content-type')!, 'content-length': String(body.length) },
  });
  call.on('error', () => undefined);
  call.write(body.subarray(0, body.length / 2));
  await until('a part of it', async () => (await leftovers()).length > 0);
  call.destroy();
  await until('it to be removed', async () => (await leftovers()).length === 0);
  assert.deepEqual(await names(), before);
});

test('files left by a killed process are deleted at the next start', async () => {
  const dead = `${hostname()}.4194304.00000000-0000-0000-0000-000000000000`;
  const alive = `${hostname()}.${process.ppid}.00000000-0000-0000-0000-000000000000`;
  for (const name of [dead, alive]) {
    await mkdir(join(folder, 'uploads', name), { recursive: true });
    await writeFile(join(folder, 'uploads', name, '0'), 'half a file');
  }
  const store = await openFolderStore(folder);
  await new DatasetLibrary({
    dataDir: folder,
    storeRoot: folder,
    store,
    uploadChild: CHILD_MODULES.upload,
  }).sweep();
  assert.deepEqual(await readdir(join(folder, 'uploads')), [alive]);
  await rm(join(folder, 'uploads', alive), { recursive: true });
});
