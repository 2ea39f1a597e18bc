import { trainingParts } from '../../runs/child/child.ts';
import { serveRunChild } from '../../runs/child/process.ts';

serveRunChild(trainingParts());
