import sharp from 'sharp';
import type { Latent, Server } from './servers.ts';

/** Grey levels that may differ, because each engine sums in another order before it rounds. */
const MOST_DIFFERENCE = 1;

const pixelsOf = async (png: Buffer): Promise<Buffer> =>
  await sharp(png).toColourspace('b-w').extractChannel(0).raw().toBuffer();

/**
 * Decodes the same latents on all servers.
 * @returns the largest difference in grey levels
 * @throws Error when a server differs from the first one by more than the rounding
 */
export async function compareImages(servers: Server[], latentDim: number): Promise<number> {
  const requests: Latent[] = Array.from({ length: 10 }, (_, label) => ({
    label,
    latent: Array.from({ length: latentDim }, (_, i) => 2 * Math.sin(1 + label * latentDim + i)),
  }));
  let most = 0;
  for (const request of requests) {
    const [first, ...others] = await Promise.all(
      servers.map(async (server) => pixelsOf(await server.decode(request))),
    );
    for (const [i, other] of others.entries()) {
      if (other.length !== first!.length)
        throw new Error(`${servers[i + 1]!.name} returns another image size`);
      for (const [at, level] of other.entries()) most = Math.max(most, Math.abs(level - first![at]!));
      if (most > MOST_DIFFERENCE) {
        throw new Error(`${servers[i + 1]!.name} decodes label ${request.label} differently: off by ${most}`);
      }
    }
  }
  return most;
}
