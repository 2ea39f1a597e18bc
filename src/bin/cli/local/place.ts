import { buildApp } from '../../../api/app.ts';
import { StylographClient } from '../../../client/index.ts';
import type { RunRecord } from '../../../core/contracts/run.ts';
import { DatasetLibrary } from '../../../data/library.ts';
import { encodeFilm } from '../../../figures/encode-film.ts';
import { ownVersion } from '../../../platform/version.ts';
import { LocalEvents } from '../../../runs/local/events.ts';
import { LocalRuns } from '../../../runs/local/runs.ts';
import { type Work, workOn } from '../../../runs/local/work.ts';
import { startInference } from '../../../serving/client.ts';
import { ModelRegistry, openFolderStore } from '../../../store/index.ts';
import { CHILD_MODULES } from '../../child-modules.ts';
import { injectedFetch } from './inject.ts';
import { lazyInference } from './lazy-inference.ts';

/** A data folder used without a server. */
export interface LocalPlace {
  folder: string;
  /** The API itself, in this process, over the folder. */
  client: StylographClient;
  /** Trains a run that waits. @throws invalid_state */
  workOn(runId: string): Promise<Work>;
  record(runId: string): Promise<RunRecord>;
  close(): Promise<void>;
}

/** Opens a folder as a server would, but with journals in place of Redis; nothing is started before it is needed. */
export async function openLocalPlace(dataDir: string): Promise<LocalPlace> {
  const store = await openFolderStore(dataDir);
  const models = new ModelRegistry(store);
  const runs = new LocalRuns(dataDir);
  const events = new LocalEvents(runs);
  const inference = lazyInference(() =>
    // One call at a time, and the caller waits for as long as it takes to load.
    startInference({ childModule: CHILD_MODULES.inference, directory: dataDir, loadWaitMs: 120_000 }),
  );
  const app = await buildApp({
    version: ownVersion(),
    runs,
    events,
    hub: events,
    metrics: (runId, query) => events.metrics(runId, query),
    store,
    models,
    inference,
    datasets: new DatasetLibrary({ dataDir, storeRoot: dataDir, store, uploadChild: CHILD_MODULES.upload }),
    encodeFilm: (task) => encodeFilm(CHILD_MODULES.film, task),
    pingRedis: async () => undefined,
  });
  await app.ready();
  return {
    folder: dataDir,
    client: new StylographClient({ url: 'http://local', fetch: injectedFetch(app), timeoutMs: 600_000 }),
    workOn: (runId) => workOn(runs, runId, { childModule: CHILD_MODULES.run, storeRoot: dataDir, dataDir }),
    record: (runId) => runs.get(runId),
    close: async () => {
      await app.close();
      await inference.close();
    },
  };
}
