import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfig, PRESETS, resolveConfig } from '../../../src/core/contracts/presets.ts';
import { parseRecord } from '../../../src/runs/redis/records.ts';
import { parseModelRecord } from '../../../src/store/models.ts';
import { newRun } from '../../runs/support.ts';
import { someModel } from '../../store/small-models.ts';

/** A configuration that was stored by a version without films. */
function older() {
  const { figures: _, ...config } = resolveConfig('quick', { iterations: 7, latentDim: 2 });
  return config;
}

test('a stored configuration keeps its values and gets new settings from the preset', () => {
  assert.deepEqual(completeConfig('quick', older()), resolveConfig('quick', { iterations: 7, latentDim: 2 }));
  const { figures } = completeConfig('a preset that is gone', older());
  assert.deepEqual(figures, PRESETS.article.config.figures);
});

test('a run that an earlier version stored can be read', () => {
  const run = { ...newRun(), preset: 'quick', config: older() };
  const hash = Object.fromEntries(
    Object.entries(run).map(([field, value]) => [field, JSON.stringify(value)]),
  );
  const record = parseRecord('run_01M85SP0R5T10A6Z51T6DSHDX3', { ...hash, state: 'succeeded' });
  assert.equal(record?.config.iterations, 7);
  assert.deepEqual(record?.config.figures, PRESETS.quick.config.figures);
});

test('a model that an earlier version stored can be read', () => {
  const { record } = someModel();
  const stored = Buffer.from(JSON.stringify({ ...record, config: older() }));
  assert.deepEqual(parseModelRecord(stored).config.figures, PRESETS.quick.config.figures);
});
