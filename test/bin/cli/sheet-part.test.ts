import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { type SheetPart, shownPart } from '../../../src/bin/cli/terminal/sheet-part.ts';
import { drawSampleSheet } from '../../../src/figures/draw-sheets.ts';

/** Draws a sheet of labels as training does, with eight white images per label, and finds the part to show. */
async function partOf(labels: string[], side: number) {
  const count = 8 * labels.length;
  const spec = { width: side, height: side, channels: 1 as const, labels };
  // Ink is drawn black: images without ink are white, lines between them are grey.
  const { png } = await drawSampleSheet(
    { kind: 'labels', pixels: new Uint8Array(count * side * side), count },
    spec,
  );
  const { data, info } = await sharp(png).greyscale().raw().toBuffer({ resolveWithObject: true });
  return { part: shownPart(info, labels.length), pixels: data, width: info.width };
}

/** Grey levels of the part's first line of pixels. */
function topLine({ part, pixels, width }: { part: SheetPart; pixels: Buffer; width: number }): Buffer {
  const start = Math.round(part.top * width) * width + Math.round(part.left * width);
  return pixels.subarray(start, start + Math.round(part.width * width));
}

for (const labels of [['circle', 'cross', 'square'], [...'01234567'], [...'0123456789']]) {
  for (const side of [16, 28, 64]) {
    test(`with a column for each of ${labels.length} labels of ${side} pixels, exactly the first row is shown`, async () => {
      const { part, pixels, width } = await partOf(labels, side);
      const line = topLine({ part, pixels, width });
      const scale = Math.round(96 / side);
      assert.equal(line.length, labels.length * (side * scale + 2) - 2);
      assert.equal(line.filter((level) => level === 0xff).length, labels.length * side * scale);
      assert.equal(Math.round(part.height * width), side * scale);
      assert.equal(part.folded, labels.length > 5);
    });
  }
}

test('with a row for each of 26 labels, whole rows at the top are shown', async () => {
  const { part, width } = await partOf([...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'], 28);
  assert.equal(part.folded, false);
  assert.deepEqual([part.left, part.width, Math.round(part.top * width)], [0, 1, 12]);
  assert.equal((Math.round(part.height * width) + 2) % 86, 0);
});
