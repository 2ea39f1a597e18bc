import { buildApp } from '../../../api/app.ts';
import type { ApiDeps } from '../../../api/deps.ts';
import { StylographClient } from '../../../client/index.ts';
import type { StylographError } from '../../../core/errors.ts';
import { DatasetLibrary } from '../../../data/library.ts';
import { encodeFilm } from '../../../figures/encode-film.ts';
import { ownVersion } from '../../../platform/version.ts';
import { FolderRuns, type LocalTraining } from '../../../runs/folder/folder-runs.ts';
import { startInference } from '../../../serving/client.ts';
import { ModelRegistry, openFolderStore } from '../../../store/index.ts';
import { CHILD_MODULES } from '../../child-modules.ts';
import { injectedFetch } from './inject.ts';
import { lazyInference } from './lazy-inference.ts';

/** A data folder used without asking a server. */
export interface LocalPlace {
  folder: string;
  /** The API itself, in this process, over the folder. */
  client: StylographClient;
  /** The server that works in the same folder, if one does. Its worker trains every run that waits. */
  serverPid(): Promise<number | undefined>;
  /** Trains a run that waits. @throws invalid_state */
  train(runId: string): Promise<LocalTraining>;
  close(): Promise<void>;
}

/**
 * Opens a folder as a server would. Inference and Redis are started by the first call that needs them.
 * @param onLost called when the folder's Redis is gone for good
 */
export async function openLocalPlace(
  dataDir: string,
  onLost: (error: StylographError) => void,
): Promise<LocalPlace> {
  const store = await openFolderStore(dataDir);
  const models = new ModelRegistry(store);
  let opening: Promise<FolderRuns> | undefined;
  const folderRuns = (): Promise<FolderRuns> => {
    opening ??= FolderRuns.open({
      dataDir,
      store,
      redisServer: process.env.REDIS_SERVER || undefined,
      childModule: CHILD_MODULES.run,
      onLost,
    });
    return opening;
  };
  const inference = lazyInference(() =>
    // One call at a time, and the caller waits for as long as it takes to load.
    startInference({ childModule: CHILD_MODULES.inference, directory: dataDir, loadWaitMs: 120_000 }),
  );
  const app = await buildApp({
    version: ownVersion(),
    ...runDeps(folderRuns),
    store,
    models,
    inference,
    datasets: new DatasetLibrary({ dataDir, storeRoot: dataDir, store, uploadChild: CHILD_MODULES.upload }),
    encodeFilm: (task) => encodeFilm(CHILD_MODULES.film, task),
  });
  await app.ready();
  return {
    folder: dataDir,
    client: new StylographClient({ url: 'http://local', fetch: injectedFetch(app), timeoutMs: 600_000 }),
    serverPid: async () => (await folderRuns()).serverPid,
    train: async (runId) => (await folderRuns()).train(runId),
    close: async () => {
      await app.close();
      await inference.close();
      await opening?.then((opened) => opened.close()).catch(() => undefined);
    },
  };
}

/** Runs as the API needs them; Redis is started by the first call. */
function runDeps(
  open: () => Promise<FolderRuns>,
): Pick<ApiDeps, 'runs' | 'events' | 'hub' | 'metrics' | 'pingRedis'> {
  return {
    runs: {
      create: async (...call) => (await open()).runs.create(...call),
      get: async (...call) => (await open()).runs.get(...call),
      list: async (...call) => (await open()).runs.list(...call),
      request: async (...call) => (await open()).runs.request(...call),
      remove: async (...call) => (await open()).runs.remove(...call),
    },
    events: {
      read: async (...call) => (await open()).events.read(...call),
      newest: async (...call) => (await open()).events.newest(...call),
      knows: async (...call) => (await open()).events.knows(...call),
    },
    hub: {
      async *subscribe(...call) {
        yield* (await open()).hub.subscribe(...call);
      },
    },
    metrics: async (...call) => (await open()).metrics(...call),
    pingRedis: async () => undefined,
  };
}
