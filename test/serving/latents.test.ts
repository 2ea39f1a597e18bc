import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveSeeds, interpolate, latentFromSeed } from '../../src/serving/latents.ts';

test('the first derived seed is the base, and none repeats beyond the 32-bit limit', () => {
  const seeds = deriveSeeds(4_294_967_295, 1000);
  assert.equal(seeds[0], 4_294_967_295);
  assert.equal(new Set(seeds).size, 1000);
  assert.ok(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32));
});

test('a latent depends only on its seed, and a shorter one is its prefix', () => {
  assert.deepEqual(latentFromSeed(7, 8), latentFromSeed(7, 8));
  assert.deepEqual(latentFromSeed(7, 3), latentFromSeed(7, 8).slice(0, 3));
  assert.notDeepEqual(latentFromSeed(7, 8), latentFromSeed(8, 8));
});

test('latents of successive seeds are independent and standard normal in each dimension', () => {
  const draws = Array.from({ length: 4000 }, (_, seed) => latentFromSeed(seed, 2));
  for (const d of [0, 1]) {
    const values = draws.map((z) => z[d]!);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    const within = values.filter((v) => Math.abs(v) < 1).length / values.length;
    assert.ok(Math.abs(mean) < 0.06, `mean ${mean}`);
    assert.ok(Math.abs(variance - 1) < 0.08, `variance ${variance}`);
    assert.ok(Math.abs(within - 0.6827) < 0.03, `within one deviation ${within}`);
  }
  const products = draws.map((z) => z[0]! * z[1]!);
  assert.ok(Math.abs(products.reduce((a, b) => a + b) / products.length) < 0.06);
  const following = draws.slice(1).map((z, i) => z[0]! * draws[i]![0]!);
  assert.ok(
    Math.abs(following.reduce((a, b) => a + b) / following.length) < 0.06,
    'seeds next to each other',
  );
});

test('truncation scales the latent', () => {
  const half = latentFromSeed(3, 4, 0.5);
  latentFromSeed(3, 4).forEach((value, i) => {
    assert.ok(Math.abs(half[i]! - value / 2) < 1e-6);
  });
  assert.deepEqual([...latentFromSeed(3, 4, 0)].map(Math.abs), [0, 0, 0, 0]);
});

test('interpolation includes both latents, and the spherical one keeps their norm', () => {
  const [a, b] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  for (const method of ['linear', 'spherical'] as const) {
    const way = interpolate(a, b, 5, method);
    assert.equal(way.length, 5);
    assert.ok(Math.hypot(way[0]![0]! - 1, way[0]![1]!) < 1e-6);
    assert.ok(Math.hypot(way[4]![0]!, way[4]![1]! - 1) < 1e-6);
    const middle = Math.hypot(...way[2]!);
    assert.ok(Math.abs(middle - (method === 'linear' ? Math.SQRT1_2 : 1)) < 1e-6);
  }
  const opposite = interpolate(a, Float32Array.of(-1, 0), 3, 'spherical');
  assert.ok(opposite.every((z) => z.every(Number.isFinite)));
});
