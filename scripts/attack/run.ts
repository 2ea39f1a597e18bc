import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../bench/prepare.mjs';
import { KeyRing } from '../../src/platform/keys/index.ts';
import { publishModel, startServer } from '../../test/api/test-server.ts';
import { ensureVenv } from '../setup/venv.mjs';

/*
 * Schemathesis against the API: Redis, queue, webhooks and the inference process are real, the model is a small one, and no
 * worker trains the runs that are posted. Options go on to Schemathesis: npm run attack -- --max-examples 200
 */

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const KEY = 'the-key-that-the-attack-has';

await prepare();
const python = await ensureVenv({
  name: 'attack',
  requirements: here('./requirements.txt'),
  what: 'Schemathesis (about 60 MB)',
  gigabytes: 1,
  oldest: [3, 11],
});
const server = await startServer({
  keys: await KeyRing.open({ specs: [KEY] }),
  limits: { requestsPerMinute: 0, wrongKeysPerMinute: 1_000_000, runBytes: 4e9 },
});
// Loaded before anything is asked: that a model is loading is no finding.
await server.inference.ensure(await publishModel(server.models));
const folder = mkdtempSync(join(tmpdir(), 'stylograph-attack-'));
const arguments_ = [
  ...['--config-file', here('./schemathesis.toml'), 'run', `${server.url}/openapi.json`],
  ...['--header', `Authorization: Bearer ${KEY}`, '--checks', 'all', '--request-timeout', '30'],
  ...['--continue-on-failure', '--report-dir', folder],
  ...process.argv.slice(2),
];
const attack = spawn(join(dirname(python), 'schemathesis'), arguments_, {
  cwd: folder,
  stdio: 'inherit',
  env: { ...process.env, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: here('.') },
});
const [code] = (await once(attack, 'exit')) as [number | null];
await server.close();
rmSync(folder, { recursive: true, force: true });
process.exitCode = code ?? 1;
