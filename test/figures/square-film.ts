import type { PackedFilm } from '../../src/core/contracts/films.ts';
import { FilmPacker } from '../../src/figures/packed-film.ts';

/** A film of a square that becomes darker: 2 × 2 images of 8 × 8. */
export async function squareFilm({
  name = '0',
  label = 0,
  frames = 4,
  channels = 1 as 1 | 3,
} = {}): Promise<PackedFilm> {
  const labels = Array.from({ length: label + 1 }, (_, i) => (i === label ? name : String(i)));
  const packer = new FilmPacker({ width: 8, height: 8, channels, labels }, label, 2);
  for (let frame = 0; frame < frames; frame++) {
    const level = Math.round((255 * (frame + 1)) / frames);
    await packer.add(frame * 100, new Uint8Array(4 * 64 * channels).fill(level));
  }
  return packer.finish();
}
