import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  AuditLog,
  createKey,
  hasActiveKey,
  KeyRing,
  readKeysFile,
  revokeKey,
} from '../../../src/platform/keys/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'stylograph-keys-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(folder, `keys-${files++}.json`);

test('a key is kept as a digest in a file that only its owner reads', async () => {
  const file = freshFile();
  const { key, record } = await createKey(file, { name: 'ci', scopes: ['infer', 'train'] });
  assert.match(key, /^stylo_[0-9a-f]{8}_[\w-]{43}$/);
  const text = readFileSync(file, 'utf8');
  assert.ok(!text.includes(key) && !text.includes(key.slice(15)));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readKeysFile(file), [record]);
  assert.ok(!existsSync(`${file}.lock`));
});

test('keys that are made at once are all kept', async () => {
  const file = freshFile();
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, i) => createKey(file, { name: `k${i}`, scopes: ['infer'] })),
  );
  assert.deepEqual(
    new Set(readKeysFile(file).map(({ id }) => id)),
    new Set(made.map(({ record }) => record.id)),
  );
});

test('a ring knows keys that appear, are revoked and expire while it is open', async () => {
  const file = freshFile();
  const ring = await KeyRing.open({ file, freshMs: 0 });
  assert.equal(await ring.required(), false);
  const { key, record } = await createKey(file, { name: 'later', scopes: ['train'] });
  const found = await ring.find(key);
  assert.ok(typeof found === 'object');
  assert.deepEqual([found.id, found.name, [...found.scopes]], [record.id, 'later', ['train']]);
  assert.equal(await ring.required(), true);
  for (const wrong of ['', key.slice(0, -1), `${key}a`, record.sha256]) {
    assert.equal(await ring.find(wrong), undefined);
  }

  await revokeKey(file, record.id);
  assert.equal(await ring.find(key), 'revoked');
  assert.equal(await ring.byId(record.id), undefined);

  const past = await createKey(file, { name: 'old', scopes: ['infer'], expiresAt: new Date(Date.now() - 1) });
  assert.equal(await ring.find(past.key), 'expired');
  assert.equal(hasActiveKey(file), false);
});

test('a file that is lost or damaged opens nothing', async () => {
  const file = freshFile();
  const { key } = await createKey(file, { name: 'one', scopes: ['admin'] });
  const problems: string[] = [];
  const ring = await KeyRing.open({ file, freshMs: 0, onProblem: ({ message }) => problems.push(message) });
  writeFileSync(file, '{"version": 1, "keys": [{}]}');
  assert.equal(typeof (await ring.find(key)), 'object', 'the last readable content stays in force');
  assert.match(problems[0]!, /keys\.0\.id/);
  rmSync(file);
  assert.equal(await ring.find(key), undefined);
  assert.equal(await ring.required(), true);
  writeFileSync(file, 'no JSON');
  await assert.rejects(KeyRing.open({ file }), { code: 'keys_file_invalid' });
});

test('keys of the environment are known by their place and have the scopes they state', async () => {
  const ring = await KeyRing.open({ specs: ['opens-everything', 'infer+train:two-of-them'] });
  const [all, some] = [await ring.find('opens-everything'), await ring.find('two-of-them')];
  assert.ok(typeof all === 'object' && typeof some === 'object');
  assert.deepEqual([all.id, [...all.scopes].sort()], ['env1', ['admin', 'infer', 'train']]);
  assert.deepEqual([some.id, [...some.scopes].sort()], ['env2', ['infer', 'train']]);
  assert.equal(await ring.find('infer+train:two-of-them'), undefined);
});

test('an id that no key has cannot be revoked', async () => {
  await assert.rejects(revokeKey(freshFile(), '00000000'), { code: 'key_not_found' });
});

test('the audit log holds its entries in order, for its owner alone, over a rotation', async () => {
  const path = join(folder, 'audit.jsonl');
  const log = new AuditLog(path);
  for (let i = 0; i < 3; i++) log.add({ action: `a${i}`, key: null, from: 'cli', outcome: 'done' });
  await log.flush();
  const lines = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string });
  assert.deepEqual(
    lines.map(({ action }) => action),
    ['a0', 'a1', 'a2'],
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
  rmSync(path);
  log.add({ action: 'after', key: null, from: 'cli', outcome: 'done' });
  await log.flush();
  assert.match(readFileSync(path, 'utf8'), /^\{.*"after".*\}\n$/);
});
