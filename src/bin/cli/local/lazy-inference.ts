import type { Inference } from '../../../serving/client.ts';

/**
 * Inference whose process is started by the first call that needs it: most commands need none.
 */
export function lazyInference(start: () => Promise<Inference>): Inference {
  let starting: Promise<Inference> | undefined;
  let running: Inference | undefined;
  const up = async (): Promise<Inference> => {
    starting ??= start();
    running = await starting;
    return running;
  };
  return {
    get ready() {
      return running?.ready ?? true;
    },
    get device() {
      return running?.device ?? null;
    },
    get problem() {
      return running?.problem ?? null;
    },
    get pid() {
      return running?.pid;
    },
    get engine() {
      return running?.engine;
    },
    get waiting() {
      return running?.waiting ?? 0;
    },
    get hasModel() {
      return running?.hasModel ?? false;
    },
    isLoaded: (modelId) => running?.isLoaded(modelId) ?? false,
    ensure: async (model) => (await up()).ensure(model),
    decode: async (...call) => (await up()).decode(...call),
    encode: async (...call) => (await up()).encode(...call),
    explain: async (...call) => (await up()).explain(...call),
    close: async () => {
      if (starting) await (await starting).close();
    },
  };
}
