import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { boxFont } from '../../data/fonts/box-font.ts';
import { run } from './support.ts';

/** Labels that differ by case alone, that no folder can have as its name, and that look like an index. */
const CHARACTERS = 'Aa/3';
let data: string;
let fonts: string;

before(() => {
  data = mkdtempSync(join(tmpdir(), 'stylograph-cli-fonts-'));
  fonts = join(data, 'fonts');
  mkdirSync(fonts);
  for (let family = 0; family < 12; family++) {
    const box = (width: number): [number, number, number, number] => [0, 0, width, 300 + 30 * family];
    const glyphs = { A: box(300), a: box(200 + family), '/': box(50 + family), 3: box(120 + family) };
    writeFileSync(join(fonts, `${family}.otf`), boxFont(`Family ${family}`, glyphs));
  }
  writeFileSync(join(fonts, 'other.otf'), boxFont('Other', { A: [0, 0, 10, 10] }));
});
after(() => rmSync(data, { recursive: true, force: true }));

test('dataset fonts makes a dataset from the fonts in a folder', async () => {
  const place = ['--data', join(data, 'd')];
  const args = [
    'dataset',
    'fonts',
    fonts,
    '--name',
    'Boxes',
    '--characters',
    CHARACTERS,
    '--size',
    '16',
    ...place,
  ];
  const made = await run([...args, '--json']);
  assert.equal(made.code, 0, made.err);
  assert.match(made.err, /left out other\.otf: it lacks a, \/, 3/);
  const { dataset, fonts: drawn, leftOut } = JSON.parse(made.out);
  assert.deepEqual([dataset.name, dataset.width, dataset.height, dataset.channels], ['Boxes', 16, 16, 1]);
  assert.deepEqual(
    dataset.labels,
    [...CHARACTERS].map((name, index) => ({ index, name, count: 12 })),
  );
  assert.equal(leftOut.length, 1);
  const inPart = (part: string) => drawn.filter((font: { part: string }) => font.part === part).length;
  for (const part of ['train', 'validation', 'test']) {
    assert.equal(dataset.split[part], inPart(part) * CHARACTERS.length);
    assert.ok(dataset.split[part] > 0);
  }
  const shown = await run(['dataset', 'show', dataset.id, '--json', ...place]);
  assert.equal(JSON.parse(shown.out).digest, dataset.digest);
  const again = await run(args);
  assert.match(again.out, new RegExp(`${dataset.id}[\\s\\S]*12 families; unseen test families: Family \\d+`));
});

test('fonts or options that cannot make a dataset are rejected with the remedy', async () => {
  const refused = async (...args: string[]): Promise<string> => {
    const { code, err } = await run(['dataset', 'fonts', ...args, '--data', join(data, 'd')]);
    assert.notEqual(code, 0);
    return err;
  };
  assert.match(await refused(join(data, 'nowhere')), /cannot be read/);
  assert.match(await refused(fonts, '--characters', 'AA'), /It contains A twice/);
  assert.match(await refused(fonts, '--characters', 'A b'), /draws nothing by itself/);
  assert.match(await refused(fonts, '--size', '18'), /multiple of 4/);
  const empty = join(data, 'empty');
  mkdirSync(empty);
  assert.match(await refused(empty), /usable fonts of 0 families[\s\S]*at least 3 are needed/);
});
