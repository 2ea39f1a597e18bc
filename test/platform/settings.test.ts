import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { loadSettings, SETTING_GROUPS, SettingsSchema } from '../../src/platform/settings/settings.ts';

test('without variables, every setting has its documented default', () => {
  const settings = loadSettings({});
  assert.equal(settings.PORT, 8080);
  assert.equal(settings.HOST, '127.0.0.1');
  assert.equal(settings.DATA_DIR, resolve('data'));
  assert.equal(settings.DEMO, true);
  assert.deepEqual(settings.API_KEYS, []);
});

test('one message names every wrong variable and what it must be', () => {
  const wrong = { PORT: 'eighty', DRAIN_SECONDS: '9', DEMO: 'yes', LOG_LEVEL: 'loud', BODY_MIB: '0' };
  assert.throws(() => loadSettings(wrong), {
    name: 'SettingsProblem',
    message: [
      'Invalid settings (docs/settings.md describes them):',
      '  PORT: must be a finite number',
      '  DEMO: must be "0" or "1"',
      '  DRAIN_SECONDS: must be at most 5',
      '  LOG_LEVEL: must be one of "fatal", "error", "warn", "info", "debug", "trace", "silent"',
      '  BODY_MIB: must be at least 1',
    ].join('\n'),
  });
});

test('each setting is in exactly one group and has a description', () => {
  const grouped = Object.values(SETTING_GROUPS).flatMap((group) => Object.keys(group));
  assert.deepEqual(grouped.sort(), Object.keys(SettingsSchema.shape).sort());
  for (const [name, { description }] of Object.entries(SettingsSchema.shape)) assert.ok(description, name);
});

for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org']) {
  test(`a server on ${host} needs API keys`, () => {
    assert.throws(() => loadSettings({ HOST: host }), /API_KEYS/);
    assert.equal(loadSettings({ HOST: host, API_KEYS: 'a-long-secret-key' }).HOST, host);
  });
}

test('a key with fewer than 16 characters is rejected, not counting its scopes', () => {
  for (const key of ['short', 'infer+train:abcd', 'admin:fifteen-letters'])
    assert.throws(() => loadSettings({ API_KEYS: `a-long-secret-key,${key}` }), /fewer than 16/, key);
  assert.equal(
    loadSettings({ API_KEYS: 'infer+train:a-long-secret-key,other:long-enough' }).API_KEYS.length,
    2,
  );
});

test('a worker or server alone needs the address of the shared Redis', () => {
  assert.throws(() => loadSettings({ ROLE: 'worker' }), /REDIS_URL/);
  assert.equal(loadSettings({ ROLE: 'worker', REDIS_URL: 'redis://localhost:6379' }).ROLE, 'worker');
});

test('a Redis address with another protocol is rejected', () => {
  assert.throws(() => loadSettings({ REDIS_URL: 'http://localhost' }), /redis:\/\//);
});

test('a store address with another protocol is rejected', () => {
  assert.throws(() => loadSettings({ STORE_URL: 'https://bucket' }), /STORE_URL: must look like s3:\/\//);
  assert.equal(loadSettings({ STORE_URL: 's3://bucket/here' }).STORE_URL, 's3://bucket/here');
});
