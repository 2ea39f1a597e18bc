import type { ApiDeps } from '../../api/deps.ts';
import type { RedisTarget } from '../../platform/redis/connection.ts';
import type { Keys } from '../../platform/redis/key-names.ts';
import { type Settings, SettingsProblem } from '../../platform/settings/settings.ts';
import type { Metrics } from '../../platform/telemetry/index.ts';
import { Webhooks } from '../../runs/webhooks/deliveries.ts';
import { AddressPolicy, generateSecret, sendMessage } from '../../runs/webhooks/index.ts';

function policyOf({ WEBHOOK_ALLOW }: Settings): AddressPolicy {
  try {
    return new AddressPolicy(WEBHOOK_ALLOW);
  } catch (error) {
    throw new SettingsProblem([`WEBHOOK_ALLOW: ${(error as Error).message}`]);
  }
}

/** Delivers events of runs to their webhooks. @throws SettingsProblem */
export function openWebhooks(
  settings: Settings,
  { redis, keys, meter }: { redis: RedisTarget; keys: Keys; meter: Metrics },
  warn: (message: string) => void,
) {
  const policy = policyOf(settings);
  const webhooks = new Webhooks({
    redis,
    keys,
    send: (message) => sendMessage(message, { policy, timeoutMs: settings.WEBHOOK_TIMEOUT * 1000 }),
    onAttempt: (outcome) => meter.webhookAttempted(outcome),
    onProblem: ({ message }) => warn(`Webhooks: ${message}`),
  });
  webhooks.start();
  const deps: ApiDeps['webhooks'] = {
    test: (runId) => webhooks.test(runId),
    deliveries: (runId, limit) => webhooks.deliveries(runId, limit),
    check: (url) => policy.check(url),
    generateSecret,
  };
  return { webhooks, deps };
}
