#include "parallel.h"

#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace stylograph {
namespace {

/** Rounds of looking for work before a thread goes to sleep; a step's kernels follow one another closely. */
constexpr int SPINS = 10000;

/** Threads that wait for jobs. They inherit the priority that the process has when the first job comes. */
class Pool {
 public:
  Pool() {
    cpu_set_t mine;
    CPU_ZERO(&mine);
    const int usable = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    size_ = usable > 0 ? usable : 1;
    for (int thread = 1; thread < size_; thread++) {
      std::thread([this, thread] { work(thread); }).detach();
    }
  }

  int size() const { return size_; }

  void run(int count, const std::function<void(int, int)>& task) {
    std::lock_guard<std::mutex> one(callers_);
    if (count <= 1 || size_ == 1) {
      for (int i = 0; i < count; i++) task(i, 0);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      task_ = &task;
      count_ = count;
      next_.store(0, std::memory_order_relaxed);
      busy_.store(size_ - 1, std::memory_order_relaxed);
      job_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    take(0);
    // A thread that was not given a processor cannot finish while this one keeps it.
    for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; spin++) {
      if (spin < SPINS) __builtin_ia32_pause();
      else std::this_thread::yield();
    }
  }

 private:
  void take(int thread) {
    for (int i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) (*task_)(i, thread);
  }

  void work(int thread) {
    for (long seen = 0;; seen++) {
      for (int spin = 0; spin < SPINS && job_.load(std::memory_order_acquire) == seen; spin++) __builtin_ia32_pause();
      if (job_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return job_.load(std::memory_order_acquire) != seen; });
      }
      take(thread);
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  int size_ = 1;
  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<long> job_{0};
  std::atomic<int> next_{0};
  std::atomic<int> busy_{0};
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
