import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownPart } from '../../../src/bin/cli/follow.ts';
import { drawSampleSheet } from '../../../src/figures/draw-sheets.ts';
import { pngSize } from '../../api/support.ts';

/** Of a sheet of labels as training draws it, eight images of each. */
async function partOf(labels: string[], side: number) {
  const count = 8 * labels.length;
  const spec = { width: side, height: side, channels: 1 as const, labels };
  const pixels = new Uint8Array(count * side * side);
  const { png } = await drawSampleSheet({ kind: 'labels', pixels, count }, spec);
  const [width, height] = pngSize(Buffer.from(png));
  return shownPart({ width, height });
}

test('a terminal shows the first row of ten digits folded, and the upper part of other sheets', async () => {
  for (const side of [16, 28, 32, 64])
    assert.equal((await partOf([...'0123456789'], side)).folded, true, `${side}`);
  assert.equal((await partOf(['circle', 'cross', 'square'], 32)).folded, false);
  assert.equal((await partOf([...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'], 28)).folded, false);
});
