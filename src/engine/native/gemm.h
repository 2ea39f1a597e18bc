#pragma once
#include "vector.h"

namespace stylograph {
namespace STYLOGRAPH_ISA {

/** Columns per panel: B is stored as panels of this many columns, each K × PANEL and contiguous. */
constexpr int PANEL = 2 * LANES;
/** Rows of C that fit into the registers together with two vectors of B. */
constexpr int TILE_ROWS = LANES == 16 ? 12 : 6;

/** Floats of a K × N matrix stored as panels. */
inline size_t panelSize(int K, int N) { return static_cast<size_t>(K) * roundUp(N, PANEL); }
/** Offset of element (k, n). */
inline size_t panelIndex(int K, int k, int n) {
  return static_cast<size_t>(n / PANEL) * K * PANEL + static_cast<size_t>(k) * PANEL + n % PANEL;
}

template <int M>
inline void gemmTile(int K, const float* A, ptrdiff_t rowStride, ptrdiff_t stepStride, const float* B, float* C,
                     ptrdiff_t ldc, bool add) {
  Vector c0[M], c1[M];
#pragma GCC unroll 12
  for (int m = 0; m < M; m++) {
    c0[m] = add ? load(C + m * ldc) : Vector{};
    c1[m] = add ? load(C + m * ldc + LANES) : Vector{};
  }
  for (int k = 0; k < K; k++) {
    const Vector b0 = load(B), b1 = load(B + LANES);
    B += PANEL;
#pragma GCC unroll 12
    for (int m = 0; m < M; m++) {
      const float a = A[m * rowStride];
      c0[m] += b0 * a;
      c1[m] += b1 * a;
    }
    A += stepStride;
  }
#pragma GCC unroll 12
  for (int m = 0; m < M; m++) {
    store(C + m * ldc, c0[m]);
    store(C + m * ldc + LANES, c1[m]);
  }
}

template <int M>
inline void gemmRest(int rows, int K, const float* A, ptrdiff_t rowStride, ptrdiff_t stepStride, const float* B,
                     float* C, ptrdiff_t ldc, bool add) {
  if constexpr (M > 0) {
    if (rows == M) gemmTile<M>(K, A, rowStride, stepStride, B, C, ldc, add);
    else gemmRest<M - 1>(rows, K, A, rowStride, stepStride, B, C, ldc, add);
  }
}

/**
 * C = A·B, or C += A·B: A is M × K with element (m, k) at m·rowStride + k·stepStride, B is panels of N columns, C is
 * row-major with room for whole panels in each row.
 */
inline void gemm(int M, int N, int K, const float* A, ptrdiff_t rowStride, ptrdiff_t stepStride, const float* B,
                 float* C, ptrdiff_t ldc, bool add) {
  for (int n = 0; n < N; n += PANEL) {
    const float* panel = B + static_cast<size_t>(n) * K;
    int m = 0;
    for (; m + TILE_ROWS <= M; m += TILE_ROWS) {
      gemmTile<TILE_ROWS>(K, A + m * rowStride, rowStride, stepStride, panel, C + m * ldc + n, ldc, add);
    }
    gemmRest<TILE_ROWS - 1>(M - m, K, A + m * rowStride, rowStride, stepStride, panel, C + m * ldc + n, ldc, add);
  }
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
