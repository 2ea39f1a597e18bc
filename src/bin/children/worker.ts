import { serveWorker } from '../../runs/worker/serve.ts';
import { CHILD_MODULES } from '../child-modules.ts';

serveWorker(CHILD_MODULES.run);
