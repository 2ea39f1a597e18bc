import { z } from 'zod';
import { Timestamp } from './common.ts';

/** Kinds of events that webhooks can receive. Kinds that occur several times per second are left to event streams. */
export const WEBHOOK_EVENTS = ['state', 'sample', 'checkpoint', 'evaluation', 'diagnosis', 'end'] as const;
const EventKind = z.enum(WEBHOOK_EVENTS);

/** Kinds that are sent by default. */
export const DEFAULT_WEBHOOK_EVENTS = ['state', 'end'] as const satisfies (typeof WEBHOOK_EVENTS)[number][];

const Url = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2_000)
  .refine((url) => !URL.canParse(url) || (new URL(url).username === '' && new URL(url).password === ''), {
    error: 'must not contain a user name or password',
  });
const Secret = z
  .string()
  .regex(/^whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, {
    error: 'must be whsec_ followed by 24 to 64 bytes in base64',
  });

export const WebhookRequest = z
  .strictObject({
    url: Url.meta({ description: 'Address that events are sent to by POST.' }),
    events: z
      .array(EventKind)
      .min(1)
      .max(WEBHOOK_EVENTS.length)
      .optional()
      .meta({ description: 'Kinds of events to send. Default: `state` and `end`.' }),
    secret: Secret.optional().meta({
      description:
        'Secret that signs the messages, as defined by Standard Webhooks: `whsec_…`. Random when not given.',
    }),
  })
  .meta({ id: 'WebhookRequest', example: { url: 'https://example.org/hooks/stylograph', events: ['end'] } });

/** A webhook with its defaults filled in. */
export interface WebhookTarget {
  url: string;
  events: z.infer<typeof EventKind>[];
  secret: string;
}

export const Webhook = z
  .strictObject({
    url: z.string().meta({ description: 'Without its query, which may contain a secret.' }),
    events: z.array(EventKind),
    secret: z.string().optional().meta({ description: 'Returned once, by the call that starts the run.' }),
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.infer<typeof Webhook>;

export const WebhookDelivery = z
  .strictObject({
    id: z.string().meta({ description: 'The `webhook-id` of the message, the same for every attempt.' }),
    type: z.string().meta({ description: 'For instance `run.end` or `test`.' }),
    attempt: z.int(),
    at: Timestamp,
    milliseconds: z.int(),
    status: z.int().nullable().meta({ description: 'HTTP status of the answer; null without an answer.' }),
    outcome: z.enum(['delivered', 'retrying', 'failed']),
    error: z.string().nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;
