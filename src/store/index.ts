export { claimRun } from './checkpoint-index.ts';
export { latestCheckpoint, listCheckpoints, saveCheckpoint } from './checkpoints.ts';
export { sha256, weightsDigest } from './digest.ts';
export { fencedStore } from './fenced-store.ts';
export type { FolderStore } from './folder-store.ts';
export {
  listSnapshots,
  readBest,
  readSnapshot,
  removeSnapshots,
  saveBest,
  saveSnapshot,
} from './iteration-weights.ts';
export { openFolderStore } from './local-store.ts';
export { CHAMPION, ModelRegistry, parseModelRecord } from './models.ts';
export { openStore, storeIdentity } from './open-store.ts';
export { listFigures, readDrawing, readFigure, saveDrawing, saveFigure, saveFilm } from './run-files.ts';
export { decode as decodeWeights, encode as encodeWeights } from './safetensors.ts';
