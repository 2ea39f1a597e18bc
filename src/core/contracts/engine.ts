import { z } from 'zod';

/** Resources of a process that computes, reported to its parent. */
export const EngineFacts = z.strictObject({
  residentBytes: z.number(),
  tensors: z.int(),
  /** On a GPU these are in its memory. */
  tensorBytes: z.number(),
});
export type EngineFacts = z.infer<typeof EngineFacts>;

/** Interval between reports; computations delay them. */
export const FACTS_EVERY_MS = 5_000;
