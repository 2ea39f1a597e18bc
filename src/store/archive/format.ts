import { z } from 'zod';

/** Version of the archive's layout. */
export const FORMAT = 1;

/** All files of an archive. Others are refused, so no code and no path out of a folder can come in. */
export const FILES = {
  manifest: 'stylograph.json',
  record: 'model.json',
  weights: 'weights.safetensors',
  readme: 'README.md',
  encoder: { topology: 'tfjs/encoder/model.json', weights: 'tfjs/encoder/weights.bin' },
  decoder: { topology: 'tfjs/decoder/model.json', weights: 'tfjs/decoder/weights.bin' },
} as const;

/** Limit of each file's bytes, unpacked. */
export const MOST_BYTES: Record<string, number> = {
  [FILES.manifest]: 100_000,
  [FILES.record]: 4_000_000,
  [FILES.weights]: 256_000_000,
  [FILES.readme]: 100_000,
  [FILES.encoder.topology]: 1_000_000,
  [FILES.encoder.weights]: 256_000_000,
  [FILES.decoder.topology]: 1_000_000,
  [FILES.decoder.weights]: 256_000_000,
};

export const ArchiveManifest = z.strictObject({
  format: z.literal(FORMAT),
  files: z.record(z.string(), z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int() })),
});
export type ArchiveManifest = z.infer<typeof ArchiveManifest>;
