/** Path of the peers' python; makes its virtual environment when it is missing. */
export declare function ensurePeerEnvironment(): Promise<string>;
