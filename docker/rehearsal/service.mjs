import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const NAME = 'stylograph';
const ITERATIONS = 300;
const PATIENCE_S = 900;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until `look` returns a value. @throws when the container ends or takes too long */
async function until(containers, what, look) {
  for (let second = 0; second < PATIENCE_S; second++) {
    const found = await look();
    if (found) return found;
    if (!containers.isRunning(NAME))
      throw new Error(`the container ended before ${what}:\n${containers.logs(NAME)}`);
    await sleep(1_000);
  }
  throw new Error(`${what} took more than ${PATIENCE_S} s:\n${containers.logs(NAME)}`);
}

function expect(condition, what) {
  if (!condition) throw new Error(`expected: ${what}`);
}

/** Tries forbidden actions in the container. @returns its rights */
function probe(containers) {
  const id = containers.exec(NAME, ['id', '-u']);
  expect(id === '1000', `the service runs as 1000, not ${id}`);
  const tried = containers.exec(NAME, [
    'sh',
    '-c',
    'touch /app/x 2>&1; touch /opt/x 2>&1; touch /data/x && rm /data/x && echo wrote data',
  ]);
  expect((tried.match(/Read-only file system/g) ?? []).length === 2, `its root is read-only: ${tried}`);
  expect(tried.includes('wrote data'), `it may write to /data: ${tried}`);
  const status = containers.exec(NAME, ['grep', '-E', 'CapEff|NoNewPrivs', '/proc/1/status']);
  expect(
    /CapEff:\s*0+$/m.test(status) && /NoNewPrivs:\s*1/.test(status),
    `it has no capabilities: ${status}`,
  );
  return { uid: Number(id), rootIsReadOnly: true, capabilities: 'none' };
}

/** Creates a key, starts the server, trains a short run, generates images and stops the container. */
export async function useService(containers, image, folder, step) {
  const cli = [
    'node',
    'dist/bin/stylograph.js',
    'keys',
    'create',
    'rehearsal',
    '--scopes',
    'infer,train',
    '--json',
  ];
  const { key } = JSON.parse(await step('a key', () => containers.run(image, cli, {})));
  const port = await freePort();
  const call = (path, options = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...options,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...options.headers },
    });

  await step('start until healthy', async () => {
    containers.run(image, [], { name: NAME, detached: true, env: { PORT: port, DEMO: 0 } });
    await until(containers, 'it was healthy', () => containers.isHealthy(NAME));
  });
  const rights = probe(containers);
  const refused = await fetch(`http://127.0.0.1:${port}/runs`);
  expect(refused.status === 401, `without a key the answer is 401, not ${refused.status}`);

  const { run, evaluation } = await step('a short run', async () => {
    const body = JSON.stringify({ preset: 'quick', seed: 1, config: { iterations: ITERATIONS } });
    const created = await call('/runs', { method: 'POST', body });
    expect(created.status === 202, `the run is accepted: ${created.status} ${await created.clone().text()}`);
    const { id } = await created.json();
    const run = await until(containers, 'the run ended', async () => {
      const answer = await (await call(`/runs/${id}`)).json();
      expect(
        !['failed', 'cancelled'].includes(answer.state),
        `the run succeeds: ${JSON.stringify(answer.error)}`,
      );
      return answer.state === 'succeeded' ? answer : undefined;
    });
    const { evaluation } = await (await call(`/models/${run.modelId}`)).json();
    return { run, evaluation };
  });
  await step('an image', async () => {
    const answer = await call('/generate?label=3&count=16&seed=7&scale=4', {
      headers: { accept: 'image/png' },
    });
    expect(answer.status === 200, `an image is generated: ${answer.status}`);
    writeFileSync(join(folder, '3.png'), Buffer.from(await answer.arrayBuffer()));
  });
  const exitCode = await step('stop', () => containers.stop(NAME));
  writeFileSync(join(folder, 'container.txt'), `${containers.logs(NAME)}\n`);
  expect(exitCode === 0, `it ends with code 0, not ${exitCode}`);
  const { iterations, secondsElapsed } = run.progress;
  return {
    container: rights,
    run: { preset: run.preset, iterations, trainingSeconds: Math.round(secondsElapsed), device: run.device },
    conditionalAccuracy: evaluation?.conditionalAccuracy ?? null,
    exitCode,
  };
}
