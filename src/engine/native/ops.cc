/** Registers the kernels of compute.h as TensorFlow operations on the CPU, through TensorFlow's C API for kernels. */
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "compute.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace stylograph {

namespace avx512 {
const Compute& table();
}
namespace avx2 {
const Compute& table();
}
namespace sse2 {
const Compute& table();
}

const Compute& compute() {
  static const Compute& best = []() -> const Compute& {
    __builtin_cpu_init();
    const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool hasAvx512 = hasAvx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    // A smaller instruction set can be requested, to find out whether one of them has a fault.
    const char* setting = std::getenv("STYLOGRAPH_KERNELS");
    const std::string asked = setting ? setting : "";
    if (asked == "sse2") return sse2::table();
    if (hasAvx512 && asked != "avx2") return avx512::table();
    return hasAvx2 ? avx2::table() : sse2::table();
  }();
  return best;
}

namespace {

using Shape = std::vector<int64_t>;

struct Attributes {
  bool upsample = false;
  float slope = 1;
  int32_t dropped = 0;
};

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  operator TF_Status*() { return status_; }
  void check() const {
    if (TF_GetCode(status_) != TF_OK) throw std::runtime_error(TF_Message(status_));
  }

 private:
  TF_Status* status_;
};

/** One execution of an op. */
class Call {
 public:
  Call(TF_OpKernelContext* context, const Attributes& attributes) : attributes(attributes), context_(context) {
    inputs_.resize(static_cast<size_t>(TF_NumInputs(context)), nullptr);
    for (size_t i = 0; i < inputs_.size(); i++) {
      TF_GetInput(context, static_cast<int>(i), &inputs_[i], status_);
      status_.check();
    }
  }
  ~Call() {
    for (TF_Tensor* tensor : inputs_) if (tensor) TF_DeleteTensor(tensor);
    for (TF_Tensor* tensor : outputs_) TF_DeleteTensor(tensor);
  }

  const Attributes& attributes;

  int inputs() const { return static_cast<int>(inputs_.size()); }

  template <class T = float>
  const T* data(int i) const { return static_cast<const T*>(TF_TensorData(inputs_[static_cast<size_t>(i)])); }

  Shape shape(int i) const {
    const TF_Tensor* tensor = inputs_[static_cast<size_t>(i)];
    Shape shape(static_cast<size_t>(TF_NumDims(tensor)));
    for (size_t d = 0; d < shape.size(); d++) shape[d] = TF_Dim(tensor, static_cast<int>(d));
    return shape;
  }

  /** The shape of an input that must have this many dimensions. */
  Shape shape(int i, size_t dimensions) const {
    Shape found = shape(i);
    require(found.size() == dimensions, "an input has the wrong number of dimensions");
    return found;
  }

  template <class T = float>
  T* output(int i, const Shape& shape) {
    const size_t size = static_cast<size_t>(std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()));
    TF_Tensor* tensor = TF_AllocateOutput(context_, i, TF_ExpectedOutputDataType(context_, i), shape.data(),
                                          static_cast<int>(shape.size()), size * sizeof(T), status_);
    status_.check();
    outputs_.push_back(tensor);
    return static_cast<T*>(TF_TensorData(tensor));
  }

  /** The dropout of the op, whose seed is input `i`. */
  Dropout dropout(int i) const {
    require(shape(i, 1)[0] == 2, "a seed is two integers");
    require(attributes.dropped >= 0 && attributes.dropped < 256, "dropped must be from 0 to 255");
    const int32_t* seed = data<int32_t>(i);
    return {{seed[0], seed[1]}, attributes.dropped};
  }

  static void require(bool holds, const char* otherwise) {
    if (!holds) throw std::runtime_error(otherwise);
  }

 private:
  TF_OpKernelContext* context_;
  mutable Status status_;
  std::vector<TF_Tensor*> inputs_;
  std::vector<TF_Tensor*> outputs_;
};

int64_t sizeOf(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

int64_t rowsOf(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end() - 1, int64_t{1}, std::multiplies<>());
}

/** Sizes from x, its planes and the kernel. */
ConvShape convShape(const Call& call, const Shape& x, int64_t planes, const Shape& kernel) {
  const bool upsample = call.attributes.upsample;
  Call::require(kernel[0] == (upsample ? 5 : 3) && kernel[1] == kernel[0], "the kernel has the wrong number of taps");
  Call::require(kernel[2] == x[3] + planes, "the kernel does not fit the channels");
  return {int(x[0]), int(x[1]), int(x[2]), int(x[3]), int(planes), int(kernel[3]), upsample};
}

Shape outputOf(const ConvShape& s) {
  const int fine = s.upsample ? 2 : 1;
  return {s.batch, fine * s.height, fine * s.width, s.filters};
}

void conv(Call& call) {
  const Shape x = call.shape(0, 4), planes = call.shape(1, 2), kernel = call.shape(2, 4);
  Call::require(planes[0] == x[0], "there must be one row of planes an image");
  const ConvShape s = convShape(call, x, planes[1], kernel);
  compute().conv(s, call.data(0), call.data(1), call.data(2), call.output(0, outputOf(s)));
}

void convInputGradient(Call& call) {
  const Shape dy = call.shape(0, 4), planes = call.shape(1, 2), kernel = call.shape(2, 4);
  const int fine = call.attributes.upsample ? 2 : 1;
  const Shape x{dy[0], dy[1] / fine, dy[2] / fine, kernel[2] - planes[1]};
  const ConvShape s = convShape(call, x, planes[1], kernel);
  Call::require(dy == outputOf(s), "dy does not fit the kernel");
  compute().convInputGradient(s, call.data(0), call.data(2), call.output(0, x));
}

void convFilterGradient(Call& call) {
  const Shape x = call.shape(0, 4), planes = call.shape(1, 2), dy = call.shape(2, 4);
  const int64_t taps = call.attributes.upsample ? 5 : 3;
  const Shape kernel{taps, taps, x[3] + planes[1], dy[3]};
  const ConvShape s = convShape(call, x, planes[1], kernel);
  Call::require(dy == outputOf(s) && planes[0] == x[0], "dy or the planes do not fit x");
  compute().convFilterGradient(s, call.data(0), call.data(1), call.data(2), call.output(0, kernel));
}

void activate(Call& call) {
  const Shape x = call.shape(0);
  Call::require(!x.empty() && call.shape(1) == Shape{x.back()}, "the bias does not fit x");
  compute().activate(rowsOf(x), int(x.back()), call.attributes.slope, call.dropout(2), call.data(0), call.data(1),
                     call.output(0, x), call.output<uint8_t>(1, x));
}

void activateGradient(Call& call) {
  const Shape dy = call.shape(0);
  Call::require(!dy.empty() && call.shape(1) == dy, "the code does not fit dy");
  const Dropout dropout{{0, 0}, call.attributes.dropped};
  compute().activateGradient(rowsOf(dy), int(dy.back()), call.attributes.slope, dropout, call.data(0),
                             call.data<uint8_t>(1), call.output(0, dy), call.output(1, {dy.back()}));
}

void maxPool(Call& call) {
  const Shape x = call.shape(0, 4);
  Call::require(call.shape(1) == Shape{x[3]}, "the bias does not fit x");
  const Shape y{x[0], (x[1] + 1) / 2, (x[2] + 1) / 2, x[3]};
  compute().maxPool(int(x[0]), int(x[1]), int(x[2]), int(x[3]), call.attributes.slope, call.dropout(2), call.data(0),
                    call.data(1), call.output(0, y), call.output<uint8_t>(1, y));
}

/** `size` is [height, width] of what was pooled. */
void maxPoolGradient(Call& call) {
  const Shape dy = call.shape(0, 4);
  Call::require(call.shape(1) == dy && call.shape(2) == Shape{2}, "the code does not fit dy");
  const int32_t* size = call.data<int32_t>(2);
  Call::require((size[0] + 1) / 2 == dy[1] && (size[1] + 1) / 2 == dy[2], "the size does not fit dy");
  const Dropout dropout{{0, 0}, call.attributes.dropped};
  compute().maxPoolGradient(int(dy[0]), size[0], size[1], int(dy[3]), call.attributes.slope, dropout, call.data(0),
                            call.data<uint8_t>(1), call.output(0, {dy[0], size[0], size[1], dy[3]}),
                            call.output(1, {dy[3]}));
}

StridedShape stridedShape(const Shape& x, const Shape& kernel) {
  Call::require(x[1] % 4 == 0 && x[2] % 4 == 0, "sides must be multiples of 4");
  Call::require(kernel[0] == 7 && kernel[1] == 7 && kernel[2] == x[3], "the kernel must be 7×7 and fit the channels");
  return {int(x[0]), int(x[1]), int(x[2]), int(x[3]), int(kernel[3])};
}

void stridedConv(Call& call) {
  const Shape x = call.shape(0, 4), kernel = call.shape(1, 4);
  const StridedShape s = stridedShape(x, kernel);
  Call::require(call.shape(2) == Shape{kernel[3]}, "the bias does not fit the kernel");
  const Shape y{x[0], x[1] / 4, x[2] / 4, kernel[3]};
  compute().stridedConv(s, call.attributes.slope, call.dropout(3), call.data(0), call.data(1), call.data(2),
                        call.output(0, y), call.output<uint8_t>(1, y));
}

void stridedConvInputGradient(Call& call) {
  const Shape dy = call.shape(0, 4), kernel = call.shape(2, 4);
  const Shape x{dy[0], dy[1] * 4, dy[2] * 4, kernel[2]};
  Call::require(call.shape(1) == dy && dy[3] == kernel[3], "the code or the kernel does not fit dy");
  compute().stridedConvInputGradient(stridedShape(x, kernel), call.attributes.slope,
                                     {{0, 0}, call.attributes.dropped}, call.data(0), call.data<uint8_t>(1),
                                     call.data(2), call.output(0, x));
}

void stridedConvFilterGradient(Call& call) {
  const Shape dy = call.shape(0, 4), x = call.shape(2, 4);
  Call::require(call.shape(1) == dy && dy[0] == x[0] && dy[1] * 4 == x[1] && dy[2] * 4 == x[2], "x does not fit dy");
  const Shape kernel{7, 7, x[3], dy[3]};
  compute().stridedConvFilterGradient(stridedShape(x, kernel), call.attributes.slope,
                                      {{0, 0}, call.attributes.dropped}, call.data(0), call.data<uint8_t>(1),
                                      call.data(2), call.output(0, kernel), call.output(1, {dy[3]}));
}

ImageConvShape imageConvShape(const Shape& x, const Shape& kernel) {
  Call::require(x[1] % 2 == 0 && x[2] % 2 == 0, "sides must be even");
  Call::require(kernel[0] == 5 && kernel[1] == 5 && kernel[2] == x[3], "the kernel must be 5×5 and fit the channels");
  return {int(x[0]), int(x[1]), int(x[2]), int(x[3]), int(kernel[3])};
}

void imageConv(Call& call) {
  const Shape x = call.shape(0, 4), kernel = call.shape(1, 4);
  compute().imageConv(imageConvShape(x, kernel), call.dropout(2), call.data(0), call.data(1),
                      call.output(0, {x[0], 2 * x[1], 2 * x[2], kernel[3]}));
}

void imageConvInputGradient(Call& call) {
  const Shape dy = call.shape(0, 4), kernel = call.shape(1, 4);
  const Shape x{dy[0], dy[1] / 2, dy[2] / 2, kernel[2]};
  Call::require(dy[3] == kernel[3], "the kernel does not fit dy");
  compute().imageConvInputGradient(imageConvShape(x, kernel), call.dropout(2), call.data(0), call.data(1),
                                   call.output(0, x));
}

void imageConvFilterGradient(Call& call) {
  const Shape x = call.shape(0, 4), dy = call.shape(1, 4);
  Call::require(dy[0] == x[0] && dy[1] == 2 * x[1] && dy[2] == 2 * x[2], "dy does not fit x");
  const Shape kernel{5, 5, x[3], dy[3]};
  compute().imageConvFilterGradient(imageConvShape(x, kernel), call.dropout(2), call.data(0), call.data(1),
                                    call.output(0, kernel));
}

/** Pairs of (θ, g), then the flat accumulators in the order of the pairs, then the numbers of the update. */
int pairsOf(const Call& call, int accumulators) {
  const int pairs = (call.inputs() - accumulators - 1) / 2;
  int64_t total = 0;
  for (int i = 0; i < pairs; i++) {
    Call::require(call.shape(i) == call.shape(pairs + i), "one tensor of a pair does not fit the other");
    total += sizeOf(call.shape(i));
  }
  for (int a = 0; a < accumulators; a++) {
    Call::require(call.shape(2 * pairs + a) == Shape{total}, "an accumulator does not fit the weights");
  }
  return pairs;
}

/** The numbers of an update, the op's last input. */
template <class Numbers>
Numbers numbersOf(const Call& call) {
  constexpr int64_t count = sizeof(Numbers) / sizeof(float);
  const int last = call.inputs() - 1;
  Call::require(call.shape(last) == Shape{count}, "the update has the wrong number of numbers");
  Numbers numbers;
  std::memcpy(&numbers, call.data(last), sizeof numbers);
  return numbers;
}

void rmsProp(Call& call) {
  const int pairs = pairsOf(call, 1);
  const RmsProp numbers = numbersOf<RmsProp>(call);
  const float* ms = call.data(2 * pairs);
  float* newMs = call.output(pairs, call.shape(2 * pairs));
  int64_t at = 0;
  for (int i = 0; i < pairs; i++) {
    const int64_t size = sizeOf(call.shape(i));
    compute().rmsProp(size, numbers, call.data(i), call.data(pairs + i), ms + at, call.output(i, call.shape(i)),
                      newMs + at);
    at += size;
  }
}

void adam(Call& call) {
  const int pairs = pairsOf(call, 2);
  const Adam numbers = numbersOf<Adam>(call);
  const float* m = call.data(2 * pairs);
  const float* v = call.data(2 * pairs + 1);
  float* newM = call.output(pairs, call.shape(2 * pairs));
  float* newV = call.output(pairs + 1, call.shape(2 * pairs));
  int64_t at = 0;
  for (int i = 0; i < pairs; i++) {
    const int64_t size = sizeOf(call.shape(i));
    compute().adam(size, numbers, call.data(i), call.data(pairs + i), m + at, v + at, call.output(i, call.shape(i)),
                   newM + at, newV + at);
    at += size;
  }
}

void average(Call& call) {
  const int pairs = pairsOf(call, 0);
  const Averaging numbers = numbersOf<Averaging>(call);
  for (int i = 0; i < pairs; i++) {
    compute().average(sizeOf(call.shape(i)), numbers, call.data(i), call.data(pairs + i), call.output(i, call.shape(i)));
  }
}

void* create(TF_OpKernelConstruction* construction) {
  auto* attributes = new Attributes;
  Status status;
  unsigned char upsample = 0;
  if (TF_OpKernelConstruction_HasAttr(construction, "upsample", status)) {
    TF_OpKernelConstruction_GetAttrBool(construction, "upsample", &upsample, status);
    attributes->upsample = upsample != 0;
  }
  if (TF_OpKernelConstruction_HasAttr(construction, "slope", status)) {
    TF_OpKernelConstruction_GetAttrFloat(construction, "slope", &attributes->slope, status);
  }
  if (TF_OpKernelConstruction_HasAttr(construction, "dropped", status)) {
    TF_OpKernelConstruction_GetAttrInt32(construction, "dropped", &attributes->dropped, status);
  }
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  return attributes;
}

void destroy(void* attributes) { delete static_cast<Attributes*>(attributes); }

template <void (*Run)(Call&)>
void computeOp(void* attributes, TF_OpKernelContext* context) {
  try {
    Call call(context, *static_cast<Attributes*>(attributes));
    Run(call);
  } catch (const std::exception& error) {
    Status status;
    TF_SetStatus(status, TF_INVALID_ARGUMENT, error.what());
    TF_OpKernelContext_Failure(context, status);
  }
}

using Specs = std::initializer_list<const char*>;

template <void (*Run)(Call&)>
void define(const char* name, Specs attributes, Specs inputs, Specs outputs) {
  Status status;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* spec : attributes) TF_OpDefinitionBuilderAddAttr(definition, spec);
  for (const char* spec : inputs) TF_OpDefinitionBuilderAddInput(definition, spec);
  for (const char* spec : outputs) TF_OpDefinitionBuilderAddOutput(definition, spec);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(
      definition, [](TF_ShapeInferenceContext* context, TF_Status* status) {
        TF_ShapeInferenceContextSetUnknownShape(context, status);
      });
  TF_RegisterOpDefinition(definition, status);
  status.check();
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name, "CPU", create, computeOp<Run>, destroy);
  TF_RegisterKernelBuilder(name, kernel, status);
  status.check();
}

/** Runs when the library is loaded. */
__attribute__((constructor)) void registerOps() {
  const char *UPSAMPLE = "upsample: bool", *SLOPE = "slope: float", *DROPPED = "dropped: int";
  define<conv>("StylographConv", {UPSAMPLE}, {"x: float", "planes: float", "kernel: float"}, {"y: float"});
  define<convInputGradient>("StylographConvInputGradient", {UPSAMPLE},
                            {"dy: float", "planes: float", "kernel: float"}, {"dx: float"});
  define<convFilterGradient>("StylographConvFilterGradient", {UPSAMPLE}, {"x: float", "planes: float", "dy: float"},
                             {"d_kernel: float"});
  define<activate>("StylographActivate", {SLOPE, DROPPED}, {"x: float", "bias: float", "seed: int32"},
                   {"y: float", "code: uint8"});
  define<activateGradient>("StylographActivateGradient", {SLOPE, DROPPED}, {"dy: float", "code: uint8"},
                           {"dx: float", "d_bias: float"});
  define<maxPool>("StylographMaxPool", {SLOPE, DROPPED}, {"x: float", "bias: float", "seed: int32"},
                  {"y: float", "code: uint8"});
  define<maxPoolGradient>("StylographMaxPoolGradient", {SLOPE, DROPPED}, {"dy: float", "code: uint8", "size: int32"},
                          {"dx: float", "d_bias: float"});
  define<stridedConv>("StylographStridedConv", {SLOPE, DROPPED},
                      {"x: float", "kernel: float", "bias: float", "seed: int32"}, {"y: float", "code: uint8"});
  define<stridedConvInputGradient>("StylographStridedConvInputGradient", {SLOPE, DROPPED},
                                   {"dy: float", "code: uint8", "kernel: float"}, {"dx: float"});
  define<stridedConvFilterGradient>("StylographStridedConvFilterGradient", {SLOPE, DROPPED},
                                    {"dy: float", "code: uint8", "x: float"}, {"d_kernel: float", "d_bias: float"});
  define<imageConv>("StylographImageConv", {DROPPED}, {"x: float", "kernel: float", "seed: int32"}, {"y: float"});
  define<imageConvInputGradient>("StylographImageConvInputGradient", {DROPPED},
                                 {"dy: float", "kernel: float", "seed: int32"}, {"dx: float"});
  define<imageConvFilterGradient>("StylographImageConvFilterGradient", {DROPPED},
                                  {"x: float", "dy: float", "seed: int32"}, {"d_kernel: float"});
  define<rmsProp>("StylographRmsProp", {"N: int"},
                  {"thetas: N * float", "gradients: N * float", "mean_square: float", "numbers: float"},
                  {"new_thetas: N * float", "new_mean_square: float"});
  define<adam>("StylographAdam", {"N: int"},
               {"thetas: N * float", "gradients: N * float", "first_moment: float", "second_moment: float",
                "numbers: float"},
               {"new_thetas: N * float", "new_first_moment: float", "new_second_moment: float"});
  define<average>("StylographAverage", {"N: int"}, {"averages: N * float", "thetas: N * float", "numbers: float"},
                  {"new_averages: N * float"});
}

}  // namespace
}  // namespace stylograph
