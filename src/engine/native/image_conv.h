#pragma once
#include "activation.h"

/**
 * Nearest upsampling ×2, dropout of every fine pixel's channels, and a 5×5 convolution to the few channels of an image. The
 * fine grid exists for one image at a time, in the cache. The dropout mask has the order of the coarse grid with
 * (row parity, column parity, channel) innermost.
 */
namespace stylograph {
namespace STYLOGRAPH_ISA {

constexpr int IMAGE_TAPS = 5, IMAGE_BORDER = 2;

struct ImageSizes {
  int height, width, padded, channels;
  /** Floats of the fine grid with its border. */
  size_t fine;
  explicit ImageSizes(const ImageConvShape& s)
      : height(2 * s.height), width(2 * s.width), padded(width + 2 * IMAGE_BORDER), channels(roundUp(s.channels, LANES)),
        fine(static_cast<size_t>(height + 2 * IMAGE_BORDER) * padded * channels) {}
  float* pixel(float* grid, int i, int j) const {
    return grid + (static_cast<size_t>(i + IMAGE_BORDER) * padded + j + IMAGE_BORDER) * channels;
  }
};

/** Factors of one image's mask, in the mask's order; null without dropout. */
inline const float* maskFactors(const ImageConvShape& s, const Dropout& dropout, const MaskBytes& mask, int image,
                                Workspace& workspace) {
  static thread_local std::vector<uint8_t> room;
  if (dropout.dropped == 0) return nullptr;
  const size_t count = static_cast<size_t>(s.height) * s.width * 4 * s.channels;
  const uint8_t* bytes = drawStretch(mask, static_cast<uint64_t>(image) * count, count, room);
  float* factors = workspace.floats(count + LANES);
  const Vector scale = Vector{} + keepScale(dropout);
  for (size_t i = 0; i < count; i += LANES) {
    store(factors + i, loadBytes(bytes + i) < dropout.dropped ? Vector{} : scale);
  }
  return factors;
}

inline void fillFine(const ImageConvShape& s, const ImageSizes& z, const float* x, const float* factors, float* grid) {
  std::fill(grid, grid + z.fine, 0.f);
  for (int i = 0; i < z.height; i++) {
    for (int j = 0; j < z.width; j++) {
      const int coarse = i / 2 * s.width + j / 2, parity = i % 2 * 2 + j % 2;
      const float* from = x + static_cast<ptrdiff_t>(coarse) * s.channels;
      float* to = z.pixel(grid, i, j);
      if (factors == nullptr) std::copy(from, from + s.channels, to);
      else {
        const float* factor = factors + (static_cast<ptrdiff_t>(coarse) * 4 + parity) * s.channels;
        for (int c = 0; c < s.channels; c += LANES) {
          const int some = std::min(LANES, s.channels - c);
          storeSome(to + c, loadSome(from + c, some) * loadSome(factor + c, some), some);
        }
      }
    }
  }
}

/** The kernel for one filter: 25 rows of padded channels. */
inline void kernelOf(const ImageConvShape& s, const ImageSizes& z, const float* kernel, int filter, float* w) {
  std::fill(w, w + static_cast<size_t>(IMAGE_TAPS * IMAGE_TAPS) * z.channels, 0.f);
  for (int tap = 0; tap < IMAGE_TAPS * IMAGE_TAPS; tap++) {
    for (int c = 0; c < s.channels; c++) {
      w[static_cast<size_t>(tap) * z.channels + c] = kernel[(static_cast<size_t>(tap) * s.channels + c) * s.filters + filter];
    }
  }
}

/** Pixels of a row that are computed together, in two rows at once if that is faster. */
constexpr int ABREAST = 4;

/** y = conv(dropout(upsample(x)), kernel); kernel 5 × 5 × channels × filters; sides of the fine grid are multiples of 4. */
inline void imageConv(const ImageConvShape& s, const Dropout& dropout, const float* x, const float* kernel, float* y) {
  const ImageSizes z(s);
  const MaskBytes mask(dropout);
  const size_t taps = static_cast<size_t>(IMAGE_TAPS * IMAGE_TAPS) * z.channels;
  std::vector<float> weights(taps * s.filters);
  for (int filter = 0; filter < s.filters; filter++) kernelOf(s, z, kernel, filter, weights.data() + filter * taps);
  const ptrdiff_t rowLength = static_cast<ptrdiff_t>(z.padded) * z.channels;
  parallelFor(s.batch, [&](int b, int) {
    static thread_local Workspace fine, factors;
    float* grid = fine.floats(z.fine);
    fillFine(s, z, x + static_cast<ptrdiff_t>(b) * s.height * s.width * s.channels,
             maskFactors(s, dropout, mask, b, factors), grid);
    float* out = y + static_cast<ptrdiff_t>(b) * z.height * z.width * s.filters;
    for (int filter = 0; filter < s.filters; filter++) {
      const float* w = weights.data() + filter * taps;
      for (int i = 0; i < z.height; i += 2) {
        for (int j = 0; j < z.width; j += ABREAST) {
          Vector sums[2][ABREAST] = {};
          for (int c = 0; c < z.channels; c += LANES) {
            for (int r = 0; r < IMAGE_TAPS; r++) {
              const float* row = z.pixel(grid, i + r - IMAGE_BORDER, j - IMAGE_BORDER) + c;
              const float* below = row + rowLength;
#pragma GCC unroll 5
              for (int t = 0; t < IMAGE_TAPS; t++) {
                const Vector tap = load(w + static_cast<size_t>(r * IMAGE_TAPS + t) * z.channels + c);
#pragma GCC unroll 4
                for (int k = 0; k < ABREAST; k++) {
                  sums[0][k] += load(row + static_cast<ptrdiff_t>(t + k) * z.channels) * tap;
                  sums[1][k] += load(below + static_cast<ptrdiff_t>(t + k) * z.channels) * tap;
                }
              }
            }
          }
          for (int k = 0; k < 2 * ABREAST; k++) {
            const ptrdiff_t pixel = static_cast<ptrdiff_t>(i + k / ABREAST) * z.width + j + k % ABREAST;
            out[pixel * s.filters + filter] = sum(sums[k / ABREAST][k % ABREAST]);
          }
        }
      }
    }
  });
}

/** dx from dy. */
inline void imageConvInputGradient(const ImageConvShape& s, const Dropout& dropout, const float* dy, const float* kernel,
                                   float* dx) {
  const ImageSizes z(s);
  const MaskBytes mask(dropout);
  const size_t taps = static_cast<size_t>(IMAGE_TAPS * IMAGE_TAPS) * z.channels;
  std::vector<float> weights(taps * s.filters);
  for (int filter = 0; filter < s.filters; filter++) kernelOf(s, z, kernel, filter, weights.data() + filter * taps);
  const size_t borderedSize = static_cast<size_t>(z.height + 2 * IMAGE_BORDER) * z.padded;
  parallelFor(s.batch, [&](int b, int) {
    static thread_local Workspace borders, factorRoom, row;
    float* bordered = borders.floats(borderedSize * s.filters);
    std::fill(bordered, bordered + borderedSize * s.filters, 0.f);
    for (int filter = 0; filter < s.filters; filter++) {
      for (int i = 0; i < z.height; i++) {
        for (int j = 0; j < z.width; j++) {
          bordered[filter * borderedSize + static_cast<size_t>(i + IMAGE_BORDER) * z.padded + j + IMAGE_BORDER] =
              dy[((static_cast<ptrdiff_t>(b) * z.height + i) * z.width + j) * s.filters + filter];
        }
      }
    }
    const float* factors = maskFactors(s, dropout, mask, b, factorRoom);
    float* out = dx + static_cast<ptrdiff_t>(b) * s.height * s.width * s.channels;
    std::fill(out, out + static_cast<ptrdiff_t>(s.height) * s.width * s.channels, 0.f);
    float* sums = row.floats(static_cast<size_t>(ABREAST) * z.channels);
    for (int i = 0; i < z.height; i++) {
      for (int j = 0; j < z.width; j += ABREAST) {
        for (int c = 0; c < z.channels; c += LANES) {
          Vector d[ABREAST] = {};
          for (int filter = 0; filter < s.filters; filter++) {
            const float* w = weights.data() + filter * taps + c;
            for (int r = 0; r < IMAGE_TAPS; r++) {
              const float* from = bordered + filter * borderedSize + static_cast<size_t>(i + 2 * IMAGE_BORDER - r) * z.padded + j + 2 * IMAGE_BORDER;
#pragma GCC unroll 5
              for (int t = 0; t < IMAGE_TAPS; t++) {
                const Vector tap = load(w + static_cast<size_t>(r * IMAGE_TAPS + t) * z.channels);
#pragma GCC unroll 4
                for (int k = 0; k < ABREAST; k++) d[k] += tap * from[k - t];
              }
            }
          }
          for (int k = 0; k < ABREAST; k++) store(sums + static_cast<size_t>(k) * z.channels + c, d[k]);
        }
        for (int k = 0; k < ABREAST; k++) {
          const int coarse = i / 2 * s.width + (j + k) / 2, parity = i % 2 * 2 + (j + k) % 2;
          const float* d = sums + static_cast<size_t>(k) * z.channels;
          float* to = out + static_cast<ptrdiff_t>(coarse) * s.channels;
          if (factors == nullptr) for (int c = 0; c < s.channels; c++) to[c] += d[c];
          else {
            const float* factor = factors + (static_cast<ptrdiff_t>(coarse) * 4 + parity) * s.channels;
            for (int c = 0; c < s.channels; c += LANES) {
              const int some = std::min(LANES, s.channels - c);
              storeSome(to + c, loadSome(to + c, some) + load(d + c) * loadSome(factor + c, some), some);
            }
          }
        }
      }
    }
  });
}

/** dKernel from x and dy. */
inline void imageConvFilterGradient(const ImageConvShape& s, const Dropout& dropout, const float* x, const float* dy,
                                    float* dKernel) {
  const ImageSizes z(s);
  const MaskBytes mask(dropout);
  const size_t taps = static_cast<size_t>(IMAGE_TAPS * IMAGE_TAPS) * z.channels, partSize = taps * s.filters;
  std::vector<float> parts(PARTS * partSize, 0.f);
  parallelFor(PARTS, [&](int part, int) {
    static thread_local Workspace fine, factors;
    float* grid = fine.floats(z.fine);
    for (int b = s.batch * part / PARTS; b < s.batch * (part + 1) / PARTS; b++) {
      fillFine(s, z, x + static_cast<ptrdiff_t>(b) * s.height * s.width * s.channels,
               maskFactors(s, dropout, mask, b, factors), grid);
      const float* d = dy + static_cast<ptrdiff_t>(b) * z.height * z.width * s.filters;
      for (int filter = 0; filter < s.filters; filter++) {
        float* w = parts.data() + part * partSize + filter * taps;
        for (int c = 0; c < z.channels; c += LANES) {
          for (int r = 0; r < IMAGE_TAPS; r++) {
            Vector sums[IMAGE_TAPS];
            for (int t = 0; t < IMAGE_TAPS; t++) sums[t] = load(w + static_cast<size_t>(r * IMAGE_TAPS + t) * z.channels + c);
            for (int i = 0; i < z.height; i++) {
              const float* row = z.pixel(grid, i + r - IMAGE_BORDER, -IMAGE_BORDER) + c;
              for (int j = 0; j < z.width; j++) {
                const float value = d[(static_cast<ptrdiff_t>(i) * z.width + j) * s.filters + filter];
#pragma GCC unroll 5
                for (int t = 0; t < IMAGE_TAPS; t++) sums[t] += load(row + static_cast<ptrdiff_t>(j + t) * z.channels) * value;
              }
            }
            for (int t = 0; t < IMAGE_TAPS; t++) store(w + static_cast<size_t>(r * IMAGE_TAPS + t) * z.channels + c, sums[t]);
          }
        }
      }
    }
  });
  for (int tap = 0; tap < IMAGE_TAPS * IMAGE_TAPS; tap++) {
    for (int c = 0; c < s.channels; c++) {
      for (int filter = 0; filter < s.filters; filter++) {
        float total = 0;
        for (int part = 0; part < PARTS; part++) {
          total += parts[part * partSize + filter * taps + static_cast<size_t>(tap) * z.channels + c];
        }
        dKernel[(static_cast<size_t>(tap) * s.channels + c) * s.filters + filter] = total;
      }
    }
  }
}

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
