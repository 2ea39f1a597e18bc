import { serveEvaluationChild } from '../../training/evaluation/child.ts';

serveEvaluationChild();
