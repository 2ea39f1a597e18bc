/** What the tests of docker/ and docs/deploy/ check with; undefined where it cannot be had. */
export declare function findDeployTools(): Promise<{ bin: string | undefined; compose: string | undefined }>;
