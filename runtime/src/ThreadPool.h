// ThreadPool.h - the threads of one model.
//
// Work is cut into chunks of `grain` items by the count alone; threads only decide who executes a chunk. Code that
// writes each chunk's results on its own therefore gives the same bits for any number of threads.
#pragma once

#include "Memory.h"
#include "heed/program.h"

#include <atomic>
#include <pthread.h>

namespace heed::runtime {

/// Threads start at the first use and sleep between uses. Calls from inside a chunk, and from a second thread while the
/// pool is busy, are executed by the caller alone. After fork() the child starts threads of its own.
class ThreadPool {
public:
  ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;
  ~ThreadPool();

  /// Must be called once, before anything else. False: out of memory.
  bool configure(int32_t threadCount);
  int32_t threads() const { return threadCount; }

  void run(int64_t count, int64_t grain, heed_parallel_body body, void *closure);

  /// heed_parallel_for with a ThreadPool as `pool`.
  static void parallelFor(void *pool, int64_t count, int64_t grain, heed_parallel_body body, void *closure);
  /// heed_parallel_for by the caller alone, with the same split.
  static void serialFor(void *pool, int64_t count, int64_t grain, heed_parallel_body body, void *closure);

private:
  struct Job {
    heed_parallel_body body = nullptr;
    void *closure = nullptr;
    int64_t count = 0, grain = 1;
    int32_t participants = 0;
    uint64_t floatingPoint = 0;
  };
  /// The chunks one participant starts with; the others help when they have finished their own.
  struct alignas(64) Share {
    std::atomic<int64_t> next;
    int64_t end;
  };
  struct Worker {
    ThreadPool *pool;
    pthread_t thread;
    int32_t number; // 1, 2, ...; the caller is participant 0
  };

  bool ownedByThisProcess();
  void startWorkers();
  void stopWorkers();
  void work(const Job &job, int32_t self);
  void workerLoop(int32_t number);
  static void *workerMain(void *worker);

  int32_t threadCount = 1, startedWorkers = 0;
  bool startTried = false, stopping = false, spin = false;
  Array<Worker> workers;
  Buffer shareMemory;

  std::atomic<bool> busy{false};
  std::atomic<uint32_t> generation{0}; // of the process that owns the threads, see ownedByThisProcess
  std::atomic<uint64_t> jobNumber{0};
  std::atomic<int32_t> unfinished{0};
  Job job; // written while nobody works; guarded by `mutex`
  pthread_mutex_t mutex;
  pthread_cond_t wake, done;
};

} // namespace heed::runtime
