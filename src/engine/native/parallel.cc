#include "parallel.h"

#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace stylograph {
namespace {

/** Polls before a waiting thread sleeps, about 0.2 ms: a step's kernels follow each other closely. */
constexpr int SPINS = 4000;

/**
 * Helper threads. The caller works too and waits only for tasks that a helper has started, so a helper without a processor
 * delays nothing. Helpers inherit the priority that the process has at the first call.
 */
class Pool {
 public:
  Pool() {
    cpu_set_t mine;
    CPU_ZERO(&mine);
    const int usable = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    size_ = usable > 0 ? usable : 1;
    for (int thread = 1; thread < size_; thread++) {
      std::thread([this, thread] { help(thread); }).detach();
    }
  }

  int size() const { return size_; }

  void run(int count, const std::function<void(int, int)>& task) {
    std::lock_guard<std::mutex> one(callers_);
    if (count <= 1 || size_ == 1) {
      for (int i = 0; i < count; i++) task(i, 0);
      return;
    }
    task_ = &task;
    count_ = count;
    done_.store(0);
    ticket_.store(static_cast<uint64_t>(count) << INDEX_BITS);
    if (sleepers_.load() > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_all();
    }
    takeAll(0);
    for (int spin = 0; done_.load() < count; spin++) {
      if (spin < SPINS) {
        __builtin_ia32_pause();
        continue;
      }
      std::unique_lock<std::mutex> lock(mutex_);
      callerSleeps_.store(true);
      finished_.wait(lock, [&] { return done_.load() == count; });
      callerSleeps_.store(false);
    }
  }

 private:
  static constexpr int INDEX_BITS = 32;
  static constexpr uint64_t INDEX = (uint64_t{1} << INDEX_BITS) - 1;

  static bool hasWork(uint64_t ticket) { return (ticket & INDEX) < ticket >> INDEX_BITS; }

  /** Count and next index share one word, so that an index is never mistaken for one of another call. */
  void takeAll(int thread) {
    while (hasWork(ticket_.load())) {
      const uint64_t ticket = ticket_.fetch_add(1);
      if (!hasWork(ticket)) return;
      (*task_)(static_cast<int>(ticket & INDEX), thread);
      // The call cannot end before this, so its count stays valid.
      const int count = count_;
      if (done_.fetch_add(1) + 1 == count && callerSleeps_.load()) {
        std::lock_guard<std::mutex> lock(mutex_);
        finished_.notify_one();
      }
    }
  }

  void help(int thread) {
    for (;;) {
      int spin = 0;
      while (!hasWork(ticket_.load())) {
        if (spin++ < SPINS) {
          __builtin_ia32_pause();
          continue;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        sleepers_.fetch_add(1);
        wake_.wait(lock, [&] { return hasWork(ticket_.load()); });
        sleepers_.fetch_sub(1);
      }
      takeAll(thread);
    }
  }

  int size_ = 1;
  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  /** Number of tasks in the upper half, index of the next one in the lower. */
  std::atomic<uint64_t> ticket_{0};
  std::atomic<int> done_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> callerSleeps_{false};
  int count_ = 0;
  const std::function<void(int, int)>* task_ = nullptr;
};

/** Never destroyed: its threads may outlive static destruction. */
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

}  // namespace

int threadCount() { return pool().size(); }

void parallelFor(int count, const std::function<void(int, int)>& task) { pool().run(count, task); }

}  // namespace stylograph
