import { resolve } from 'node:path';
import { z } from 'zod';

/** A whole number within bounds. */
export const wholeNumber = (
  { min, max, standard }: { min: number; max: number; standard: number },
  description: string,
) => z.coerce.number().int().min(min).max(max).default(standard).describe(description);

/** Items separated by commas; none by default. */
export const listOf = (item: z.ZodType<string, string>, description: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter(Boolean),
    )
    .pipe(z.array(item))
    .describe(description);

/** 0 or 1. */
export const flag = (standard: boolean, description: string) =>
  z
    .enum(['0', '1'])
    .transform((value) => value === '1')
    .default(standard)
    .describe(description);

/** Path of a file or folder, made absolute. */
export const absolutePath = () =>
  z
    .string()
    .min(1)
    .transform((text) => resolve(text));
