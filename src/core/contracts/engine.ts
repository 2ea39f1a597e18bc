import { z } from 'zod';

/** What a process that computes tells of itself now and then. */
export const EngineFacts = z.strictObject({
  residentBytes: z.number(),
  tensors: z.int(),
  /** In device memory where there is a GPU. */
  tensorBytes: z.number(),
});
export type EngineFacts = z.infer<typeof EngineFacts>;

/** How often it does, between two of its computations. */
export const FACTS_EVERY_MS = 5_000;
