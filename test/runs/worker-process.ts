import { startWorker } from '../../src/runs/worker/worker.ts';

/** A worker in a process of its own, to be killed: `worker-process.ts SOCKET FOLDER CHILD`. */
const [path, dataDir, childModule] = process.argv.slice(2) as [string, string, string];
await startWorker({ redis: { path }, dataDir, childModule });
process.send!('ready');
