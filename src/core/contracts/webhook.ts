import { z } from 'zod';
import { Timestamp } from './common.ts';

/** Kinds of events that may be sent; those that come several times a second are for event streams. */
export const WEBHOOK_EVENTS = ['state', 'sample', 'checkpoint', 'evaluation', 'diagnosis', 'end'] as const;
const EventKind = z.enum(WEBHOOK_EVENTS);

/** Where nobody says otherwise. */
export const DEFAULT_WEBHOOK_EVENTS = ['state', 'end'] as const satisfies (typeof WEBHOOK_EVENTS)[number][];

const Url = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2_000)
  .refine((url) => !URL.canParse(url) || (new URL(url).username === '' && new URL(url).password === ''), {
    error: 'must hold no user name or password',
  });
const Secret = z
  .string()
  .regex(/^whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, {
    error: 'must be whsec_ and 24 to 64 bytes in base64',
  });

export const WebhookRequest = z
  .strictObject({
    url: Url.meta({ description: 'Where events are sent, by POST.' }),
    events: z
      .array(EventKind)
      .min(1)
      .max(WEBHOOK_EVENTS.length)
      .optional()
      .meta({ description: 'Kinds of events to send; `state` and `end` when not given.' }),
    secret: Secret.optional().meta({
      description: 'What signs the calls, as Standard Webhooks has it: `whsec_…`. Drawn when not given.',
    }),
  })
  .meta({ id: 'WebhookRequest', example: { url: 'https://example.org/hooks/stylograph', events: ['end'] } });

/** Everything that is needed to send. */
export interface WebhookTarget {
  url: string;
  events: z.infer<typeof EventKind>[];
  secret: string;
}

export const Webhook = z
  .strictObject({
    url: z.string().meta({ description: 'Without its query, which may hold a secret.' }),
    events: z.array(EventKind),
    secret: z.string().optional().meta({ description: 'Told once, by the call that starts the run.' }),
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.infer<typeof Webhook>;

export const WebhookDelivery = z
  .strictObject({
    id: z.string().meta({ description: 'The `webhook-id` of the call: the same for every attempt.' }),
    type: z.string().meta({ description: 'Such as `run.end`, or `test`.' }),
    attempt: z.int(),
    at: Timestamp,
    milliseconds: z.int(),
    status: z.int().nullable().meta({ description: 'What the receiver answered; null when nothing came.' }),
    outcome: z.enum(['delivered', 'retrying', 'failed']),
    error: z.string().nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;
