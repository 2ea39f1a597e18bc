#pragma once
#include "compute.h"
#include "vector.h"

/**
 * Philox 4×32 with ten rounds (Salmon et al. 2011), keyed and counted as TensorFlow's stateless generators are: the bytes
 * are those of StatelessRandomUniformFullInt for the same seed, so masks drawn here and there are the same.
 */
namespace stylograph {
namespace STYLOGRAPH_ISA {

/** Bytes that are drawn at a time: 16 for each lane. */
constexpr int MASK_BYTES = 16 * LANES;

/** The ten rounds on a counter a lane. */
inline void philox(Words w[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    Words high0, low0, high1, low1;
    multiplyHighLow(w[0], 0xD2511F53u, high0, low0);
    multiplyHighLow(w[2], 0xCD9E8D57u, high1, low1);
    w[0] = high1 ^ w[1] ^ key0;
    w[1] = low1;
    w[2] = high0 ^ w[3] ^ key1;
    w[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

class MaskBytes {
 public:
  explicit MaskBytes(const Dropout& dropout) {
    // TensorFlow scrambles a seed by one draw before it becomes key and counter.
    const int64_t seed0 = dropout.seed[0], seed1 = dropout.seed[1];
    Words w[4] = {Words{} + static_cast<uint32_t>(seed0), Words{} + static_cast<uint32_t>(seed0 >> 32),
                  Words{} + static_cast<uint32_t>(seed1), Words{} + static_cast<uint32_t>(seed1 >> 32)};
    philox(w, 0x3ec8f720u, 0x02461e29u);
    key_[0] = w[0][0];
    key_[1] = w[1][0];
    high_[0] = w[2][0];
    high_[1] = w[3][0];
  }

  /** The bytes from index·MASK_BYTES of the stream on. */
  void draw(uint64_t index, uint8_t* bytes) const {
    const uint64_t first = index * LANES;
    Words w[4] = {{}, Words{} + static_cast<uint32_t>(first >> 32), Words{} + high_[0], Words{} + high_[1]};
    for (int lane = 0; lane < LANES; lane++) w[0][lane] = static_cast<uint32_t>(first) + static_cast<uint32_t>(lane);
    philox(w, key_[0], key_[1]);
    uint32_t ordered[4 * LANES];
    for (int lane = 0; lane < LANES; lane++) {
      for (int word = 0; word < 4; word++) ordered[4 * lane + word] = w[word][lane];
    }
    std::memcpy(bytes, ordered, MASK_BYTES);
  }

 private:
  uint32_t key_[2];
  uint32_t high_[2];
};

/** The bytes of a stretch of the stream that starts and ends anywhere; they lie in `bytes`, with a vector to spare. */
inline const uint8_t* drawStretch(const MaskBytes& mask, uint64_t from, uint64_t count, std::vector<uint8_t>& bytes) {
  const uint64_t first = from / MASK_BYTES, last = (from + count + MASK_BYTES - 1) / MASK_BYTES;
  bytes.resize((last - first) * MASK_BYTES + LANES);
  for (uint64_t index = first; index < last; index++) mask.draw(index, bytes.data() + (index - first) * MASK_BYTES);
  return bytes.data() + from % MASK_BYTES;
}

/** What kept values are multiplied by. */
inline float keepScale(const Dropout& dropout) { return 256.f / static_cast<float>(256 - dropout.dropped); }

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
