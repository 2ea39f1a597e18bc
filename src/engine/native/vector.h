#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

/**
 * Vectors of the instruction set that this translation unit is compiled for. compute.cc is compiled once for each, in its own
 * namespace, and ops.cc chooses one when the library is loaded.
 */
#if defined(__AVX512F__)
#define STYLOGRAPH_ISA avx512
#elif defined(__AVX2__)
#define STYLOGRAPH_ISA avx2
#else
#define STYLOGRAPH_ISA sse2
#endif

namespace stylograph {
namespace STYLOGRAPH_ISA {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

/** A vector at any address of a float, without alignment. */
typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Vector*>(to) = value; }

/** The first `count` lanes, zeros after them. */
inline Vector loadSome(const float* from, int count) {
  if (count >= LANES) return load(from);
  Vector value = {};
  std::memcpy(&value, from, sizeof(float) * static_cast<size_t>(count));
  return value;
}
inline void storeSome(float* to, Vector value, int count) {
  if (count >= LANES) store(to, value);
  else std::memcpy(to, &value, sizeof(float) * static_cast<size_t>(count));
}

/** Integers and bytes for the lanes of a `Vector`. */
typedef int32_t Integers __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint8_t Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

/** Written as conversions of vectors, these would be compiled lane by lane. */
inline Integers loadBytes(const uint8_t* from) {
#if defined(__AVX512F__)
  return reinterpret_cast<Integers>(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
#elif defined(__AVX2__)
  return reinterpret_cast<Integers>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
#else
  return __builtin_convertvector(*reinterpret_cast<const Bytes*>(from), Integers);
#endif
}
inline void storeBytes(uint8_t* to, Integers values) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(values)));
#elif defined(__AVX2__)
  const __m256i v = reinterpret_cast<__m256i>(values);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
#else
  *reinterpret_cast<Bytes*>(to) = __builtin_convertvector(values, Bytes);
#endif
}

/** Unsigned 32-bit integers, and the 64-bit products of those in even lanes. */
typedef uint32_t Words __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint64_t Products __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline Products multiplyEven(Products a, Products b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Products>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Products>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return reinterpret_cast<Products>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#endif
}

/** The halves of a·b for every lane. */
inline void multiplyHighLow(Words a, uint32_t b, Words& high, Words& low) {
  const Products factor = Products{} + b, lower = Products{} + 0xffffffffu;
  const Products even = multiplyEven(reinterpret_cast<Products>(a), factor);
  const Products odd = multiplyEven(reinterpret_cast<Products>(a) >> 32, factor);
  high = reinterpret_cast<Words>((even >> 32) | (odd & ~lower));
  low = reinterpret_cast<Words>((even & lower) | (odd << 32));
}

inline float sum(Vector value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(reinterpret_cast<__m512>(value));
#else
  float total = 0;
  for (int lane = 0; lane < LANES; lane++) total += value[lane];
  return total;
#endif
}

constexpr int roundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }
constexpr int divideUp(int value, int divisor) { return (value + divisor - 1) / divisor; }

/** A thread's memory for one purpose, kept between calls with its contents. */
class Workspace {
 public:
  float* floats(size_t count) {
    if (count > size_) {
      free(data_);
      size_ = count;
      data_ = static_cast<float*>(std::aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64));
    }
    return data_;
  }
  ~Workspace() { free(data_); }

 private:
  float* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace STYLOGRAPH_ISA
}  // namespace stylograph
