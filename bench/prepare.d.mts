/** Installs what is missing, compiles src/, and sets REDIS_SERVER. */
export declare function prepare(): Promise<void>;
