import { z } from 'zod';
import { Alias, ModelId, SettableAlias } from './common.ts';
import { Model } from './model.ts';

/** One metric of two models. */
export const MetricComparison = z
  .strictObject({
    metric: z
      .string()
      .meta({ description: 'The name of the metric in the evaluation.', example: 'frechetDistance' }),
    better: z.enum(['lower', 'higher', 'near 1']),
    challenger: z.number(),
    champion: z.number(),
    limit: z
      .number()
      .meta({ description: 'The value that the challenger must reach, computed from the champion.' }),
    passed: z.boolean(),
  })
  .meta({ id: 'MetricComparison' });
export type MetricComparison = z.infer<typeof MetricComparison>;

export const PromotionRequest = z
  .strictObject({
    alias: SettableAlias.optional().meta({
      description: 'The alias to move: `champion` or a custom one. Default `champion`.',
    }),
    force: z.boolean().optional().meta({
      description: 'Move the alias without comparing evaluations. Default false.',
    }),
  })
  .meta({ id: 'PromotionRequest', example: { alias: 'champion' } });
export type PromotionRequest = z.infer<typeof PromotionRequest>;

export const Promotion = z
  .strictObject({
    alias: Alias,
    model: Model,
    previousModelId: ModelId.nullable().meta({ description: 'The model that the alias pointed to before.' }),
    forced: z.boolean(),
    comparison: z
      .array(MetricComparison)
      .meta({ description: 'Empty if there was no other model or no evaluation to compare with.' }),
  })
  .meta({ id: 'Promotion' });
export type Promotion = z.infer<typeof Promotion>;
