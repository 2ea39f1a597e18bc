#pragma once
#include <functional>

namespace stylograph {

/** Number of threads that `parallelFor` uses: the processors that this process may run on. */
int threadCount();

/**
 * Calls `task(index, thread)` for every index below `count`, on all threads; `thread` is below `threadCount()`. The thread
 * of an index differs between calls, so a task's result must not depend on it.
 */
void parallelFor(int count, const std::function<void(int index, int thread)>& task);

}  // namespace stylograph
