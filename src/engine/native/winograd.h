#pragma once
#include <algorithm>

#include "compute.h"
#include "gemm.h"
#include "parallel.h"

/**
 * 3×3 convolutions of stride 1 by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016): a tile of 4×4 outputs
 * is computed from 6×6 inputs with 36 products per pair of channels instead of 144. The products are 36 matrix products over
 * tiles and channels. A block of tiles is transformed, multiplied and transformed back while it is in the cache.
 *
 * Nearest upsampling ×2 before a 5×5 convolution is four such convolutions, one for each parity of the output's row and
 * column. Their 3 taps per dimension are sums of the 5.
 */
namespace stylograph {
namespace STYLOGRAPH_ISA {

constexpr int OUT = 4, IN = 6, POINTS = IN * IN;

/**
 * The filtering evaluates polynomials at 0, ±A, ±B and ∞. With ±1 and ±2, the usual points, results are four times less
 * accurate (Alam et al. 2022 choose points by accuracy).
 */
constexpr float A = 0.70710678f, B = 1.41421356f;

/**
 * Floats between one point's values and the next's. A tile is read from or written to all 36 at once. At a distance of a power
 * of two they would share one set of the cache and evict each other, so the distance is 3 cache lines more.
 */
constexpr size_t pointDistance(size_t size) { return (size + 15) / 16 * 16 + 48; }

/** Bᵀ·d for six vectors. */
inline void inputTransform(const Vector d[IN], Vector t[IN]) {
  const Vector evenA = d[4] - d[2] * 2.f, oddA = (d[3] - d[1] * 2.f) * A;
  const Vector evenB = d[4] - d[2] * .5f, oddB = (d[3] - d[1] * .5f) * B;
  t[0] = d[0] - d[2] * 2.5f + d[4];
  t[1] = evenA + oddA;
  t[2] = evenA - oddA;
  t[3] = evenB + oddB;
  t[4] = evenB - oddB;
  t[5] = d[1] - d[3] * 2.5f + d[5];
}

/** Aᵀ·m: six products to four outputs. */
inline void outputTransform(const Vector m[IN], Vector y[OUT]) {
  const Vector sumA = m[1] + m[2], differenceA = (m[1] - m[2]) * A;
  const Vector sumB = m[3] + m[4], differenceB = (m[3] - m[4]) * B;
  y[0] = m[0] + sumA + sumB;
  y[1] = differenceA + differenceB;
  y[2] = sumA * .5f + sumB * 2.f;
  y[3] = differenceA * .5f + differenceB * 2.f + m[5];
}

/** A·y, the adjoint of `outputTransform`. */
inline void outputTransformAdjoint(const Vector y[OUT], Vector m[IN]) {
  const Vector evenA = y[0] + y[2] * .5f, oddA = (y[1] + y[3] * .5f) * A;
  const Vector evenB = y[0] + y[2] * 2.f, oddB = (y[1] + y[3] * 2.f) * B;
  m[0] = y[0];
  m[1] = evenA + oddA;
  m[2] = evenA - oddA;
  m[3] = evenB + oddB;
  m[4] = evenB - oddB;
  m[5] = y[3];
}

/** Output parities and taps per dimension of a convolution or its upsampling form. */
struct KernelForm {
  int parities, taps;
  /** For the gradient with respect to the input, which uses the taps in reverse. */
  bool flipped;
  KernelForm(bool upsample, bool flipped) : parities(upsample ? 2 : 1), taps(upsample ? 5 : 3), flipped(flipped) {}
};

/** Taps of one dimension at the six points, for outputs of a parity: G times the taps; of 5 taps, those on the same coarse pixel are summed. */
inline void kernelPoints(const KernelForm& form, int parity, const Vector* w, Vector u[IN]) {
  Vector t0 = w[0], t1 = w[1], t2 = w[2];
  if (form.parities == 2) {
    t0 = parity == 0 ? w[0] + w[1] : w[0];
    t1 = parity == 0 ? w[2] + w[3] : w[1] + w[2];
    t2 = parity == 0 ? w[4] : w[3] + w[4];
  }
  if (form.flipped) {
    const Vector first = t0;
    t0 = t2;
    t2 = first;
  }
  const Vector evenA = (t0 + t2 * .5f) * (-1 / 1.5f), oddA = t1 * (-A / 1.5f);
  const Vector evenB = (t0 + t2 * 2.f) * (1 / 6.f), oddB = t1 * (B / 6.f);
  u[0] = t0;
  u[1] = evenA + oddA;
  u[2] = evenA - oddA;
  u[3] = evenB + oddB;
  u[4] = evenB - oddB;
  u[5] = t2;
}

/** The adjoint of `kernelPoints`, unflipped: adds to the taps' gradients. */
inline void kernelPointsAdjoint(const KernelForm& form, int parity, const Vector u[IN], Vector* w) {
  const Vector evenA = (u[1] + u[2]) * (-1 / 1.5f), oddA = (u[1] - u[2]) * (-A / 1.5f);
  const Vector evenB = (u[3] + u[4]) * (1 / 6.f), oddB = (u[3] - u[4]) * (B / 6.f);
  const Vector t0 = u[0] + evenA + evenB, t1 = oddA + oddB, t2 = u[5] + evenA * .5f + evenB * 2.f;
  if (form.parities == 1) {
    w[0] += t0;
    w[1] += t1;
    w[2] += t2;
  } else if (parity == 0) {
    w[0] += t0;
    w[1] += t0;
    w[2] += t1;
    w[3] += t1;
    w[4] += t2;
  } else {
    w[0] += t0;
    w[1] += t1;
    w[2] += t1;
    w[3] += t2;
    w[4] += t2;
  }
}

/**
 * The kernel at the 36 points, each as panels of K × N. `rows` × `lanes` are the kernel's last two dimensions. Output
 * parities extend N, or K if `parityInK`.
 */
inline void transformKernel(const KernelForm& form, const float* kernel, int rows, int lanes, bool parityInK,
                            float* U) {
  const int parities2 = form.parities * form.parities;
  const int K = parityInK ? rows * parities2 : rows, N = parityInK ? lanes : lanes * parities2;
  const size_t pointSize = pointDistance(panelSize(K, N));
  parallelFor(rows, [&](int row, int) {
    for (int lane = 0; lane < lanes; lane += LANES) {
      const int some = std::min(LANES, lanes - lane);
      // Columns of taps first: [tap of the row][tap of the column].
      Vector w[5][5];
      for (int r = 0; r < form.taps; r++) {
        for (int s = 0; s < form.taps; s++) {
          w[s][r] = loadSome(kernel + (static_cast<size_t>(r * form.taps + s) * rows + row) * lanes + lane, some);
        }
      }
      for (int p = 0; p < form.parities; p++) {
        Vector half[IN][5];
        for (int s = 0; s < form.taps; s++) {
          Vector u[IN];
          kernelPoints(form, p, w[s], u);
          for (int a = 0; a < IN; a++) half[a][s] = u[a];
        }
        for (int q = 0; q < form.parities; q++) {
          const int parity = p * form.parities + q;
          const int k = parityInK ? parity * rows + row : row;
          const int n = parityInK ? lane : parity * lanes + lane;
          for (int a = 0; a < IN; a++) {
            Vector u[IN];
            kernelPoints(form, q, half[a], u);
            for (int b = 0; b < IN; b++) {
              float* point = U + (a * IN + b) * pointSize;
              if (n % LANES == 0 && some == LANES) store(point + panelIndex(K, k, n), u[b]);
              else for (int i = 0; i < some; i++) point[panelIndex(K, k, n + i)] = u[b][i];
            }
          }
        }
      }
    }
  });
}

/** Channels that are contiguous at every pixel of a grid. */
struct ChannelGroup {
  const float* base;
  ptrdiff_t image, row, column;
  int count;
};

/** x's channels and then its planes. */
inline std::vector<ChannelGroup> groupsOfInput(const ConvShape& s, const float* x, const float* planes) {
  const ptrdiff_t row = static_cast<ptrdiff_t>(s.width) * s.channels;
  std::vector<ChannelGroup> groups{{x, s.height * row, row, s.channels, s.channels}};
  if (s.planes > 0) groups.push_back({planes, s.planes, 0, 0, s.planes});
  return groups;
}

/** y's channels; on a fine grid once per parity, as channels of the coarse grid. */
inline std::vector<ChannelGroup> groupsOfOutput(const ConvShape& s, const float* y) {
  const int fine = s.upsample ? 2 : 1;
  const ptrdiff_t column = s.filters, row = static_cast<ptrdiff_t>(fine) * s.width * column;
  std::vector<ChannelGroup> groups;
  for (int p = 0; p < fine; p++) {
    for (int q = 0; q < fine; q++) {
      groups.push_back({y + p * row + q * column, fine * s.height * row, fine * row, fine * column, s.filters});
    }
  }
  return groups;
}

struct Tiles {
  int height, width, down, across, count;
  explicit Tiles(const ConvShape& s)
      : height(s.height), width(s.width), down(divideUp(s.height, OUT)), across(divideUp(s.width, OUT)),
        count(s.batch * down * across) {}
  void locate(int tile, int& image, int& top, int& left) const {
    image = tile / (down * across);
    top = tile / across % down * OUT;
    left = tile % across * OUT;
  }
};

/** A tile's inputs at the 36 points: `put(point, channel, lanes, value)` receives them. */
template <class Put>
inline void transformInputTile(const Tiles& tiles, int tile, const std::vector<ChannelGroup>& groups, Put put) {
  int image, top, left, channel = 0;
  tiles.locate(tile, image, top, left);
  for (const ChannelGroup& group : groups) {
    const float* base = group.base + image * group.image;
    for (int c = 0; c < group.count; c += LANES) {
      const int some = std::min(LANES, group.count - c);
      Vector half[IN][IN];
      for (int j = 0; j < IN; j++) {
        const int column = left + j - 1;
        Vector d[IN], t[IN];
        for (int i = 0; i < IN; i++) {
          const int row = top + i - 1;
          const bool inside = row >= 0 && row < tiles.height && column >= 0 && column < tiles.width;
          d[i] = inside ? loadSome(base + row * group.row + column * group.column + c, some) : Vector{};
        }
        inputTransform(d, t);
        for (int i = 0; i < IN; i++) half[i][j] = t[i];
      }
      for (int i = 0; i < IN; i++) {
        Vector t[IN];
        inputTransform(half[i], t);
        for (int j = 0; j < IN; j++) put(i * IN + j, channel + c, some, t[j]);
      }
    }
    channel += group.count;
  }
}

/** A tile's output gradients at the 36 points, the adjoint of the output transform. */
template <class Put>
inline void transformOutputGradientTile(const Tiles& tiles, int tile, const std::vector<ChannelGroup>& groups, Put put) {
  int image, top, left, channel = 0;
  tiles.locate(tile, image, top, left);
  for (const ChannelGroup& group : groups) {
    const float* base = group.base + image * group.image;
    for (int c = 0; c < group.count; c += LANES) {
      const int some = std::min(LANES, group.count - c);
      Vector half[IN][OUT];
      for (int j = 0; j < OUT; j++) {
        Vector y[OUT], m[IN];
        for (int i = 0; i < OUT; i++) {
          const bool inside = top + i < tiles.height && left + j < tiles.width;
          y[i] = inside ? loadSome(base + (top + i) * group.row + (left + j) * group.column + c, some) : Vector{};
        }
        outputTransformAdjoint(y, m);
        for (int i = 0; i < IN; i++) half[i][j] = m[i];
      }
      for (int i = 0; i < IN; i++) {
        Vector m[IN];
        outputTransformAdjoint(half[i], m);
        for (int j = 0; j < IN; j++) put(i * IN + j, channel + c, some, m[j]);
      }
    }
    channel += group.count;
  }
}

/** Columns of the product that are transformed back at once. */
constexpr int CHUNK = 64 / PANEL > 0 ? 64 / PANEL * PANEL : PANEL;
/** The most floats of transformed input per block of tiles, so that block and chunk stay in the second-level cache. */
constexpr int BLOCK_FLOATS = 230000;

/** Products of transformed inputs with U (K × N at each point), transformed back and written to the groups of the result. */
inline void multiplyTiles(const ConvShape& s, const std::vector<ChannelGroup>& from, int K, const float* U, int N,
                          const std::vector<ChannelGroup>& to) {
  static thread_local Workspace inputs, products;
  const Tiles tiles(s);
  const int rowLength = roundUp(K, LANES);
  const int largest = std::clamp(BLOCK_FLOATS / (POINTS * rowLength) / TILE_ROWS * TILE_ROWS, TILE_ROWS, 96);
  const int blocks = roundUp(divideUp(tiles.count, largest), std::min(threadCount(), tiles.count));
  const int block = divideUp(tiles.count, blocks);
  const size_t pointSize = pointDistance(panelSize(K, N));
  parallelFor(divideUp(tiles.count, block), [&](int index, int) {
    const int first = index * block, rows = std::min(block, tiles.count - first);
    const size_t pointV = pointDistance(static_cast<size_t>(block) * rowLength);
    const size_t pointM = pointDistance(static_cast<size_t>(block) * CHUNK);
    float* V = inputs.floats(POINTS * pointV);
    float* M = products.floats(POINTS * pointM);
    for (int t = 0; t < rows; t++) {
      transformInputTile(tiles, first + t, from, [&](int point, int channel, int some, Vector value) {
        storeSome(V + point * pointV + static_cast<size_t>(t) * rowLength + channel, value, some);
      });
    }
    for (int n0 = 0; n0 < N; n0 += CHUNK) {
      const int columns = std::min(CHUNK, N - n0);
      for (int point = 0; point < POINTS; point++) {
        gemm(rows, columns, K, V + point * pointV, rowLength, 1, U + point * pointSize + static_cast<size_t>(n0) * K,
             M + point * pointM, CHUNK, false);
      }
      for (int t = 0; t < rows; t++) {
        int image, top, left;
        tiles.locate(first + t, image, top, left);
        const int bottom = std::min(OUT, s.height - top), right = std::min(OUT, s.width - left);
        int channel = 0;
        for (const ChannelGroup& group : to) {
          const int begin = std::max(channel, n0), end = std::min(channel + group.count, n0 + columns);
          for (int n = begin; n < end; n += LANES) {
            const int some = std::min(LANES, end - n);
            Vector half[OUT][IN], y[OUT];
            for (int j = 0; j < IN; j++) {
              Vector m[IN];
              for (int i = 0; i < IN; i++) {
                m[i] = loadSome(M + (i * IN + j) * pointM + static_cast<size_t>(t) * CHUNK + (n - n0), some);
              }
              outputTransform(m, y);
              for (int i = 0; i < OUT; i++) half[i][j] = y[i];
            }
            float* base = const_cast<float*>(group.base) + image * group.image + (n - channel);
            for (int i = 0; i < bottom; i++) {
              outputTransform(half[i], y);
              for (int j = 0; j < right; j++) {
                storeSome(base + (top + i) * group.row + (left + j) * group.column, y[j], some);
              }
            }
          }
          channel += group.count;
        }
      }
    }
  });
}

/** y = conv(x ‖ planes, kernel); kernel: 3×3 or, upsampling, 5×5 × (channels + planes) × filters. */
inline void winogradConv(const ConvShape& s, const float* x, const float* planes, const float* kernel, float* y) {
  static thread_local Workspace transformed;
  const KernelForm form(s.upsample, false);
  const int K = s.channels + s.planes, N = s.filters * form.parities * form.parities;
  float* U = transformed.floats(POINTS * pointDistance(panelSize(K, N)));
  transformKernel(form, kernel, K, s.filters, false, U);
  multiplyTiles(s, groupsOfInput(s, x, planes), K, U, N, groupsOfOutput(s, y));
}

/** dx from dy, only for x's channels: correlation with the flipped kernel, channel dimensions exchanged. */
inline void winogradInputGradient(const ConvShape& s, const float* dy, const float* kernel, float* dx) {
  static thread_local Workspace transformed, exchanged;
  const KernelForm form(s.upsample, true);
  const int inputs = s.channels + s.planes, taps = form.taps * form.taps;
  float* swapped = exchanged.floats(static_cast<size_t>(taps) * s.filters * s.channels);
  parallelFor(taps, [&](int tap, int) {
    for (int d = 0; d < s.filters; d++) {
      for (int c = 0; c < s.channels; c++) {
        swapped[(static_cast<size_t>(tap) * s.filters + d) * s.channels + c] =
            kernel[(static_cast<size_t>(tap) * inputs + c) * s.filters + d];
      }
    }
  });
  const int K = s.filters * form.parities * form.parities;
  float* U = transformed.floats(POINTS * pointDistance(panelSize(K, s.channels)));
  transformKernel(form, swapped, s.filters, s.channels, true, U);
  ConvShape withoutPlanes = s;
  withoutPlanes.planes = 0;
  multiplyTiles(s, groupsOfOutput(s, dy), K, U, s.channels, groupsOfInput(withoutPlanes, dx, nullptr));
}

/** Tiles whose products are summed at once. */
constexpr int SUMMED_TILES = 128;

/** dKernel = Σ over tiles of transformed inputs times transformed output gradients, transformed back to the taps. */
inline void winogradFilterGradient(const ConvShape& s, const float* x, const float* planes, const float* dy,
                                   float* dKernel) {
  static thread_local Workspace inputs, outputs, sums;
  const KernelForm form(s.upsample, false);
  const Tiles tiles(s);
  const std::vector<ChannelGroup> from = groupsOfInput(s, x, planes), to = groupsOfOutput(s, dy);
  const int C = s.channels + s.planes, N = s.filters * form.parities * form.parities;
  const int rowLength = roundUp(C, LANES), columns = roundUp(N, PANEL);
  const size_t pointV = pointDistance(static_cast<size_t>(SUMMED_TILES) * rowLength);
  const size_t pointM = pointDistance(panelSize(SUMMED_TILES, N));
  const size_t pointU = pointDistance(static_cast<size_t>(C) * columns);
  float* V = inputs.floats(POINTS * pointV);
  float* M = outputs.floats(POINTS * pointM);
  float* U = sums.floats(POINTS * pointU);
  for (int first = 0; first < tiles.count; first += SUMMED_TILES) {
    const int steps = std::min(SUMMED_TILES, tiles.count - first);
    constexpr int PIECE = 8;
    parallelFor(divideUp(steps, PIECE), [&](int piece, int) {
      for (int k = piece * PIECE; k < std::min(steps, (piece + 1) * PIECE); k++) {
        transformInputTile(tiles, first + k, from, [&](int point, int channel, int some, Vector value) {
          storeSome(V + point * pointV + static_cast<size_t>(k) * rowLength + channel, value, some);
        });
        transformOutputGradientTile(tiles, first + k, to, [&](int point, int n, int some, Vector value) {
          float* panels = M + point * pointM;
          if (n % LANES == 0 && some == LANES) store(panels + panelIndex(steps, k, n), value);
          else for (int i = 0; i < some; i++) panels[panelIndex(steps, k, n + i)] = value[i];
        });
      }
    });
    parallelFor(POINTS, [&](int point, int) {
      gemm(C, N, steps, V + point * pointV, 1, rowLength, M + point * pointM, U + point * pointU, columns, first > 0);
    });
  }
  parallelFor(C, [&](int c, int) {
    for (int d = 0; d < s.filters; d += LANES) {
      const int some = std::min(LANES, s.filters - d);
      // [tap of the column][tap of the row], as in transformKernel.
      Vector w[5][5] = {};
      for (int p = 0; p < form.parities; p++) {
        Vector half[5][IN] = {};
        for (int q = 0; q < form.parities; q++) {
          const int n = (p * form.parities + q) * s.filters + d;
          for (int a = 0; a < IN; a++) {
            Vector u[IN], taps[5] = {};
            for (int b = 0; b < IN; b++) {
              u[b] = loadSome(U + (a * IN + b) * pointU + static_cast<size_t>(c) * columns + n, some);
            }
            kernelPointsAdjoint(form, q, u, taps);
            for (int tap = 0; tap < form.taps; tap++) half[tap][a] += taps[tap];
          }
        }
        for (int tap = 0; tap < form.taps; tap++) kernelPointsAdjoint(form, p, half[tap], w[tap]);
      }
      for (int r = 0; r < form.taps; r++) {
        for (int tap = 0; tap < form.taps; tap++) {
          storeSome(dKernel + (static_cast<size_t>(r * form.taps + tap) * C + c) * s.filters + d, w[tap][r], some);
        }
      }
    }
  });
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
