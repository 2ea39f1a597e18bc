#pragma once
#include <functional>

namespace stylograph {

/** Threads that `parallelFor` spreads work over: the processors this process may run on. */
int threadCount();

/**
 * Calls `task(index, thread)` for every index below `count`, on all threads; `thread` is below `threadCount()`. Which
 * thread takes an index is left to chance, so a task's result must not depend on it.
 */
void parallelFor(int count, const std::function<void(int index, int thread)>& task);

}  // namespace stylograph
