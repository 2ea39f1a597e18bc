import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../src/platform/settings/settings.ts';

test('without variables every setting has its documented default', () => {
  const settings = loadSettings({});
  assert.equal(settings.PORT, 8080);
  assert.equal(settings.HOST, '127.0.0.1');
  assert.equal(settings.DATA_DIR, resolve('data'));
  assert.equal(settings.DEMO, true);
  assert.deepEqual(settings.API_KEYS, []);
});

test('every wrong variable is named in one message', () => {
  assert.throws(() => loadSettings({ PORT: 'eighty', LOG_LEVEL: 'loud', DEMO: 'yes' }), {
    name: 'SettingsProblem',
    message: /PORT: [\s\S]*LOG_LEVEL: [\s\S]*DEMO: /,
  });
});

for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org']) {
  test(`listening on ${host} needs API_KEYS`, () => {
    assert.throws(() => loadSettings({ HOST: host }), /API_KEYS/);
    assert.equal(loadSettings({ HOST: host, API_KEYS: 'a-long-secret-key' }).HOST, host);
  });
}

test('a key that is easy to guess is refused', () => {
  for (const key of ['short', 'infer+train:abcd', 'admin:fifteen-letters'])
    assert.throws(() => loadSettings({ API_KEYS: `a-long-secret-key,${key}` }), /less than 16/, key);
  assert.equal(
    loadSettings({ API_KEYS: 'infer+train:a-long-secret-key,other:long-enough' }).API_KEYS.length,
    2,
  );
});

test('a part of the service needs to know the Redis it shares', () => {
  assert.throws(() => loadSettings({ ROLE: 'worker' }), /REDIS_URL/);
  assert.equal(loadSettings({ ROLE: 'worker', REDIS_URL: 'redis://localhost:6379' }).ROLE, 'worker');
});

test('a Redis address of another kind is refused', () => {
  assert.throws(() => loadSettings({ REDIS_URL: 'http://localhost' }), /redis:\/\//);
});

test('an address of a store of another kind is refused', () => {
  assert.throws(() => loadSettings({ STORE_URL: 'https://bucket' }), /STORE_URL: must look like s3:\/\//);
  assert.equal(loadSettings({ STORE_URL: 's3://bucket/here' }).STORE_URL, 's3://bucket/here');
});
