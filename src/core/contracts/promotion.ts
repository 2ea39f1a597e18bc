import { z } from 'zod';
import { Alias, ModelId, SettableAlias } from './common.ts';
import { Model } from './model.ts';

/** One metric of two models, side by side. */
export const MetricComparison = z
  .strictObject({
    metric: z.string().meta({ description: 'Its name in the evaluation.', example: 'frechetDistance' }),
    better: z.enum(['lower', 'higher', 'near 1']),
    challenger: z.number(),
    champion: z.number(),
    limit: z.number().meta({ description: 'What the challenger must reach to pass, given the champion.' }),
    passed: z.boolean(),
  })
  .meta({ id: 'MetricComparison' });
export type MetricComparison = z.infer<typeof MetricComparison>;

export const PromotionRequest = z
  .strictObject({
    alias: SettableAlias.optional().meta({
      description: 'The alias to move: `champion`, or one of your own. Default `champion`.',
    }),
    force: z.boolean().optional().meta({
      description: 'Move it whatever the evaluations say. Default false.',
    }),
  })
  .meta({ id: 'PromotionRequest', example: { alias: 'champion' } });
export type PromotionRequest = z.infer<typeof PromotionRequest>;

export const Promotion = z
  .strictObject({
    alias: Alias,
    model: Model,
    previousModelId: ModelId.nullable().meta({ description: 'What the alias pointed at before.' }),
    forced: z.boolean(),
    comparison: z
      .array(MetricComparison)
      .meta({ description: 'Empty when there was nothing to compare with, or no evaluation.' }),
  })
  .meta({ id: 'Promotion' });
export type Promotion = z.infer<typeof Promotion>;
