import { z } from 'zod';
import type { ModelRecord } from '../core/contracts/model.ts';
import { errorCodeOf } from '../core/errors.ts';
import type { ApiDeps } from './deps.ts';

export const Readiness = z
  .strictObject({
    status: z.enum(['ready', 'not-ready']),
    reasons: z
      .array(
        z.strictObject({
          component: z.enum(['server', 'redis', 'store', 'inference', 'model']),
          detail: z.string(),
        }),
      )
      .meta({ description: 'What is not available; empty when ready.' }),
    device: z.string().nullable().meta({ description: 'Device that inference uses, once it is known.' }),
    modelId: z
      .string()
      .nullable()
      .meta({ description: 'The model that `latest` points to; null without any model.' }),
  })
  .meta({ id: 'Readiness' });
export type Readiness = z.infer<typeof Readiness>;
type Reason = z.infer<typeof Readiness>['reasons'][number];

const PING_MS = 2_000;
/** How long a probe waits for a load to fail. */
const LOAD_MS = 100;

async function redisReason(deps: ApiDeps): Promise<Reason[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PING_MS} ms`)), PING_MS);
  });
  try {
    await Promise.race([deps.pingRedis(), late]);
    return [];
  } catch (error) {
    return [{ component: 'redis', detail: (error as Error).message }];
  } finally {
    clearTimeout(timer);
  }
}

/** Starts loading the first model, and reports that it is loading or why it fails. */
async function loadingReason(deps: ApiDeps, record: ModelRecord): Promise<Reason[]> {
  let timer: NodeJS.Timeout | undefined;
  const moment = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`${record.id} is being loaded`), LOAD_MS);
  });
  const load = deps.inference.ensure(record).then(
    () => undefined,
    (error: Error) => `${record.id} cannot be loaded: ${error.message}`,
  );
  const detail = await Promise.race([load, moment]).finally(() => clearTimeout(timer));
  return detail === undefined ? [] : [{ component: 'model', detail }];
}

/** A newer model that loads beside the served one does not count, since the served one answers meanwhile. */
async function modelState(deps: ApiDeps): Promise<{ modelId: string | null; reasons: Reason[] }> {
  try {
    const record = await deps.models.record('latest');
    const reasons = deps.inference.ready && !deps.inference.hasModel ? await loadingReason(deps, record) : [];
    return { modelId: record.id, reasons };
  } catch (error) {
    if (errorCodeOf(error) === 'no_model') return { modelId: null, reasons: [] };
    const component = errorCodeOf(error) === 'store_unavailable' ? 'store' : 'model';
    return { modelId: null, reasons: [{ component, detail: (error as Error).message }] };
  }
}

/** Checks everything that requests may need. */
export async function readinessOf(deps: ApiDeps): Promise<Readiness> {
  const { inference } = deps;
  const [redis, model] = await Promise.all([redisReason(deps), modelState(deps)]);
  const child: Reason[] = inference.ready
    ? []
    : [{ component: 'inference', detail: inference.problem ?? 'Models are being reloaded' }];
  const server: Reason[] = deps.isClosing?.()
    ? [{ component: 'server', detail: 'The server is shutting down' }]
    : [];
  const reasons = [...server, ...redis, ...child, ...model.reasons];
  const status = reasons.length === 0 ? 'ready' : 'not-ready';
  return { status, reasons, device: inference.device, modelId: model.modelId };
}
