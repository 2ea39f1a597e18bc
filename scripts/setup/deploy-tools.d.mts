/** What the tests of docker/ and docs/deploy/ check with; undefined where it cannot be had. */
export declare function findDeployTools(): Promise<
  Record<'bin' | 'compose' | 'kustomize', string | undefined>
>;
