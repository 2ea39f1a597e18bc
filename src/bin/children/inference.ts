import { serveInferenceChild } from '../../serving/child.ts';

serveInferenceChild();
