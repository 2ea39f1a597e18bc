import type { FolderStore, WriteOptions } from './folder-store.ts';

/**
 * A store for the owner of a run: every change first checks that it still owns the run.
 * @param check throws fence_lost if it does not
 */
export function fencedStore(store: FolderStore, check: () => Promise<void>): FolderStore {
  const checked =
    <A extends unknown[], R>(change: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await check();
      return await change(...args);
    };
  return {
    freshMs: store.freshMs,
    write: (path, files, { beforeCommit }: WriteOptions = {}) =>
      store.write(path, files, {
        beforeCommit: async () => {
          await beforeCommit?.();
          await check();
        },
      }),
    writeFile: checked(store.writeFile.bind(store)),
    swapFile: checked(store.swapFile.bind(store)),
    remove: checked(store.remove.bind(store)),
    setAside: checked(store.setAside.bind(store)),
    tidy: checked(store.tidy.bind(store)),
    read: store.read.bind(store),
    sizes: store.sizes.bind(store),
    exists: store.exists.bind(store),
    list: store.list.bind(store),
    readFile: store.readFile.bind(store),
    readVersioned: store.readVersioned.bind(store),
  };
}
