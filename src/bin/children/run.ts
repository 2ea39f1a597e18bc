import { serveRunChild } from '../../runs/child/process.ts';

serveRunChild();
