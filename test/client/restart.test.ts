import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { StylographClient } from '../../src/client/index.ts';
import { startServiceIn } from '../bin/support.ts';
import { writeSmallMnist } from '../data/mnist-files.ts';

test('a run is followed to its end across a restart of the server', {
  timeout: 600_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'stylograph-restart-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  await writeSmallMnist(folder);
  let service = await startServiceIn(folder);
  t.after(() => service.stop());
  const client = new StylographClient({ url: service.url });
  const { id } = await client.runs.create({
    seed: 3,
    config: {
      iterations: 200,
      warmupIterations: 200,
      batchSize: 8,
      networks: { encoder: [4, 4, 8], decoder: [8, 4, 4], discriminator: [4, 4, 4] },
      metricsEvery: 40,
      checkpointEvery: 1000,
      sampleEvery: 1000,
      figures: { frames: 0 },
    },
  });
  const received: { id: string; type: string; data: unknown }[] = [];
  let restarted = false;
  for await (const event of client.runs.follow(id)) {
    received.push(event);
    if (restarted || event.type !== 'metrics') continue;
    restarted = true;
    assert.equal(await service.stop(), 0);
    service = await startServiceIn(folder, { PORT: new URL(client.url).port });
  }
  const iterations = received.flatMap(({ type, data }) =>
    type === 'metrics' ? [(data as { iteration: number }).iteration] : [],
  );
  assert.deepEqual(iterations, [40, 80, 120, 160, 200]);
  assert.deepEqual(received.at(-1), { ...received.at(-1), type: 'end', data: { state: 'succeeded' } });
  const stored: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await client.runs.events(id, { after, limit: 200 });
    stored.push(...page.items.map((event) => event.id));
    after = page.nextCursor;
  }
  assert.deepEqual(
    received.map((event) => event.id),
    stored,
  );
});
