export { latestCheckpoint, listCheckpoints, saveCheckpoint } from './checkpoints.ts';
export { weightsDigest } from './digest.ts';
export { type FolderStore, openFolderStore } from './folders.ts';
export { ModelRegistry } from './models.ts';
export { listFigures, readFigure, saveFigure } from './runs.ts';
