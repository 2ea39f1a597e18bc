import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { errorCodeOf } from '../../src/core/errors.ts';
import { decodeImage } from '../../src/data/images/decode.ts';
import { packModel } from '../../src/store/archive/pack.ts';
import { unpackModel } from '../../src/store/archive/unpack.ts';
import { perturbedModel, TINY } from '../store/archive/perturbed-model.ts';
import { mutate } from './mutate.ts';

/** Number of damaged files of each kind; `FUZZ=20000 npm test -- fuzz` tests more. */
const TIMES = Number(process.env.FUZZ ?? 400);

const picture = () => sharp({ create: { width: 37, height: 29, channels: 4, background: '#c08' } });
const FORMATS = {
  PNG: () => picture().png().toBuffer(),
  'PNG with a palette and interlace': () => picture().png({ palette: true, progressive: true }).toBuffer(),
  JPEG: () =>
    picture()
      .jpeg()
      .withExif({ IFD0: { Copyright: 'x' } })
      .toBuffer(),
  'progressive JPEG': () => picture().jpeg({ progressive: true }).toBuffer(),
  WebP: () => picture().webp().toBuffer(),
  'lossless WebP': () => picture().webp({ lossless: true }).toBuffer(),
};

for (const [name, make] of Object.entries(FORMATS)) {
  test(`${TIMES} damaged files of type ${name} are decoded or refused`, { timeout: 600_000 }, async () => {
    const whole = await make();
    let refused = 0;
    for (let seed = 0; seed < TIMES; seed++) {
      try {
        const { pixels, width, height, channels } = await decodeImage(mutate(whole, seed), {
          maxPixels: 1e6,
        });
        assert.equal(pixels.length, width * height * channels);
      } catch (error) {
        assert.equal(errorCodeOf(error), 'invalid_image', `seed ${seed}: ${error}`);
        refused++;
      }
    }
    assert.ok(refused > TIMES / 10);
  });
}

test(`${TIMES} damaged model archives are refused or give the same model`, {
  timeout: 600_000,
}, () => {
  const { record, weights } = perturbedModel({ networks: TINY, latentDim: 3 });
  const whole = packModel(record, weights);
  let refused = 0;
  for (let seed = 0; seed < TIMES; seed++) {
    try {
      // It is accepted only if the damage is in a part that nobody reads.
      assert.deepEqual(unpackModel(mutate(whole, seed)).record, record, `seed ${seed}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.equal(errorCodeOf(error), 'invalid_archive', `seed ${seed}: ${error}`);
      refused++;
    }
  }
  assert.ok(refused > TIMES / 10);
});
