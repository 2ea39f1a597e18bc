/** Arrays a picture is drawn from; pixels are bytes, 255 is ink, images one after another. */
export type SampleSheet =
  | { kind: 'labels'; pixels: Uint8Array; count: number }
  | { kind: 'reconstructions'; originals: Uint8Array; reconstructions: Uint8Array; count: number }
  /** Row-major grid: rows follow the second latent dimension, columns the first. */
  | { kind: 'manifold'; label: number; size: number; pixels: Uint8Array }
  /** `points`: n × 2, the first two dimensions of z means. */
  | { kind: 'scatter'; label: number; points: Float32Array };
