/** Path of a Redis-compatible server program, downloaded if this machine has none. */
export declare function findRedisServer(options?: { download?: boolean }): Promise<string | undefined>;
