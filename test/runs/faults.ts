/** Seeds that make the fake run child do something wrong at its fifth iteration. */
export const FAULTS = { crash: 101, diverge: 102, fillDisk: 103, deaf: 104 };
