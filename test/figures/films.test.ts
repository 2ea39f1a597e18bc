import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { CHILD_MODULES } from '../../src/bin/child-modules.ts';
import { FILM_TYPES, type FilmFormat } from '../../src/core/contracts/films.ts';
import type { StylographError } from '../../src/core/errors.ts';
import { type EncodingTask, encodeFilm as encodeFilmIn } from '../../src/figures/encode-film.ts';
import { squareFilm } from './square-film.ts';

const encodeFilm = (task: EncodingTask, limitMs?: number) => encodeFilmIn(CHILD_MODULES.film, task, limitMs);

const formats = Object.keys(FILM_TYPES) as FilmFormat[];

test('a film is encoded in a child process with the same bytes every time', async () => {
  const film = await squareFilm();
  for (const format of formats) {
    const bytes = await encodeFilm({ film, format, look: 'full' });
    assert.deepEqual(await encodeFilm({ film, format, look: 'full' }), bytes, format);
    if (format === 'mp4') {
      assert.equal(Buffer.from(bytes.subarray(4, 8)).toString(), 'ftyp');
      continue;
    }
    const { pages, delay, loop, width, pageHeight } = await sharp(bytes, { pages: -1 }).metadata();
    assert.deepEqual([pages, loop], [4, 0]);
    assert.ok(delay!.at(-1)! > 3 * delay![0]!, 'the last frame is shown longer');
    assert.deepEqual([width! % 2, pageHeight! % 2], [0, 0]);
  }
});

test('a film ends with the images of its last snapshot, black on white', async () => {
  for (const channels of [1, 3] as const) {
    const film = await squareFilm({ channels, name: 'Ankle boot' });
    const gif = await encodeFilm({ film, format: 'gif', look: 'small' });
    const level = async (page: number): Promise<number> => {
      const { data, info } = await sharp(gif, { page })
        .greyscale()
        .raw()
        .toBuffer({ resolveWithObject: true });
      return data[(info.height - 30) * info.width + Math.floor(info.width / 2)]!;
    };
    const [first, last] = [await level(0), await level(3)];
    if (channels === 1) assert.ok(first > 180 && last < 10, `from ${first} to ${last}`);
    else assert.ok(last > 245, 'colour is not inverted');
  }
});

test('a film for a report has at most thirty frames', async () => {
  const film = await squareFilm({ frames: 75 });
  const webp = await encodeFilm({ film, format: 'webp', look: 'small' });
  const { pages } = await sharp(webp, { pages: -1 }).metadata();
  assert.equal(pages, 30);
  const one = await encodeFilm({ film: await squareFilm({ frames: 1 }), format: 'webp', look: 'small' });
  assert.equal((await sharp(one, { pages: -1 }).metadata()).pages ?? 1, 1);
});

test('a film with damaged frames is an error', async () => {
  const film = await squareFilm();
  const broken = { ...film, frames: film.frames.subarray(0, 3) };
  await assert.rejects(
    encodeFilm({ film: broken, format: 'gif', look: 'full' }),
    (error: StylographError) => error.code === 'child_died' && /could not be encoded/.test(error.message),
  );
});

test('an encoder that takes too long is killed, and the error says so', async () => {
  // No process starts within a millisecond.
  await assert.rejects(
    encodeFilm({ film: await squareFilm({ name: 'seven' }), format: 'mp4', look: 'full' }, 1),
    (error: StylographError) =>
      error.code === 'child_died' && /"seven".*mp4.*more than 0\.001 s.*another format/.test(error.message),
  );
});
