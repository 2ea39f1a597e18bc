import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { folder, run } from './support.ts';

const COMMANDS = [
  'train',
  'runs',
  'figures',
  'report',
  'generate',
  'style-transfer',
  'encode',
  'decode',
  'reconstruct',
  'manifold',
  'models',
  'evaluate',
  'dataset',
  'presets',
  'doctor',
];

test('--help lists every command, and every command has its own help', async () => {
  const { code, out } = await run(['--help']);
  assert.equal(code, 0);
  for (const command of COMMANDS) assert.match(out, new RegExp(`^  ${command}\\b`, 'm'), command);
  assert.match(out, /Exit codes: 0 success; 1 failure; 2 wrong command line; 130 interrupted/);
  const helps = await Promise.all(COMMANDS.map((command) => run([command, '--help'])));
  for (const [i, help] of helps.entries()) {
    assert.equal(help.code, 0);
    assert.match(help.out, new RegExp(`^Usage: stylograph ${COMMANDS[i]}`));
  }
  assert.match(helps[0]!.out, /--set <key=value>/);
});

test('a wrong command line ends with 2 and an error that names the remedy', async () => {
  const cases: [string[], RegExp][] = [
    [['trane'], /unknown command 'trane'[\s\S]*Did you mean train/],
    [['generate'], /missing required argument 'label'/],
    [['generate', '3', '--count', '9999'], /whole number from 1 to 400/],
    [['generate', '3', '--colour'], /unknown option '--colour'/],
    [['runs', 'list', '--url', 'x', '--data', 'y'], /name a server or a folder, not both/],
    [['runs', 'list', '--url', 'somewhere'], /--url: "somewhere" is no address/],
    [['train', '--resume', 'run_x', '--seed', '1'], /cannot be used with option '--seed/],
    [['train', '--set', 'oops'], /--set oops: must look like key=value/],
    [['train', '--set', 'learningRate.encoder=1'], /no such key; did you mean learningRates/],
    [['train', '--set', 'learningRates.encodr=1'], /did you mean learningRates\.encoder\?/],
    [['train', '--set', 'batchSize=1'], /--set batchSize: must be at least 2/],
    [['encode', 'no-such-file.png', '--data', '.'], /no-such-file\.png cannot be read/],
    [['decode', '--data', '.'], /give --latent, or a file/],
    [['models', '--url', 'http://127.0.0.1:9', '--api-key-file', 'no-such-key'], /--api-key-file/],
    [[], /Usage: stylograph/],
  ];
  const results = await Promise.all(cases.map(([words]) => run(words)));
  for (const [i, { code, out, err }] of results.entries()) {
    const [words, expected] = cases[i]!;
    assert.equal(code, 2, `${words.join(' ')}: ${err}`);
    assert.match(err, expected, words.join(' '));
    assert.equal(out, '');
  }
});

test('a failed command ends with 1 and an error, as text or JSON, that names the remedy', async (t) => {
  const data = folder(t);
  const nobody = await run(['models', '--url', 'http://127.0.0.1:9']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /cannot be reached .*Start a server with "npm start"/);
  const missing = await run(['models', '--data', join(data, 'nowhere')]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /There is no folder .*Train a model/);
  const none = await run(['generate', '3', '--data', data, '--json']);
  assert.deepEqual([none.code, none.out], [1, '']);
  const { error } = JSON.parse(none.err) as { error: { code: string; message: string } };
  assert.equal(error.code, 'no_model');
  assert.match(error.message, /Start one with/);
});

test('the API key is read from a file or the environment and never printed', async (t) => {
  const data = folder(t);
  const keys: (string | undefined)[] = [];
  const server = createServer((request, answer) => {
    keys.push(request.headers.authorization);
    answer.writeHead(403, { 'content-type': 'application/problem+json' });
    answer.end(
      JSON.stringify({ code: 'forbidden', title: 'No', status: 403, detail: 'The key is not enough.' }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'key'), 'secret-of-a-file\n');
  const results = [
    await run(['models', '--url', url, '--api-key-file', join(data, 'key')]),
    await run(['models'], { STYLOGRAPH_URL: url, STYLOGRAPH_API_KEY: 'secret-of-the-environment' }),
  ];
  assert.deepEqual(keys, ['Bearer secret-of-a-file', 'Bearer secret-of-the-environment']);
  for (const { code, out, err } of results) {
    assert.equal(code, 1);
    assert.doesNotMatch(out + err, /secret/);
    assert.match(err, /The key is not enough/);
  }
});

test('commands that need no model load no engine, and --json prints only JSON on standard output', async (t) => {
  const data = folder(t);
  const presets = await run(['presets', '--data', data, '--json']);
  assert.deepEqual(
    (JSON.parse(presets.out) as { name: string }[]).map(({ name }) => name).includes('quick'),
    true,
  );
  assert.equal(presets.err, '');
  const runs = await run(['runs', '--data', data, '--json'], { NODE_DEBUG: 'module' });
  assert.deepEqual(JSON.parse(runs.out), { items: [], nextCursor: null });
  assert.doesNotMatch(runs.err, /tfjs/);
  const listed = await run(['presets', 'quick', '--data', data]);
  assert.match(listed.out, /^learningRates\.encoder=0\.002$/m);
  const dry = await run(['train', '--dry-run', '--data', data, '--json', '--set', 'innerSteps.generator=2']);
  const { config } = JSON.parse(dry.out) as { config: { innerSteps: object } };
  assert.deepEqual(config.innerSteps, { discriminator: 1, generator: 2 });
});
