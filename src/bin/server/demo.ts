import { resolveConfig } from '../../core/contracts/presets.ts';
import { errorCodeOf } from '../../core/errors.ts';
import type { Settings } from '../../platform/settings/settings.ts';
import type { RunStore } from '../../runs/redis/run-store.ts';
import type { ModelRegistry } from '../../store/index.ts';

/** Starts the first run of an all-in-one server that has neither a model nor a run. @returns its id */
export async function enqueueDemo(
  settings: Settings,
  runs: RunStore,
  models: ModelRegistry,
): Promise<string | undefined> {
  if (!settings.DEMO || settings.ROLE !== 'all' || settings.REDIS_URL !== undefined) return undefined;
  const hasModel = await models.record('latest').then(
    () => true,
    (error) => errorCodeOf(error) !== 'no_model',
  );
  if (hasModel || (await runs.list({ limit: 1 })).items.length > 0) return undefined;
  const { run } = await runs.create({
    name: 'First run',
    preset: 'quick',
    dataset: 'mnist',
    seed: 1,
    config: resolveConfig('quick'),
    tags: ['demo'],
  });
  return run.id;
}
