import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { startServiceIn } from '../support.ts';
import { folder, run } from './support.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by what the tests assert of them
const json = (out: string): any => JSON.parse(out);

test('keys can be created, listed and revoked while a server runs', {
  timeout: 120_000,
}, async (t) => {
  const data = folder(t);
  const made = await run([
    'keys',
    'create',
    'studio',
    '--scopes',
    'infer,train',
    '--expires',
    '30d',
    '--data',
    data,
  ]);
  assert.equal(made.code, 0, made.err);
  const key = made.out.trim();
  assert.match(key, /^stylo_\w{8}_[\w-]{43}$/);

  const service = await startServiceIn(data, { HOST: '0.0.0.0' });
  const ask = async (shown: string): Promise<number> =>
    (await fetch(`${service.url}/runs`, { headers: { authorization: `Bearer ${shown}` } })).status;
  try {
    assert.equal(await ask(key), 200);
    const other = json((await run(['keys', 'create', 'other', '--json', '--data', data])).out);
    assert.deepEqual([other.scopes, other.state, other.expiresAt], [['infer'], 'active', null]);
    while ((await ask(other.key)) !== 200) await new Promise((resolve) => setTimeout(resolve, 100));

    const revoked = await run(['keys', 'revoke', other.id, '--data', data]);
    assert.equal(revoked.code, 0, revoked.err);
    while ((await ask(other.key)) !== 401) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await ask(key), 200);
  } finally {
    await service.stop();
  }

  const listed = await run(['keys', '--data', data]);
  assert.match(listed.out, /studio +infer, train +active[\s\S]*other +infer +revoked/);
  const { items } = json((await run(['keys', 'list', '--json', '--data', data])).out);
  assert.deepEqual(Object.keys(items[0]).includes('sha256'), false);
  const audit = readFileSync(join(data, 'audit.jsonl'), 'utf8');
  assert.match(audit, /"keys.create"[\s\S]*"keys.revoke"/);
  assert.ok(!audit.includes(key) && !readFileSync(join(data, 'keys.json'), 'utf8').includes(key));
});

test('wrong scopes, expiry dates and ids of keys are rejected', async (t) => {
  const data = folder(t);
  const wrong = await run(['keys', 'create', 'x', '--scopes', 'everything', '--data', data]);
  assert.deepEqual([wrong.code, /infer, train, admin/.test(wrong.err)], [2, true], wrong.err);
  const past = await run(['keys', 'create', 'x', '--expires', '2001-01-01', '--data', data]);
  assert.equal(past.code, 2);
  const none = await run(['keys', 'revoke', '00000000', '--data', data]);
  assert.deepEqual([none.code, /has no key "00000000"/.test(none.err)], [1, true], none.err);
});
