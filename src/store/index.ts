export { readBest, removeBest, saveBest } from './best.ts';
export { latestCheckpoint, listCheckpoints, saveCheckpoint } from './checkpoints.ts';
export { weightsDigest } from './digest.ts';
export { readDrawing, saveDrawing, saveFilm } from './films.ts';
export { type FolderStore, openFolderStore } from './folders.ts';
export { ModelRegistry } from './models.ts';
export { listFigures, readFigure, saveFigure } from './runs.ts';
export { listSnapshots, readSnapshot, removeSnapshots, saveSnapshot } from './snapshots.ts';
