import sharp from 'sharp';
import type { Latent, Server } from './servers.ts';

/** Levels that may differ: each engine sums in an order of its own before it rounds. */
const MOST_DIFFERENCE = 1;

const pixelsOf = async (png: Buffer): Promise<Buffer> =>
  await sharp(png).toColourspace('b-w').extractChannel(0).raw().toBuffer();

/** @throws Error when a server makes another picture of a latent than the first does */
export async function comparePictures(servers: Server[], latentDim: number): Promise<number> {
  const wishes: Latent[] = Array.from({ length: 10 }, (_, label) => ({
    label,
    latent: Array.from({ length: latentDim }, (_, i) => 2 * Math.sin(1 + label * latentDim + i)),
  }));
  let most = 0;
  for (const wish of wishes) {
    const [first, ...others] = await Promise.all(
      servers.map(async (server) => pixelsOf(await server.decode(wish))),
    );
    for (const [i, other] of others.entries()) {
      if (other.length !== first!.length)
        throw new Error(`${servers[i + 1]!.name} makes pictures of another size`);
      for (const [at, level] of other.entries()) most = Math.max(most, Math.abs(level - first![at]!));
      if (most > MOST_DIFFERENCE) {
        throw new Error(
          `${servers[i + 1]!.name} makes another picture of label ${wish.label}: off by ${most}`,
        );
      }
    }
  }
  return most;
}
