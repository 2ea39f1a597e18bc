import { FolderRuns } from '../../src/runs/folder/folder-runs.ts';
import { openFolderStore } from '../../src/store/index.ts';
import { newRun, until } from './support.ts';

/** A command that trains a long run in a folder: `command-process.ts FOLDER REDIS CHILD`. It sends the run's id. */
const [dataDir, redisServer, childModule] = process.argv.slice(2) as [string, string, string];
const folder = await FolderRuns.open({
  dataDir,
  store: await openFolderStore(dataDir),
  redisServer,
  childModule,
  onLost: (error) => console.error(error.message),
});
const config = { iterations: 100_000, checkpointEvery: 100_000 };
const { id } = (await folder.runs.create(newRun(config))).run;
const training = await folder.train(id);
await until('an iteration', async () => (await folder.runs.get(id)).progress.iteration > 0);
process.send!(id);
await training.done;
await folder.close();
process.exit(0);
